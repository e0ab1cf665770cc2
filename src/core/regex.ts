import { RE2JS } from "re2js";
import { KsealError } from "../errors.ts";

/** A user's pattern, searched unanchored and in linear time. */
export interface Pattern {
  readonly test: (text: string) => boolean;
}

/**
 * Compiles a pattern with RE2 semantics, as SOPS does: `(?i)` and POSIX classes work, look-around and
 * back-references are refused.
 *
 * @throws KsealError `CONFIG_INVALID` when RE2 refuses the pattern.
 */
export function compileRe2(pattern: string): Pattern {
  try {
    const compiled = RE2JS.compile(pattern);
    return { test: (text) => compiled.test(text) };
  } catch (cause) {
    throw new KsealError(
      "CONFIG_INVALID",
      `the pattern ${JSON.stringify(pattern)} is no valid regular expression`,
      {
        hint: "patterns have RE2 syntax: no look-around, no back-references, every parenthesis closed",
        cause,
      },
    );
  }
}
