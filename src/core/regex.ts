import { RE2JS } from "re2js";
import { KsealError } from "../errors.ts";

/** A user's pattern, searched unanchored and in linear time. */
export interface Pattern {
  readonly test: (text: string) => boolean;
}

/*
 * Letters, dots, `.*` and lists of words, which most patterns are made of: JavaScript reads them as RE2 does, but for line
 * breaks. A repeated group could be ambiguous, and is none of these.
 */
const plainPattern = /^\^?(?:(?:[\w/ -]|\\\.|\.)[*+?]?|\([\w-]+(?:\|[\w-]+)*\))*\$?$/;
// JavaScript goes back over the text for each repetition. So few of them, and so short a text, keep that below a moment.
const mostRepetitions = 2;
const longestText = 200;

/**
 * Compiles a pattern with RE2 semantics, as SOPS does: `(?i)` and POSIX classes work, look-around and
 * back-references are refused.
 *
 * To compile the first one with RE2 takes longer than to decrypt a file, so plain patterns do without.
 *
 * @throws KsealError `CONFIG_INVALID` when RE2 refuses the pattern.
 */
export function compileRe2(pattern: string): Pattern {
  const repetitions = pattern.match(/[*+?]/g)?.length ?? 0;
  if (!plainPattern.test(pattern) || repetitions > mostRepetitions) return compile(pattern);
  const plain = new RegExp(
    pattern.replaceAll(/\\?\./g, (dot) => (dot === "." ? "[^\\n]" : dot)),
    "u",
  );
  let linear: Pattern | undefined;
  return {
    test: (text) => {
      if (text.length <= longestText) return plain.test(text);
      linear ??= compile(pattern);
      return linear.test(text);
    },
  };
}

function compile(pattern: string): Pattern {
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
