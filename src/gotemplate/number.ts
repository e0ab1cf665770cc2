/** What a numeric constant can be used as; see Go's rules of ideal constants. */
export interface NumericConstant {
  readonly int?: bigint;
  readonly isUint: boolean;
  readonly float?: number;
}

const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
const maxUint64 = 2n ** 64n - 1n;

/**
 * Reads a number of a template: decimal, hexadecimal, octal and binary integers, decimal and hexadecimal floats, with
 * underscores where Go allows them.
 *
 * @returns `"overflow"` for an integer that fits no type, `undefined` for what is no number.
 */
export function parseNumber(source: string): NumericConstant | "overflow" | undefined {
  const integer = parseInteger(source);
  if (integer !== undefined) {
    const int = integer >= int64.min && integer <= int64.max ? integer : undefined;
    const isUint = integer >= 0n && integer <= maxUint64 && (integer === 0n || !/^[+-]/.test(source));
    if (int !== undefined || isUint) {
      return { ...(int !== undefined && { int }), isUint, float: Number(integer) };
    }
  }
  const float = parseFloat64(source);
  if (float === undefined) return;
  if (!/[.eEpP]/.test(source)) return "overflow";
  const whole = Number.isInteger(float) ? BigInt(float) : undefined;
  const fits = whole !== undefined && whole >= int64.min && whole <= int64.max;
  return {
    ...(fits && { int: whole }),
    isUint: whole !== undefined && whole >= 0n && whole <= maxUint64,
    float,
  };
}

/** Go's `strconv.ParseInt(text, 0, ...)` without its range check. */
function parseInteger(source: string): bigint | undefined {
  if (!areUnderscoresPlaced(source)) return;
  const negative = source.startsWith("-");
  const digits = source.replace(/^[+-]/, "").replaceAll("_", "").toLowerCase();
  const octal = /^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits;
  if (!/^(?:0x[0-9a-f]+|0o[0-7]+|0b[01]+|0|[1-9][0-9]*)$/.test(octal)) return;
  const value = BigInt(octal);
  return negative ? -value : value;
}

/** Go's `strconv.ParseFloat(text, 64)`; `undefined` also for what is out of range. */
function parseFloat64(source: string): number | undefined {
  if (!areUnderscoresPlaced(source)) return;
  const text = source.replaceAll("_", "").toLowerCase();
  const hex = /^([+-]?)0x([0-9a-f]*)\.?([0-9a-f]*)p([+-]?[0-9]+)$/.exec(text);
  if (hex !== null) {
    const [, sign, whole = "", part = "", exponent] = hex;
    if (whole + part === "") return;
    const value = Number(BigInt(`0x${whole}${part}`)) * 2 ** (Number(exponent) - 4 * part.length);
    return Number.isFinite(value) ? (sign === "-" ? -value : value) : undefined;
  }
  if (!/^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?$/.test(text)) return;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** Underscores stand between digits or after a base prefix, and only in numbers that have one or begin like one. */
function areUnderscoresPlaced(source: string): boolean {
  if (!source.includes("_")) return true;
  const text = source.replace(/^[+-]/, "").toLowerCase();
  const body = text.replace(/^0[xob]/, "0");
  const digit = /^0x/.test(text) ? "[0-9a-f]" : "[0-9]";
  return !new RegExp(`(?<!${digit})_|_(?!${digit})`).test(body);
}
