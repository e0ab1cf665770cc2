import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { manPages } from "../../scripts/man.ts";
import { commandTable, optionsOf } from "../../src/cli/command-table.ts";
import { peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";

const root = join(import.meta.dirname, "..", "..");
const folder = join(root, "man");

test("man/ is what the command table says (npm run man), and package.json names every page", () => {
  const { man, files } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  expect(man).toEqual([...manPages.keys()].map((name) => `./man/${name}`));
  expect(files).toContain("man");
  expect(readdirSync(folder).sort()).toEqual([...manPages.keys()].sort());
  for (const [name, text] of manPages) expect(readFileSync(join(folder, name), "utf8"), name).toBe(text);
});

const mandoc = peer("mandoc");
const run = (args: readonly string[]) => runProgram([mandoc ?? "", ...args], { cwd: folder, env: {} });
/** Bold and underlined letters, as typewriters made them. */
const overstruck = new RegExp(`.${String.fromCharCode(8)}`, "gu");

test.skipIf(mandoc === undefined)("mandoc finds nothing wrong with a page", async () => {
  const { status, stdout, stderr } = await run(["-T", "lint", "-W", "warning", ...manPages.keys()]);
  // A date would have to change with every build.
  const found = `${stdout}${stderr}`.split("\n").filter((line) => line !== "" && !/missing date/.test(line));
  expect({ status, found }).toEqual({ status: expect.any(Number), found: [] });
});

test.skipIf(mandoc === undefined)("a page shows what help shows: every flag with its summary", async () => {
  for (const spec of commandTable) {
    const page = `kseal-${spec.name}.1`;
    const { stdout } = await run(["-T", "utf8", "-O", "width=1000", page]);
    const text = stdout.toString("utf8").replaceAll(overstruck, "").replaceAll(/\s+/g, " ");
    for (const { flags, summary } of optionsOf(spec)) {
      const words = (one: string) => one.replaceAll(/\s+/g, " ");
      expect(text, spec.name).toContain(words(flags).replaceAll(/[<>]/g, ""));
      expect(text, spec.name).toContain(words(summary));
    }
    for (const line of spec.examples) expect(text).toContain(`$ ${line.replaceAll(/\s+/g, " ")}`);
  }
});
