import { formatBinary, formatHexadecimal } from "./binary-float.ts";

/** The significant decimal digits of a float: 0.d1d2d3... times ten to the `point`. */
interface Decimal {
  readonly digits: string;
  readonly point: number;
}

/** The forms of Go's `strconv.FormatFloat` that a template can ask for. */
export type FloatVerb = "b" | "e" | "E" | "f" | "g" | "G" | "x" | "X";

type DecimalVerb = Exclude<FloatVerb, "b" | "x" | "X">;

/**
 * A float as Go's `strconv.FormatFloat` writes it, rounded half to even from its exact binary value.
 *
 * @param precision - Digits after the point, for `g` significant ones; -1 for the shortest text that reads back the same.
 */
export function formatFloat(value: number, verb: FloatVerb, precision: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const size = Math.abs(value);
  switch (verb) {
    case "b":
      return sign + formatBinary(size);
    case "x":
      return sign + formatHexadecimal(size, precision);
    case "X":
      return sign + formatHexadecimal(size, precision).toUpperCase();
    default:
      return sign + (precision < 0 ? formatShortest(size, verb) : formatExact(size, verb, precision));
  }
}

function formatShortest(value: number, verb: DecimalVerb): string {
  const decimal = shortestDigits(value);
  const { length } = decimal.digits;
  switch (verb) {
    case "e":
    case "E":
      return exponential(decimal, Math.max(length - 1, 0), verb);
    case "f":
      return positional(decimal, Math.max(length - decimal.point, 0));
    case "g":
    case "G":
      // Go decides by 6 digits when it takes the shortest form.
      return general(decimal, { verb, limit: 6, precision: length });
  }
}

function formatExact(value: number, verb: DecimalVerb, precision: number): string {
  const exact = exactDigits(value);
  switch (verb) {
    case "e":
    case "E":
      return exponential(round(exact, precision + 1), precision, verb);
    case "f":
      return positional(round(exact, exact.point + precision), precision);
    case "g":
    case "G": {
      const wanted = Math.max(precision, 1);
      const decimal = round(exact, wanted);
      const { length } = decimal.digits;
      const limit = wanted > length && length >= decimal.point ? length : wanted;
      return general(decimal, { verb, limit, precision: Math.min(length, wanted) });
    }
  }
}

function general(
  decimal: Decimal,
  { verb, limit, precision }: { verb: "g" | "G"; limit: number; precision: number },
): string {
  // That of zero is -1: it never takes the exponential form.
  const exponent = decimal.point - 1;
  if (exponent < -4 || exponent >= limit) {
    return exponential(decimal, Math.max(precision - 1, 0), verb === "g" ? "e" : "E");
  }
  return positional(decimal, Math.max(decimal.digits.length - decimal.point, 0));
}

function exponential({ digits, point }: Decimal, places: number, letter: string): string {
  const fraction = digits.slice(1, places + 1).padEnd(places, "0");
  const exponent = digits === "" ? 0 : point - 1;
  const shown = String(Math.abs(exponent)).padStart(2, "0");
  return `${digits[0] ?? "0"}${places > 0 ? "." : ""}${fraction}${letter}${exponent < 0 ? "-" : "+"}${shown}`;
}

function positional({ digits, point }: Decimal, places: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, "0") : "0";
  if (places <= 0) return whole;
  const fraction = point >= 0 ? digits.slice(point) : "0".repeat(Math.min(-point, places)) + digits;
  return `${whole}.${fraction.slice(0, places).padEnd(places, "0")}`;
}

/** JavaScript and Go agree on the shortest digits. */
function shortestDigits(value: number): Decimal {
  if (value === 0) return { digits: "", point: 0 };
  const [mantissa = "", exponent = "0"] = value.toExponential().split("e");
  return { digits: mantissa.replace(".", ""), point: Number(exponent) + 1 };
}

/** All digits of the binary value: mantissa times 2^e, where 2^-n is 5^n / 10^n. */
function exactDigits(value: number): Decimal {
  if (value === 0) return { digits: "", point: 0 };
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const word = bits.getBigUint64(0);
  const biased = Number(word >> 52n) & 0x7ff;
  const mantissa = (word & 0xfffffffffffffn) | (biased === 0 ? 0n : 1n << 52n);
  const exponent = Math.max(biased, 1) - 1075;
  const scaled = exponent >= 0 ? mantissa << BigInt(exponent) : mantissa * 5n ** BigInt(-exponent);
  const text = scaled.toString();
  return { digits: text.replace(/0+$/, ""), point: text.length + Math.min(exponent, 0) };
}

/** Keeps `count` digits, rounding half to even. */
function round({ digits, point }: Decimal, count: number): Decimal {
  if (count >= digits.length) return { digits, point };
  if (count < 0) return { digits: "", point: 0 };
  const kept = digits.slice(0, count);
  const rest = digits.slice(count);
  const half = `5${"0".repeat(rest.length - 1)}`;
  const isOdd = Number(kept.at(-1) ?? "0") % 2 === 1;
  const up = rest > half || (rest === half && isOdd);
  const rounded = up ? (BigInt(kept || "0") + 1n).toString().padStart(count, "0") : kept;
  const carried = rounded.length > count ? 1 : 0;
  const trimmed = rounded.replace(/0+$/, "");
  return { digits: trimmed, point: trimmed === "" ? 0 : point + carried };
}
