import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseScalar, scalarBytes } from "../../src/core/scalar-text.ts";
import type { Scalar } from "../../src/core/tree.ts";
import { bool, float, int, nothing, str, time } from "./build-tree.ts";

const textOf = (scalar: Scalar) => new TextDecoder().decode(scalarBytes(scalar));
const read = (type: Parameters<typeof parseScalar>[0], text: string) =>
  parseScalar(type, new TextEncoder().encode(text));
const malformed = expect.objectContaining({ code: "VALUE_MALFORMED" });

describe("the bytes that are hashed and encrypted", () => {
  test.for([
    [str("päss"), "päss"],
    [int(-5), "-5"],
    [int(2n ** 63n - 1n), "9223372036854775807"],
    [int(-(2n ** 63n)), "-9223372036854775808"],
    [bool(true), "True"],
    [bool(false), "False"],
    [time("2006-01-02T15:04:05+07:06"), "2006-01-02T15:04:05+07:06"],
    [nothing, ""],
    [float(0), "0"],
    [float(-0), "-0"],
    [float(1.5), "1.5"],
    [float(0.1), "0.1"],
    [float(-2.5e-9), "-0.0000000025"],
    [float(5e-324), `0.${"0".repeat(323)}5`],
    [float(1e6), "1000000"],
    [float(1e21), "1000000000000000000000"],
    [float(1.7976931348623157e308), `17976931348623157${"0".repeat(292)}`],
    [float(1.2345678901234566e25), "12345678901234566000000000"],
    [float(Number.POSITIVE_INFINITY), "+Inf"],
    [float(Number.NEGATIVE_INFINITY), "-Inf"],
    [float(Number.NaN), "NaN"],
  ] as const)("%o are %s", ([scalar, text]) => {
    expect(textOf(scalar)).toBe(text);
  });

  test("D20: those of the float 1.0 are those of the integer 1", () => {
    expect(textOf(float(1))).toBe(textOf(int(1)));
  });

  test("1.5e300 has 301 digits and no exponent", () => {
    expect(textOf(float(1.5e300))).toMatch(/^15\d{299}$/);
  });

  test.for([
    ["D13: an integer above 64 bits", int(2n ** 63n)],
    ["D13: an integer below 64 bits", int(-(2n ** 63n) - 1n)],
    ["half a surrogate pair", str("a\ud800")],
    ["a day that does not exist", time("2023-02-29T00:00:00Z")],
  ] as const)("%s has none", ([, scalar]) => {
    expect(() => scalarBytes(scalar)).toThrow(expect.objectContaining({ code: "FORMAT_INVALID" }));
  });
});

describe("what was decrypted", () => {
  test.for([
    ["int", "-05", int(-5)],
    ["int", "+7", int(7)],
    ["int", "-9223372036854775808", int(-(2n ** 63n))],
    ["float", "1e3", float(1000)],
    ["float", ".5", float(0.5)],
    ["float", "1", float(1)],
    ["float", "+Inf", float(Number.POSITIVE_INFINITY)],
    ["float", "-inf", float(Number.NEGATIVE_INFINITY)],
    ["float", "NaN", float(Number.NaN)],
    ["bool", "t", bool(true)],
    ["bool", "True", bool(true)],
    ["bool", "0", bool(false)],
    ["bool", "FALSE", bool(false)],
    ["time", "2024-02-29T01:02:03.120000000+00:00", time("2024-02-29T01:02:03.12Z")],
    ["time", "2024-02-29T01:02:03.1234567891-05:30", time("2024-02-29T01:02:03.123456789-05:30")],
    ["str", "\ufeffa", str("\ufeffa")],
    ["str", "True", str("True")],
  ] as const)("as %s, %s is read", ([type, text, scalar]) => {
    expect(read(type, text)).toEqual(scalar);
  });

  test.for([
    ["int", "0x10"],
    ["int", "1.0"],
    ["int", ""],
    ["int", "9223372036854775808"],
    ["int", "1".repeat(1000)],
    ["float", "1e999"],
    ["float", "0x1p-2"],
    ["float", "1_0"],
    ["float", ""],
    ["float", "+nan"],
    ["bool", "yes"],
    ["bool", "TrUe"],
    ["time", "2024-13-01T00:00:00Z"],
    ["time", "2024-01-01"],
    ["time", "2024-01-01T24:00:00Z"],
    ["time", "2024-01-01T00:00:60Z"],
    ["time", "2024-01-01T00:00:00,5Z"],
    ["time", "2024-01-01T00:00:00+24:00"],
    ["time", "2024-01-01t00:00:00z"],
  ] as const)("as %s, %s is refused", ([type, text]) => {
    expect(() => read(type, text)).toThrow(malformed);
  });

  test("bytes that are not UTF-8 stay bytes as a string, and are refused as anything else", () => {
    const bytes = Uint8Array.of(0xff, 0);
    expect(parseScalar("str", bytes)).toEqual({ kind: "bytes", value: bytes });
    expect(() => parseScalar("int", bytes)).toThrow(malformed);
  });

  test("D12: the type bytes of Python's sops gives the bytes, as text where they are text", () => {
    expect(parseScalar("bytes", Uint8Array.of(0xff, 0))).toEqual({
      kind: "bytes",
      value: Uint8Array.of(0xff, 0),
    });
    expect(read("bytes", "text")).toEqual(str("text"));
  });
});

test("every float, integer and text comes back from its bytes", () => {
  const scalars = fc.oneof(
    fc.double().map(float),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(int),
    fc.string({ unit: "binary" }).map(str),
    fc.boolean().map(bool),
  );
  fc.assert(
    fc.property(scalars, (scalar) => {
      expect(parseScalar(scalar.kind as "str", scalarBytes(scalar))).toEqual(scalar);
      if (scalar.kind === "float") expect(textOf(scalar)).toMatch(/^(NaN|[+-]Inf|-?\d+(\.\d*[1-9])?)$/);
    }),
  );
});
