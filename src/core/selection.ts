import { KsealError } from "../errors.ts";

/** The ways to say which values are encrypted, as files, creation rules and flags name them. */
export const selectionRules = [
  "unencrypted_suffix",
  "encrypted_suffix",
  "unencrypted_regex",
  "encrypted_regex",
  "unencrypted_comment_regex",
  "encrypted_comment_regex",
] as const;

/** Which values of a file are encrypted. A file has at most one rule (sops.md 6). */
export interface Selection {
  readonly rule: (typeof selectionRules)[number];
  /** The suffix, or a pattern with RE2 semantics that is searched unanchored. */
  readonly pattern: string;
}

/** What SOPS takes when neither rule, flag nor file say anything. */
export const defaultSelection: Selection = { rule: "unencrypted_suffix", pattern: "_unencrypted" };

/**
 * A compiled {@link Selection}, as a judge without a memory: the walker carries one bit, *whether something that is
 * in force here matched*, and asks how keys and comments change it and what it means.
 *
 * A key is in force for everything below it. A comment is in force for the comments that follow it and for the next
 * sibling with everything below that one; then the bit goes back to what it was when the container was opened.
 */
export interface Selector {
  /** The bit below a key, given the bit in front of it. */
  afterKey(matched: boolean, key: string): boolean;
  /** The bit behind a comment, given the bit in front of it. */
  afterComment(matched: boolean, text: string): boolean;
  encryptsValue(matched: boolean): boolean;
  /** Whether a comment is encrypted, given the bits in front of it and behind it. */
  encryptsComment(before: boolean, after: boolean): boolean;
  /** Whether a reader of the file would take an encrypted comment for one that keeps things in clear. */
  mistakesForMark(sealedComment: string): boolean;
}

/**
 * Compiles a selection rule.
 *
 * @throws KsealError `CONFIG_INVALID` for an empty pattern, and for one that RE2 refuses.
 */
export async function compileSelection({ rule, pattern }: Selection): Promise<Selector> {
  // SOPS takes an empty one for "not set", and every key ends with an empty suffix.
  if (pattern === "") throw new KsealError("CONFIG_INVALID", `${rule} is empty`);
  const matches = rule.endsWith("_suffix") ? suffixTest(pattern) : await patternTest(pattern);
  const onComments = rule.endsWith("_comment_regex");
  const encryptsMatches = rule.startsWith("encrypted_");
  return {
    afterKey: (matched, key) => matched || (!onComments && matches(key)),
    afterComment: (matched, text) => matched || (onComments && matches(text)),
    encryptsValue: (matched) => matched === encryptsMatches,
    // The comment that switches encryption on stays readable; the one that switches it off keeps itself in clear.
    encryptsComment: (before, after) => (encryptsMatches ? before : !after),
    mistakesForMark: (sealedComment) => onComments && !encryptsMatches && matches(sealedComment),
  };
}

function suffixTest(suffix: string): (key: string) => boolean {
  return (key) => key.endsWith(suffix);
}

async function patternTest(pattern: string): Promise<(text: string) => boolean> {
  // `^(data|stringData)$` is in nearly every file: comparing words spares it the regex engine, which takes longer to
  // load than the file to decrypt, and a hundred thousand calls of it.
  const words = /^\^\((\w+(?:\|\w+)*)\)\$$/.exec(pattern)?.[1]?.split("|");
  if (words) return (text) => words.includes(text);
  const { compileRe2 } = await import("./regex.ts");
  return compileRe2(pattern).test;
}
