import type { GoValue } from "./value.ts";

/** The items of a nil slice: prints as `[]` like an empty one, and is `null` in JSON. Compared by identity. */
export const nilItems: readonly GoValue[] = Object.freeze([]);
