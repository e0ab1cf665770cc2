import { type FloatVerb, formatFloat } from "./float-text.ts";
import { encodeGoString, runeCount } from "./go-string.ts";
import { isPrintable, quote } from "./quote.ts";

/** The flags, width and precision of one verb of a format. */
export interface Flags {
  readonly minus: boolean;
  readonly plus: boolean;
  readonly sharp: boolean;
  readonly space: boolean;
  readonly zero: boolean;
  /** `%#v`. */
  readonly goSyntax: boolean;
  readonly width?: number | undefined;
  readonly precision?: number | undefined;
}

/** The flags of a verb without any. */
export const plainFlags: Flags = {
  minus: false,
  plus: false,
  sharp: false,
  space: false,
  zero: false,
  goSyntax: false,
};

/** Fills a text up to the width, counted in characters. */
export function pad(text: string, { width = 0, minus, zero }: Flags): string {
  const missing = width - (width === 0 ? 0 : runeCount(text));
  if (missing <= 0) return text;
  return minus ? text + " ".repeat(missing) : (zero ? "0" : " ").repeat(missing) + text;
}

/** A string under `%s`, `%v`, `%q`, `%x` or `%X`; `undefined` for other verbs. */
export function formatString(text: string, verb: string, flags: Flags): string | undefined {
  switch (verb) {
    case "v":
    case "s":
      return verb === "v" && flags.goSyntax ? quoted(text, flags) : pad(truncate(text, flags), flags);
    case "q":
      return quoted(text, flags);
    case "x":
    case "X":
      return formatBytes(encodeGoString(text), verb, flags);
    default:
      return;
  }
}

function truncate(text: string, { precision }: Flags): string {
  return precision === undefined ? text : [...text].slice(0, precision).join("");
}

function quoted(text: string, flags: Flags): string {
  const shown = truncate(text, flags);
  const plain = shown.isWellFormed() && [...shown].every(canStandInBackQuotes);
  if (flags.sharp && plain) return pad(`\`${shown}\``, flags);
  return pad(quote(shown, { ascii: flags.plus }), flags);
}

/** What Go writes between back quotes: one line, no control character of ASCII but the tab, no byte order mark. */
function canStandInBackQuotes(character: string): boolean {
  return character === "\t" || (character >= " " && !"`\x7f\ufeff".includes(character));
}

/** Bytes in hexadecimal; the precision limits their number, a space separates them. */
export function formatBytes(bytes: Uint8Array, verb: "x" | "X", flags: Flags): string {
  const shown = bytes.subarray(0, flags.precision);
  const prefix = flags.sharp ? `0${verb}` : "";
  const pairs = Array.from(shown, (byte) => byte.toString(16).padStart(2, "0"));
  const hex = flags.space ? pairs.join(` ${flags.sharp ? "0x" : ""}`) : pairs.join("");
  const text = shown.length === 0 ? "" : prefix + (verb === "X" ? hex.toUpperCase() : hex);
  return pad(text, flags);
}

const bases: ReadonlyMap<string, { readonly base: number; readonly prefix: string }> = new Map([
  ["d", { base: 10, prefix: "" }],
  ["v", { base: 10, prefix: "" }],
  ["b", { base: 2, prefix: "0b" }],
  ["o", { base: 8, prefix: "0" }],
  ["O", { base: 8, prefix: "0" }],
  ["x", { base: 16, prefix: "0x" }],
  ["X", { base: 16, prefix: "0X" }],
]);

/** An integer under any verb that takes one; `undefined` for other verbs. */
export function formatInteger(
  value: bigint,
  verb: string,
  flags: Flags & { readonly unsigned: boolean },
): string | undefined {
  const base = bases.get(verb);
  if (base !== undefined) {
    // %#v of an unsigned integer is hexadecimal.
    return verb === "v" && flags.goSyntax && flags.unsigned
      ? digitsOf(value, "x", { base: 16, prefix: "0x" }, { ...flags, sharp: true })
      : digitsOf(value, verb, base, flags);
  }
  const code = value < 0n || value > 0x10ffffn ? 0xfffd : Number(value);
  switch (verb) {
    case "c":
      return pad(String.fromCodePoint(code), flags);
    case "q":
      return pad(quote(String.fromCodePoint(code), { mark: "'", ascii: flags.plus }), flags);
    case "U":
      return formatUnicode(value, flags);
    default:
      return;
  }
}

