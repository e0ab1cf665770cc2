import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkDoc } from "../../scripts/check-doc.ts";
import { checkRules, pageOf } from "../../src/ops/check-rules.ts";

const docs = join(import.meta.dirname, "..", "..", "docs");

test("docs/check.md is what the table in the source says", () => {
  expect(readFileSync(join(docs, "check.md"), "utf8")).toBe(checkDoc);
});

test.each([...Object.keys(checkRules), "sealed-base64"])("%s has a page: what, why, what to do", (rule) => {
  const page = join(docs, "check", `${pageOf(rule)}.md`);
  expect(existsSync(page)).toBe(true);
  expect(readFileSync(page, "utf8")).toMatch(/\*\*What\.\*\*[\s\S]*\*\*Why\.\*\*[\s\S]*\*\*What to do\.\*\*/);
});
