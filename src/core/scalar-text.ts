import { KsealError } from "../errors.ts";
import { normalizeTime } from "./time.ts";
import type { Scalar, ValueType } from "./tree.ts";

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const trueWords = ["1", "t", "T", "TRUE", "true", "True"];
const falseWords = ["0", "f", "F", "FALSE", "false", "False"];

const smallestInt = -(2n ** 63n);
const largestInt = 2n ** 63n - 1n;

/** Whether SOPS has an integer for a number: it keeps 64 bits with a sign (sops.md D13). */
export function isInt64(value: bigint): boolean {
  return value >= smallestInt && value <= largestInt;
}

/**
 * The bytes of a scalar that are encrypted and hashed, in SOPS' spelling: `True`, decimal integers, floats without
 * an exponent. Null has none.
 *
 * @throws KsealError `FORMAT_INVALID` for what SOPS has no text for: integers beyond 64 bits, text with half a
 *   surrogate pair, times that are not RFC 3339.
 */
export function scalarBytes(scalar: Scalar): Uint8Array {
  switch (scalar.kind) {
    case "null":
      return new Uint8Array();
    case "bytes":
      return scalar.value;
    case "str":
      // Encoding would put U+FFFD in its place without a word.
      if (!scalar.value.isWellFormed()) throw invalid("the text holds half a surrogate pair");
      return utf8.encode(scalar.value);
    case "int":
      if (!isInt64(scalar.value)) throw invalid("the integer does not fit in 64 bits", "put it in quotes");
      return utf8.encode(scalar.value.toString());
    case "bool":
      return utf8.encode(scalar.value ? "True" : "False");
    case "time": {
      const time = normalizeTime(scalar.value);
      if (time === undefined) throw invalid("the time is not one of RFC 3339");
      return utf8.encode(time);
    }
    case "float":
      return utf8.encode(floatText(scalar.value));
  }
}

function invalid(message: string, hint?: string): KsealError {
  return new KsealError("FORMAT_INVALID", message, { hint });
}

/** The type that stands in the sealed text of a scalar. SOPS has none of its own for bytes. */
export function valueType({ kind }: Scalar): ValueType {
  return kind === "bytes" || kind === "null" ? "str" : kind;
}

/**
 * Reads opened bytes as the type that stood beside them.
 *
 * @throws KsealError `VALUE_MALFORMED` when they are not of that type; the type is not authenticated.
 */
export function parseScalar(type: Exclude<ValueType, "comment">, bytes: Uint8Array): Scalar {
  const text = decodeText(bytes);
  // Python's SOPS had a type for bytes; they are text if they can be (sops.md D12).
  if (type === "str" || type === "bytes") {
    if (text !== undefined) return { kind: "str", value: text };
    return { kind: "bytes", value: new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
  }
  const scalar = text === undefined ? undefined : parseText(type, text);
  if (scalar === undefined) {
    throw new KsealError("VALUE_MALFORMED", `the value is marked as ${type} and is none`);
  }
  return scalar;
}

/** Text of bytes that are valid UTF-8. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function parseText(type: Exclude<ValueType, "str" | "bytes" | "comment">, text: string): Scalar | undefined {
  switch (type) {
    case "int": {
      // Leading zeros are harmless, but digits without end would only cost time.
      const value = /^[+-]?\d{1,40}$/.test(text) ? BigInt(text.replace(/^\+/, "")) : undefined;
      return value !== undefined && isInt64(value) ? { kind: "int", value } : undefined;
    }
    case "float": {
      const value = parseFloatText(text);
      return value === undefined ? undefined : { kind: "float", value };
    }
    case "bool": {
      if (trueWords.includes(text)) return { kind: "bool", value: true };
      return falseWords.includes(text) ? { kind: "bool", value: false } : undefined;
    }
    case "time": {
      const value = normalizeTime(text);
      return value === undefined ? undefined : { kind: "time", value };
    }
  }
}

function parseFloatText(text: string): number | undefined {
  if (/^nan$/i.test(text)) return Number.NaN;
  if (/^[+-]?inf(?:inity)?$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  const value = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : undefined;
}

// Go's FormatFloat(v, 'f', -1, 64): the shortest digits that read back, never an exponent.
function floatText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (Object.is(value, -0)) return "-0";
  const [mantissa = "", exponent] = String(value).split("e");
  if (exponent === undefined) return mantissa;
  const sign = mantissa.startsWith("-") ? "-" : "";
  const [whole = "", fraction = ""] = mantissa.replace("-", "").split(".");
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  return point >= digits.length
    ? `${sign}${digits}${"0".repeat(point - digits.length)}`
    : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}
