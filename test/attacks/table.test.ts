import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** The rows of SECURITY.md: number, attack, found by, and tests as `file` or `file`: part of a name. */
const rows = [...read("SECURITY.md").matchAll(/^\| (\d[a-z]) \| (.+?) \| (.+?) \| (.*?) ?\|$/gm)].map(
  ([, number = "", attack = "", foundBy = "", tests = ""]) => ({
    number,
    attack,
    foundBy,
    tests:
      tests === "" ? [] : tests.split(/; (?=`)/).map((one) => /^`([^`]+)`(?:: (.+))?$/.exec(one)?.slice(1)),
  }),
);

const numbersIn = (text: string): readonly string[] =>
  [...text.matchAll(/"attack (\d[a-z]):/g)].map(([, number = ""]) => number);

const planted = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".test.ts") && name !== "table.test.ts")
  .flatMap((name) =>
    numbersIn(read(`test/attacks/${name}`)).map((number) => ({ number, file: `test/attacks/${name}` })),
  );

test("SECURITY.md has the nine kinds of attacks, each number once and in order", () => {
  const numbers = rows.map(({ number }) => number);
  expect(numbers).toEqual([...new Set(numbers)].toSorted());
  expect([...new Set(numbers.map((number) => number.slice(0, 1)))]).toEqual([..."123456789"]);
});

test.for(rows)("$number: $attack", ({ number, foundBy, tests }) => {
  // What nobody tries is what nobody can find.
  if (tests.length === 0) expect(foundBy).toContain("**not found**");
  for (const named of tests) {
    const [file = "", title] = named ?? [];
    expect(file).not.toBe("");
    expect(existsSync(join(root, file)), file).toBe(true);
    if (title === undefined) expect(planted).toContainEqual({ number, file });
    else expect(read(file)).toContain(title);
  }
});

test("every attack that is planted has its row", () => {
  const inTable = rows.flatMap(({ number, tests }) => tests.map((named) => ({ number, file: named?.[0] })));
  for (const one of planted) expect(inTable).toContainEqual(one);
  expect(planted.length).toBeGreaterThan(30);
});
