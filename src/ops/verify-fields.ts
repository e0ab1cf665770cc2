import { nearest } from "../config/did-you-mean.ts";
import type { TreePath } from "../core/tree-path.ts";
import type { JsonObject } from "../sealed/object-fields.ts";
import { type Defect, defect } from "./verify-finding.ts";

/** The value at a place of an object, own fields only; `undefined` when it is missing or null. */
export function valueAt(object: unknown, path: TreePath): unknown {
  let value = object;
  for (const step of path) {
    if (!isObject(value) && !Array.isArray(value)) return undefined;
    value = Object.hasOwn(value, step) ? (value as Record<string | number, unknown>)[step] : undefined;
  }
  return value ?? undefined;
}

/** Text at a place; empty when something else or nothing stands there. */
export function textAt(object: unknown, path: TreePath): string {
  const value = valueAt(object, path);
  return typeof value === "string" ? value : "";
}

/** The entries of a mapping at a place; none when something else or nothing stands there. */
export function entriesAt(object: unknown, path: TreePath): readonly (readonly [string, unknown])[] {
  const value = valueAt(object, path);
  return isObject(value) ? Object.entries(value) : [];
}

/** The entries that are text, which is all that Sealed Secrets sees. */
export function textsAt(object: unknown, path: TreePath): ReadonlyMap<string, string> {
  return new Map(
    entriesAt(object, path).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])),
  );
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

type Kind = "text" | "a mapping" | "true or false" | "texts by name";

/** A field that is there and of another type. `null` is refused where Kubernetes would drop the entry without a word. */
export function checkType(object: JsonObject, path: TreePath, kind: Kind): readonly Defect[] {
  const value = valueAt(object, path);
  if (value === undefined) return [];
  if (kind === "text" || kind === "true or false") {
    const wanted = kind === "text" ? "string" : "boolean";
    const help = kind === "text" && !isObject(value) && !Array.isArray(value) ? inQuotes : undefined;
    return typeof value === wanted ? [] : [wrongType(path, value, kind, help)];
  }
  if (!isObject(value)) return [wrongType(path, value, "a mapping")];
  if (kind === "a mapping") return [];
  return Object.entries(value).flatMap(([name, entry]) =>
    typeof entry === "string"
      ? []
      : [wrongType([...path, name], entry, "text", isObject(entry) || entry === null ? undefined : inQuotes)],
  );
}

const inQuotes = "put the value in quotes";

function wrongType(path: TreePath, value: unknown, wanted: string, hint?: string): Defect {
  return defect("type", path, `it is ${describe(value)}, not ${wanted}`, hint);
}

/** Fields that nobody knows, and that the cluster drops without a word. */
export function checkFields(object: JsonObject, path: TreePath, known: readonly string[]): readonly Defect[] {
  return entriesAt(object, path).flatMap(([name]) => {
    if (known.includes(name)) return [];
    const meant = nearest(name, known);
    const hint = meant === undefined ? `known are ${known.join(", ")}` : `did you mean ${meant}?`;
    return [
      defect("unknown-field", [...path, name], "the cluster does not know this field and drops it", hint),
    ];
  });
}

// Never the value itself, which may be a secret in clear.
function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  if (typeof value === "string") return "text";
  return typeof value === "boolean" ? "true or false" : "a number";
}
