import { KsealError } from "../errors.ts";

/** How deep containers may be nested. No manifest comes near; a hostile file could exhaust the stack. */
export const deepest = 1000;

/** The refusal of a file that is nested deeper than {@link deepest} containers. */
export function tooDeep(): KsealError {
  return new KsealError("LIMIT_EXCEEDED", `the file is nested deeper than ${deepest} levels`);
}
