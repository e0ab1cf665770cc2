import { nilItems } from "./nil-items.ts";
import type { GoObject, GoValue } from "./value.ts";

/** `reflect.DeepEqual`: the same types and the same content; NaN differs from itself, a nil slice from an empty one. */
export function deepEqual(a: GoValue, b: GoValue): boolean {
  switch (a.kind) {
    case "nil":
      return b.kind === "nil";
    case "int":
      return b.kind === "int" && a.type === b.type && a.value === b.value;
    case "bool":
    case "float":
    case "string":
      return b.kind === a.kind && a.value === b.value;
    case "list":
      return (
        b.kind === "list" &&
        a.element === b.element &&
        a.items.length === b.items.length &&
        (a.items === nilItems) === (b.items === nilItems) &&
        a.items.every((item, index) => deepEqual(item, b.items[index] ?? { kind: "nil" }))
      );
    case "map":
      return b.kind === "map" && a.element === b.element && sameEntries(a.entries, b.entries);
    case "object":
      return b.kind === "object" && sameObject(a, b);
  }
}

function sameEntries(a: ReadonlyMap<string, GoValue>, b: ReadonlyMap<string, GoValue>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a) {
    const other = b.get(key);
    if (other === undefined || !deepEqual(value, other)) return false;
  }
  return true;
}

function sameObject(a: GoObject, b: GoObject): boolean {
  return a === b || (a.type === b.type && a.text() === b.text());
}
