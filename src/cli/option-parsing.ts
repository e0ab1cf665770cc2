import type { Selection } from "../core/selection.ts";
import { KsealError } from "../errors.ts";
import { formatOfWord } from "../formats/detect.ts";
import type { Format } from "../formats/store.ts";
import type { OptionValues } from "./command.ts";

const selectionFlags = [
  ["encryptedRegex", "encrypted_regex"],
  ["unencryptedRegex", "unencrypted_regex"],
  ["encryptedSuffix", "encrypted_suffix"],
  ["unencryptedSuffix", "unencrypted_suffix"],
  ["encryptedCommentRegex", "encrypted_comment_regex"],
  ["unencryptedCommentRegex", "unencrypted_comment_regex"],
] as const;

/** The selection rule that the flags give; at most one may be given. */
export function selectionOf(options: OptionValues): Selection | undefined {
  const given = selectionFlags.flatMap(([option, rule]) => {
    const pattern = options.text(option);
    return pattern === undefined ? [] : [{ rule, pattern }];
  });
  if (given.length > 1) {
    const names = given.map(({ rule }) => `--${rule.replaceAll("_", "-")}`).join(" and ");
    throw new KsealError("USAGE", `${names} exclude each other`);
  }
  return given[0];
}

/** A whole number given as text, e.g. `--indent 2`. */
export function numberOf(options: OptionValues, name: string): number | undefined {
  const text = options.text(name);
  if (text === undefined) return undefined;
  if (!/^-?\d{1,6}$/.test(text)) throw new KsealError("USAGE", `${JSON.stringify(text)} is no whole number`);
  return Number(text);
}

/** The formats that `--input-type` and `--output-type` name. */
export function typesOf(options: OptionValues): {
  inputType: Format | undefined;
  outputType: Format | undefined;
} {
  const format = (name: string) => {
    const word = options.text(name);
    return word === undefined ? undefined : formatOfWord(word);
  };
  return { inputType: format("inputType"), outputType: format("outputType") };
}
