import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { errorsDoc } from "../../scripts/errors-doc.ts";
import { failureKinds } from "../../src/errors.ts";

test("docs/errors.md is what the table in the source says", () => {
  expect(readFileSync(join(import.meta.dirname, "..", "..", "docs", "errors.md"), "utf8")).toBe(errorsDoc);
});

test("every kind of failure says when it happens and what to do, and has a status that a shell can see", () => {
  for (const { code, exitCode, when, advice } of failureKinds()) {
    expect(when, code).toMatch(/\.$/);
    expect(advice, code).not.toBe("");
    expect(exitCode).toBeGreaterThan(0);
    expect(exitCode).toBeLessThan(256);
  }
});
