import type { GoValue } from "./value.ts";

/** Whether Sprig's `empty` holds: nil, false, zero, and what has no length. A struct such as a time is never empty. */
export function isEmpty(value: GoValue): boolean {
  switch (value.kind) {
    case "nil":
      return true;
    case "bool":
      return !value.value;
    case "int":
      return value.value === 0n;
    case "float":
      return value.value === 0;
    case "string":
      return value.value === "";
    case "map":
      return value.entries.size === 0;
    case "list":
      return value.items.length === 0;
    case "object":
      return value.underlying !== undefined && isEmpty(value.underlying);
  }
}
