import type { GoValue } from "./value.ts";

/** The items of a nil slice: prints as `[]` like an empty one, and is `null` in JSON. Compared by identity. */
export const nilItems: readonly GoValue[] = Object.freeze([]);

/** The entries of a nil map: empty, `null` in JSON, and nothing may be added. Compared by identity. */
export const nilEntries: Map<string, GoValue> = new Map();
