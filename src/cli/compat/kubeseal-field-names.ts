import { field, type JsonObject } from "../../sealed/object-fields.ts";

/** The fields of a Secret whose name the original reads in letters of any case, and what is in them. */
interface FieldNames {
  readonly [name: string]: FieldNames | undefined;
}

const leaf = undefined;
const metadata: FieldNames = { name: leaf, namespace: leaf, labels: leaf, annotations: leaf };
const fields: FieldNames = {
  apiVersion: leaf,
  kind: leaf,
  metadata,
  type: leaf,
  immutable: leaf,
  data: leaf,
  stringData: leaf,
  items: leaf,
};

/**
 * The object with the names of its fields as Kubernetes has them. Go reads `stringdata` as `stringData`, so whoever has
 * such a file has had its values sealed. In a SealedSecret it is exact, as it opens them with another reader.
 */
export function withFieldNames(object: JsonObject): JsonObject {
  if (field(object, "kind") === "SealedSecret") return object;
  return renamed(object, fields);
}

function renamed(object: JsonObject, names: FieldNames): JsonObject {
  const known = new Map(Object.keys(names).map((name) => [name.toLowerCase(), name]));
  const found = new Map<string, unknown>();
  // The right name comes last, and counts.
  const entries = Object.entries(object).toSorted(
    ([a], [b]) => Number(Object.hasOwn(names, a)) - Number(Object.hasOwn(names, b)),
  );
  for (const [key, value] of entries) {
    const name = known.get(key.toLowerCase()) ?? key;
    const inner = Object.hasOwn(names, name) ? names[name] : undefined;
    const read = inner !== undefined && isObject(value) ? renamed(value, inner) : value;
    const before = found.get(name);
    found.set(name, isObject(before) && isObject(read) ? { ...before, ...read } : read);
  }
  return Object.fromEntries(found);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
