import fc from "fast-check";
import { RE2JS } from "re2js";
import { expect, test } from "vitest";
import { compileRe2 } from "../../src/core/regex.ts";

const atom = fc.constantFrom(
  "a",
  "b",
  "/",
  "-",
  "_",
  " ",
  ".",
  "\\.",
  "0",
  "é",
  "[ab]",
  "\\w",
  "(a|ab)",
  "(a)",
  "(a|b|)",
);
const pattern = fc
  .tuple(
    fc.constantFrom("", "^"),
    fc.array(fc.tuple(atom, fc.constantFrom("", "", "", "*", "+", "?")), { maxLength: 5 }),
    fc.constantFrom("", "$"),
  )
  .map(([start, atoms, end]) => start + atoms.map((one) => one.join("")).join("") + end);
const text = fc
  .array(fc.constantFrom("a", "b", "/", "-", "_", " ", ".", "0", "é", "\n", "\r", "\u2028", "😀"), {
    maxLength: 8,
  })
  .map((parts) => parts.join(""));

test("every pattern is read as RE2 reads it, whoever reads it", () => {
  fc.assert(
    fc.property(pattern, text, (source, subject) => {
      expect(compileRe2(source).test(subject)).toBe(RE2JS.compile(source).test(subject));
    }),
    { numRuns: 5000 },
  );
});

test.for(["a".repeat(300), "ab".repeat(100_000), `${"a".repeat(100_000)}\n`])(
  "a long text is searched in linear time, with the same result",
  (subject) => {
    const started = performance.now();
    for (const source of [".*a.*b", "^a+a+$", "a*b", "b.*c$"]) {
      expect(compileRe2(source).test(subject)).toBe(RE2JS.compile(source).test(subject));
    }
    expect(performance.now() - started).toBeLessThan(5000);
  },
);