function digitsOf(
  value: bigint,
  verb: string,
  { base, prefix }: { readonly base: number; readonly prefix: string },
  flags: Flags,
): string {
  const { width, precision } = flags;
  const spaced = { ...flags, zero: false };
  if (precision === 0 && value === 0n) return pad("", spaced);
  const sign = value < 0n ? "-" : flags.plus ? "+" : flags.space ? " " : "";
  const padsZeros = precision === undefined && flags.zero && !flags.minus && width !== undefined;
  const least = precision ?? (padsZeros ? width - sign.length : 0);
  const plain = (value < 0n ? -value : value).toString(base).padStart(least, "0");
  const digits = verb === "X" ? plain.toUpperCase() : plain;
  const sharp = flags.sharp && !(base === 8 && digits.startsWith("0")) ? prefix : "";
  return pad(`${sign}${verb === "O" ? "0o" : ""}${sharp}${digits}`, spaced);
}

function formatUnicode(value: bigint, flags: Flags): string {
  const unsigned = BigInt.asUintN(64, value);
  const hex = unsigned
    .toString(16)
    .toUpperCase()
    .padStart(Math.max(flags.precision ?? 0, 4), "0");
  const shows = flags.sharp && unsigned <= 0x10ffffn && isPrintable(Number(unsigned));
  const shown = shows ? ` '${String.fromCodePoint(Number(unsigned))}'` : "";
  return pad(`U+${hex}${shown}`, { ...flags, zero: false });
}

/** A float under any verb that takes one; `undefined` for other verbs. */
export function formatFloatVerb(value: number, verb: string, flags: Flags): string | undefined {
  const form = floatForm(verb);
  if (form === undefined) return;
  const precision = flags.precision ?? (/[bgGxX]/.test(form) ? -1 : 6);
  const text = formatFloat(value, form, precision).replace(/^\+/, "");
  const sign = text.startsWith("-") ? "-" : flags.plus ? "+" : flags.space ? " " : "";
  const unsigned = text.replace(/^-/, "");
  if (!Number.isFinite(value)) {
    const shown = unsigned === "Inf" && sign === "" ? "+Inf" : sign + unsigned;
    return pad(shown, { ...flags, zero: false });
  }
  const digits = flags.sharp && form !== "b" ? withPoint(unsigned, form, precision) : unsigned;
  const padsZeros = flags.zero && !flags.minus && flags.width !== undefined;
  if (!padsZeros) return pad(sign + digits, flags);
  return sign + digits.padStart(flags.width - sign.length, "0");
}

function floatForm(verb: string): FloatVerb | undefined {
  switch (verb) {
    case "v":
      return "g";
    case "F":
      return "f";
    case "e":
    case "E":
    case "f":
    case "g":
    case "G":
    case "b":
    case "x":
    case "X":
      return verb;
    default:
      return;
  }
}

/** The `#` flag: always a decimal point, and for %g the trailing zeros. */
function withPoint(text: string, form: FloatVerb, precision: number): string {
  const isBinary = form === "x" || form === "X";
  const [mantissa = "", exponent] = text.split(isBinary ? /(?=[pP])/ : /(?=[eE])/);
  const tail = exponent ?? "";
  const pointed = mantissa.includes(".") ? mantissa : `${mantissa}.`;
  if (form !== "g" && form !== "G" && form !== "x") return pointed + tail;
  const wanted = precision < 0 ? 6 : precision;
  const significant = pointed.replace(".", "").replace(/^0+/, "").length;
  const shown = mantissa === "0" ? 1 : significant;
  return pointed + "0".repeat(Math.max(wanted - shown, 0)) + tail;
}
