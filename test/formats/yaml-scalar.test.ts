import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Scalar } from "../../src/core/tree.ts";
import { resolvePlain, resolveTagged } from "../../src/formats/yaml-scalar.ts";

/** What a plain scalar is when every type is tried on it, whatever it looks like: tags leave nothing out. */
function triedAsEveryType(text: string): Scalar | "too-large" {
  for (const type of ["timestamp", "null", "bool", "int", "float"]) {
    const scalar = resolveTagged(text, `tag:yaml.org,2002:${type}`);
    if (scalar !== "not-of-its-tag") return scalar;
  }
  return { kind: "str", value: text };
}

const characters = fc.string({ unit: fc.constantFrom(..."0123456789abcdefxXoObB_.eE+-:TtZz ") });
// Random characters are hardly ever numbers or dates; these often are, or nearly.
const pieces = fc
  .array(
    fc.constantFrom(
      ..."0|00|7|19|2024-|2024-01-02|T|t| |3:04:05|.5|.|Z|+01:00|0x|0X|0o|0b|1f|e|E|_|+|-|inf|NaN|~|null|true|FALSE".split(
        "|",
      ),
    ),
    { maxLength: 7 },
  )
  .map((parts) => parts.join(""));

describe("a plain scalar", () => {
  test.for([
    ["characters", characters],
    ["pieces of numbers, dates and words", pieces],
  ] as const)("of random %s has the type that trying every type gives it", ([, texts]) => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(resolvePlain(text)).toEqual(triedAsEveryType(text));
      }),
      { numRuns: 5000 },
    );
  });

  test.for([
    ["0_x1F", 31n],
    ["-_0x1F", -31n],
    ["0__b_1", 1n],
    ["0o_-7", -7n],
    ["-_1_", -1n],
  ] as const)("%s is a number in spite of its underscores", ([text, value]) => {
    expect(resolvePlain(text)).toEqual({ kind: "int", value });
  });

  test.for([
    "3f2a9c",
    "1e4a".repeat(25),
    `0x${"1f".repeat(20)}g`,
    "2024-01-02x",
    "12:30",
    "10.0.0.1",
    "-",
    "+a",
  ])("%s is a text", (text) => {
    expect(resolvePlain(text)).toEqual({ kind: "str", value: text });
  });
});
