import { printJsonText } from "./json-print.ts";
import { printYamlObject } from "./manifest-print-yaml.ts";

/** An object of Kubernetes as plain values. */
type PlainObject = Readonly<Record<string, unknown>>;

/**
 * Prints objects as kubeseal does: as YAML each behind `---` and sorted by key, as JSON one behind the other, two spaces
 * a level, in the order of their keys.
 *
 * @param objects - Texts, numbers, booleans, nulls, lists and objects of them.
 */
export function printObjects(objects: readonly PlainObject[], format: "yaml" | "json"): Uint8Array {
  const print = format === "yaml" ? printYamlObject : (object: PlainObject) => `${printJson(object, "")}\n`;
  return new TextEncoder().encode(objects.map(print).join(""));
}

function printJson(value: unknown, indentation: string): string {
  if (typeof value === "string") return printJsonText(value);
  if (typeof value !== "object" || value === null) return String(value);
  const inner = `${indentation}  `;
  const isList = Array.isArray(value);
  const items = isList
    ? value.map((item) => printJson(item, inner))
    : entriesOf(value).map(([key, child]) => `${printJsonText(key)}: ${printJson(child, inner)}`);
  const [open, close] = isList ? "[]" : "{}";
  return items.length === 0
    ? `${open}${close}`
    : `${open}\n${inner}${items.join(`,\n${inner}`)}\n${indentation}${close}`;
}

/** JavaScript moves keys that are numbers to the front: an object with one is a map, and those Go sorts. */
function entriesOf(value: object): readonly (readonly [string, unknown])[] {
  const entries = Object.entries(value);
  const isMap = entries.some(([key]) => /^(?:0|[1-9]\d*)$/.test(key));
  return isMap ? entries.toSorted(([a], [b]) => (a < b ? -1 : 1)) : entries;
}
