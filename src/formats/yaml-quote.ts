import { encodeBase64 } from "../core/base64.ts";
import type { Scalar } from "../core/tree.ts";
import { goFloat } from "./float-text.ts";
import { resolvePlain } from "./yaml-scalar.ts";
import type { ScalarStyle } from "./yaml-syntax.ts";

/** A scalar ready to be written: its text before quoting, and what must stand before it. */
export interface ScalarText {
  readonly text: string;
  readonly style: ScalarStyle;
  readonly tag: "!!binary" | "!!merge" | undefined;
}

/** How a float is spelt: as SOPS does, which writes 1.0 as `1`, or so that it is read as a float again (D20). */
export type FloatSpelling = "sops" | "float";

// Neither libyaml nor go-yaml writes anything else as it is. Characters above U+FFFF are among it.
const special = /[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/;
// What YAML readers refuse or take for a line break outside of double quotes.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that YAML does not allow.
const unprintable = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\p{Surrogate}/u;
// Breaks for go-yaml beside the line feed; none survives outside of double quotes.
const otherBreak = /[\r\x85\u2028\u2029]/;
const startsLikeMarker = /^(?:---|\.\.\.)/;
const startsLikeSyntax = /^(?:[#,[\]{}&*!|>'"%@`]|[?:-](?:[ \t\n]|$))/;
const hasSyntax = /:(?:[ \t\n]|$)|[ \t\n]#/;
const hasFlowSyntax = /[,?[\]{}:]/;
const oldBool = /^(?:[yYnN]|yes|Yes|YES|on|On|ON|no|No|NO|off|Off|OFF)$/;
const base60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;

/** Whether a text may stand without quotes as a string, for old readers of YAML 1.1 too. */
export function canBePlain(text: string, { flow }: { flow: boolean }): boolean {
  if (!isString(text) || !isPlainSyntax(text)) return false;
  return !flow || !(hasFlowSyntax.test(text) || text.startsWith("-"));
}

/** Whether a text without quotes would be a string, for readers of YAML 1.1 too. */
export function isString(text: string): boolean {
  return isStringForSops(text) && !oldBool.test(text) && !base60.test(text);
}

/** Whether a text without quotes would be a string for go-yaml. */
export function isStringForSops(text: string): boolean {
  const scalar = resolvePlain(text);
  return scalar !== "too-large" && scalar.kind === "str";
}

/** Whether a text without quotes would be read as the same text, whatever its type. */
export function isPlainSyntax(text: string): boolean {
  return !(
    text === "" ||
    unprintable.test(text) ||
    /[\n]|^[ \t]|[ \t]$/.test(text) ||
    startsLikeMarker.test(text) ||
    startsLikeSyntax.test(text) ||
    hasSyntax.test(text)
  );
}

/** Whether a text can stand between single quotes on one line. */
export function canStandInLine(text: string): boolean {
  return !unprintable.test(text) && !text.includes("\n");
}

/** Whether the lines of a block can hold a text. */
export function canStandInBlock(text: string): boolean {
  // A block of nothing but line breaks is read differently by many.
  return !unprintable.test(text) && !/^\n*$/.test(text);
}

/** Whether SOPS would leave a text out of double quotes. */
function canBeSingle(text: string): boolean {
  return !special.test(text) && !otherBreak.test(text) && !/[\t\n]/.test(text);
}

/** Whether SOPS would write a text as a literal block. */
export function canBeLiteral(text: string): boolean {
  // A tab in front would be taken for indentation; go-yaml then reads nothing at all.
  const isBroken = special.test(text) || otherBreak.test(text) || / (?:\n|$)|^\t/.test(text);
  return text !== "" && !isBroken;
}

/** The text and style that SOPS gives to a scalar. */
export function chooseStyle(scalar: Scalar, floats: FloatSpelling): ScalarText {
  switch (scalar.kind) {
    case "str":
      return chooseTextStyle(scalar.value);
    case "bytes":
      return binaryText(scalar.value);
    case "null":
      return { text: "null", style: "plain", tag: undefined };
    case "int":
    case "bool":
      return { text: String(scalar.value), style: "plain", tag: undefined };
    case "time":
      return { text: scalar.value, style: "plain", tag: undefined };
    case "float":
      return { text: floatText(scalar.value, floats), style: "plain", tag: undefined };
  }
}

function chooseTextStyle(text: string): ScalarText {
  // A string that only looks like the merge key gets the tag, as go-yaml does it.
  if (text === "<<") return { text, style: "plain", tag: "!!merge" };
  return { text, style: styleOf(text), tag: undefined };
}

function styleOf(text: string): ScalarStyle {
  if (text.includes("\n")) return canBeLiteral(text) ? "literal" : "double";
  if (!isString(text)) return "double";
  if (!canBeSingle(text)) return "double";
  return isPlainSyntax(text) ? "plain" : "single";
}

// Go breaks base64 after 70 characters, and ends the last line too when there are several.
function binaryText(bytes: Uint8Array): ScalarText {
  const lines = encodeBase64(bytes).match(/.{1,70}/g) ?? [""];
  const isLong = lines.length > 1 || (lines[0] ?? "").length === 70;
  return isLong
    ? { text: `${lines.join("\n")}\n`, style: "literal", tag: "!!binary" }
    : { text: lines[0] ?? "", style: "plain", tag: "!!binary" };
}

function floatText(value: number, floats: FloatSpelling): string {
  if (Number.isNaN(value)) return ".nan";
  if (!Number.isFinite(value)) return value > 0 ? ".inf" : "-.inf";
  const text = goFloat(value).toLowerCase();
  return floats === "float" && /^-?[0-9]+$/.test(text) ? `${text}.0` : text;
}

/** A text in single quotes. */
export function quoteSingle(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

const escapes: Readonly<Record<string, string>> = {
  "\0": "\\0",
  "\x07": "\\a",
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\v": "\\v",
  "\f": "\\f",
  "\r": "\\r",
  "\x1b": "\\e",
  '"': '\\"',
  "\\": "\\\\",
  "\x85": "\\N",
  "\xa0": "\\_",
  "\u2028": "\\L",
  "\u2029": "\\P",
};
const escaped = /["\\\t\n\u2028\u2029]|[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/gu;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that YAML does not allow.
const escapedInPlace = /["\\\0-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\p{Surrogate}/gu;

/**
 * A text in double quotes, escaped as go-yaml does it.
 *
 * @param options.keepsCharacters - Characters above U+FFFF stay readable, which go-yaml escapes.
 */
export function quoteDouble(
  text: string,
  { keepsCharacters = false }: { keepsCharacters?: boolean } = {},
): string {
  if (keepsCharacters) return `"${text.replace(escapedInPlace, escapeCharacter)}"`;
  // go-yaml takes every character of a text for a byte order mark that begins with one.
  const pattern = text.startsWith("\ufeff") ? /./gsu : escaped;
  return `"${text.replace(pattern, escapeCharacter)}"`;
}

function escapeCharacter(character: string): string {
  const short = escapes[character];
  if (short) return short;
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}
