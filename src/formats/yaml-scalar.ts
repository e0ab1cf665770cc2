import { decodeBase64 } from "../core/base64.ts";
import type { Scalar } from "../core/tree.ts";
import { parseYamlTime } from "./yaml-time.ts";

/** Why a scalar has no value: an integer beyond 64 bits, or a text that its tag does not allow. */
export type ScalarProblem = "too-large" | "not-of-its-tag";

const constants = new Map<string, Scalar>([
  ...["true", "True", "TRUE"].map((text) => [text, { kind: "bool", value: true }] as const),
  ...["false", "False", "FALSE"].map((text) => [text, { kind: "bool", value: false }] as const),
  ...["", "~", "null", "Null", "NULL"].map((text) => [text, { kind: "null" }] as const),
  ...[".nan", ".NaN", ".NAN"].map((text) => [text, { kind: "float", value: Number.NaN }] as const),
  ...[".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"].map(
    (text) => [text, { kind: "float", value: Number.POSITIVE_INFINITY }] as const,
  ),
  ...["-.inf", "-.Inf", "-.INF"].map(
    (text) => [text, { kind: "float", value: Number.NEGATIVE_INFINITY }] as const,
  ),
]);

// Nothing else can be more than a string, and almost everything is one.
const mayBeTyped = /^(?:[-+.0-9~]|[nN][uU]|[tT][rR]|[fF][aA]|$)/;
// What else begins with a digit, a sign or a point is a string as well, such as a digest. In order: dates, decimal
// numbers, numbers with a prefix (underscores may stand anywhere), infinity and what is no number.
const mayBeNumber = /^(?:\d{4}-|[-+.\d][-+.\deE_]*$|[-+]?_*0_*[xXbBoO][-+_\da-fA-F]*$|[-+]?\.[iInN])/;
const decimalFloat = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const smallest = -(2n ** 63n);
const largest = 2n ** 63n - 1n;

/**
 * The value of a plain scalar without a tag, as go-yaml v3 has it: `0777` is octal, `1_000` a number, `1e999` and
 * `yes` are strings.
 */
export function resolvePlain(text: string): Scalar | "too-large" {
  if (!mayBeTyped.test(text)) return { kind: "str", value: text };
  if (text.charCodeAt(0) <= 0x39 && !mayBeNumber.test(text)) return { kind: "str", value: text };
  const time = parseYamlTime(text);
  return time === undefined ? resolveUndated(text) : { kind: "time", value: time };
}

/**
 * The value of a scalar with a tag.
 *
 * @param tag - The full tag. Tags of one's own make strings, as in SOPS, which drops them.
 */
export function resolveTagged(text: string, tag: string): Scalar | ScalarProblem {
  switch (tag) {
    case "tag:yaml.org,2002:null":
    case "tag:yaml.org,2002:bool":
    case "tag:yaml.org,2002:int":
    case "tag:yaml.org,2002:float":
      return resolveAs(text, tag.slice(tag.lastIndexOf(":") + 1));
    case "tag:yaml.org,2002:timestamp": {
      const time = parseYamlTime(text);
      return time === undefined ? "not-of-its-tag" : { kind: "time", value: time };
    }
    case "tag:yaml.org,2002:binary":
      return decodeBinary(text);
    default:
      return { kind: "str", value: text };
  }
}

function resolveAs(text: string, kind: string): Scalar | ScalarProblem {
  const scalar = resolveUndated(text);
  if (scalar === "too-large") return scalar;
  if (kind === "float" && scalar.kind === "int") return { kind: "float", value: Number(scalar.value) };
  return scalar.kind === kind ? scalar : "not-of-its-tag";
}

function resolveUndated(text: string): Scalar | "too-large" {
  const constant = constants.get(text);
  if (constant) return constant;
  const first = text.charCodeAt(0);
  const isNumeric = first === 0x2b || first === 0x2d || (first >= 0x30 && first <= 0x39);
  if (first !== 0x2e && !isNumeric) return { kind: "str", value: text };
  // Underscores may stand anywhere in a number, but not in one that begins with a point.
  const digits = isNumeric ? text.replaceAll("_", "") : text;
  const integer = isNumeric ? parseInteger(digits) : undefined;
  if (integer !== undefined) {
    return integer < smallest || integer > largest ? "too-large" : { kind: "int", value: integer };
  }
  if (!decimalFloat.test(digits)) return { kind: "str", value: text };
  const value = Number(digits);
  // go-yaml reads digits beyond 64 bits as a float and loses the last of them (sops.md D13).
  if (/^[-+]?[0-9]+$/.test(digits) && Math.abs(value) >= 2 ** 63) return "too-large";
  return Number.isFinite(value) ? { kind: "float", value } : { kind: "str", value: text };
}

const integerForms = /^([-+]?)(?:(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+)|0([0-7]+)|(0|[1-9][0-9]*))$/;
// Longer numbers are beyond 64 bits anyway, and a BigInt of megabytes is slow.
const longestInteger = 300;

function parseInteger(text: string): bigint | undefined {
  if (text.length > longestInteger) return undefined;
  // go-yaml takes a sign behind the prefix as well: `0o-7`.
  const [, radix, innerSign, innerDigits] = /^(0b(?=[-+][01]+$)|0o)([-+])([0-7]+)$/.exec(text) ?? [];
  if (radix !== undefined) return parseInteger(`${innerSign}${radix}${innerDigits}`);
  const [, sign = "", prefixed, octal, decimal] = integerForms.exec(text) ?? [];
  const digits = prefixed ?? (octal === undefined ? decimal : `0o${octal}`);
  if (digits === undefined) return undefined;
  const magnitude = BigInt(digits);
  const value = sign === "-" ? -magnitude : magnitude;
  // Go reads up to 64 bits without a sign. What is larger is no integer for it, but a string or a float.
  const limit = sign === "" ? 2n ** 64n : 2n ** 63n + (sign === "-" ? 1n : 0n);
  return decimal === undefined && magnitude >= limit ? undefined : value;
}

/** Base64 with line breaks. Text stays a string, so that it goes on being one for SOPS. */
function decodeBinary(text: string): Scalar | "not-of-its-tag" {
  const bytes = decodeBase64(text.replace(/[\r\n]/g, ""));
  if (bytes === undefined) return "not-of-its-tag";
  try {
    return { kind: "str", value: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { kind: "bytes", value: new Uint8Array(bytes) };
  }
}
