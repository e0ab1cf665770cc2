import { sprint } from "./printf.ts";
import type { GoValue } from "./value.ts";

/** What `%v` prints. */
export function goText(value: GoValue): string {
  return sprint([value]);
}

/**
 * What Sprig's `strval` makes of a value: strings as they are, everything else as `%v` prints it.
 */
export function strval(value: GoValue): string {
  return value.kind === "string" ? value.value : goText(value);
}

/** The strings of a list without its nils; anything else is a list of one, nil a list of none. */
export function strslice(value: GoValue): string[] {
  if (value.kind === "list") return value.items.filter((item) => item.kind !== "nil").map(strval);
  return value.kind === "nil" ? [] : [strval(value)];
}

/** A number as `cast.ToInt64` understands it; 0 for what is none. Wraps, truncates and never fails. */
export function toInt64(value: GoValue): bigint {
  if (value.kind === "int") return BigInt.asIntN(64, value.value);
  if (value.kind === "float") return truncateFloat(value.value);
  if (value.kind === "bool") return value.value ? 1n : 0n;
  if (value.kind === "string") return parseInteger(withoutZeroFraction(value.value), 0).value ?? 0n;
  return 0n;
}

/** A number as `cast.ToFloat64` understands it; 0 for what is none. */
export function toFloat64(value: GoValue): number {
  if (value.kind === "int") return Number(value.value);
  if (value.kind === "float") return value.value;
  if (value.kind === "bool") return value.value ? 1 : 0;
  if (value.kind === "string") return parseFloat64(value.value) ?? 0;
  return 0;
}

/** What `strconv.ParseInt` returns: the value, or with a range error the bound in `clamped`. */
interface ParsedInteger {
  readonly value?: bigint;
  readonly clamped?: bigint;
}

const digits: Readonly<Record<number, RegExp>> = {
  2: /^[01]+$/,
  8: /^[0-7]+$/,
  10: /^[0-9]+$/,
  16: /^[0-9a-f]+$/i,
};
const prefixes: Readonly<Record<number, string>> = { 2: "0b", 8: "0o", 10: "", 16: "0x" };
const lowest = -(2n ** 63n);
const highest = 2n ** 63n - 1n;

/**
 * `strconv.ParseInt(text, base, 64)`.
 *
 * @param base 8 or 10, or 0 for what the prefix says (`0x`, `0b`, `0o`, `0`), with underscores between digits
 */
export function parseInteger(text: string, base: 0 | 8 | 10): ParsedInteger {
  const [, sign = "", body = ""] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  const [radix, rest] = base === 0 ? radixOf(body) : [base, body];
  const plain = base === 0 ? withoutUnderscores(rest, rest !== body) : rest;
  if (plain === undefined) return {};
  if (!digits[radix]?.test(plain)) {
    // Go stops at the digit that is too much for an unsigned number, and sees nothing of what follows.
    const leading = base === 10 ? (/^[0-9]+/.exec(plain)?.[0] ?? "0") : "0";
    if (BigInt(leading) < 2n ** 64n) return {};
    return { clamped: sign === "-" ? lowest : highest };
  }
  const size = BigInt(`${prefixes[radix]}${plain}`);
  const value = sign === "-" ? -size : size;
  if (value < lowest) return { clamped: lowest };
  return value > highest ? { clamped: highest } : { value };
}

/** `strconv.ParseFloat(text, 64)`; undefined for what is no number or too large for one. */
function parseFloat64(text: string): number | undefined {
  if (/^[+-]?(inf|infinity)$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  if (/^nan$/i.test(text)) return Number.NaN;
  if (/^[+-]?0x/i.test(text)) return hexFloat(text);
  if (text.includes("_")) {
    return /^_|__|_$|_[^0-9]|[^0-9]_/.test(text) ? undefined : parseFloat64(text.replaceAll("_", ""));
  }
  if (!/^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$/i.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

function truncateFloat(value: number): bigint {
  // amd64's conversion gives the lowest number for everything that does not fit.
  if (!Number.isFinite(value)) return lowest;
  const whole = BigInt(Math.trunc(value));
  return whole < lowest || whole > highest ? lowest : whole;
}

/** "8.00" counts as 8; "8.50" and "800" stay. */
function withoutZeroFraction(text: string): string {
  return /^(.*)\.0+$/s.exec(text)?.[1] ?? text;
}

function radixOf(body: string): readonly [number, string] {
  if (/^0x/i.test(body)) return [16, body.slice(2)];
  if (/^0b/i.test(body)) return [2, body.slice(2)];
  if (/^0o/i.test(body)) return [8, body.slice(2)];
  return body.length > 1 && body.startsWith("0") ? [8, body.slice(1)] : [10, body];
}

function withoutUnderscores(body: string, afterPrefix: boolean): string | undefined {
  if (!body.includes("_")) return body;
  const whole = afterPrefix ? `0${body}` : body;
  if (whole.startsWith("_") || whole.endsWith("_") || whole.includes("__")) return undefined;
  return body.replaceAll("_", "");
}

function hexFloat(text: string): number | undefined {
  const match = /^([+-]?)0x([0-9a-f]*)\.?([0-9a-f]*)p([+-]?[0-9]+)$/i.exec(text);
  const [, sign, whole = "", fraction = "", power = ""] = match ?? [];
  if (match === null || whole + fraction === "") return undefined;
  const value = Number(BigInt(`0x0${whole}${fraction}`)) * 2 ** (Number(power) - 4 * fraction.length);
  if (!Number.isFinite(value)) return undefined;
  return sign === "-" ? -value : value;
}
