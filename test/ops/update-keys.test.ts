import { describe, expect, test } from "vitest";
import { planUpdateKeys, type UpdateKeysOptions } from "../../src/ops/update-keys.ts";
import {
  addUnknownKeys,
  encrypted,
  failureOf,
  mine,
  plain,
  ruleForMe,
  secret,
  theirs,
  type Workbench,
} from "./workbench.ts";

const ruleForBoth = `creation_rules:\n  - age: "${mine},${theirs}"\n`;

/** Files that were encrypted under one rule and are looked at under another. */
async function underNewRule(
  rules: { before: string; after: string },
  files: Record<string, string> = { "a.yaml": secret },
): Promise<Workbench> {
  const bench = await encrypted(files, { rule: rules.before });
  await bench.write(".sops.yaml", rules.after);
  return bench;
}

const plan = async (bench: Workbench, options: Partial<UpdateKeysOptions> = {}) =>
  planUpdateKeys({ paths: ["a.yaml"], ...options }, await bench.again());

/** The text without the metadata block. */
const valuesOf = (text: string): string => text.slice(0, text.indexOf("\nsops:"));

describe("a recipient is added", () => {
  test("D33: the plan says so, and applying it keeps the data key, the values and the MAC", async () => {
    const bench = await underNewRule({ before: ruleForMe, after: ruleForBoth });
    const before = await bench.read("a.yaml");
    const { files, apply } = await plan(bench);
    expect(files).toMatchObject([
      {
        file: "a.yaml",
        changed: true,
        added: [{ recipient: theirs }],
        removed: [],
        rekey: false,
        exposed: [],
      },
    ]);
    expect(await bench.read("a.yaml")).toBe(before);
    await apply();
    const after = await bench.read("a.yaml");
    expect(valuesOf(after)).toBe(valuesOf(before));
    for (const name of ["mac", "lastmodified"]) {
      const line = new RegExp(`^ +${name}: .*$`, "m");
      expect(line.exec(after)?.[0]).toBe(line.exec(before)?.[0]);
    }
    const armor = /-----BEGIN.*?-----END/s;
    expect(armor.exec(after)?.[0]).toBe(armor.exec(before)?.[0]);
    expect(after).toContain(theirs);
  });
});

describe("a recipient is removed", () => {
  test("D33: the file gets a new data key, and the plan names the values that person could read", async () => {
    const bench = await underNewRule({ before: ruleForBoth, after: ruleForMe });
    const before = await bench.read("a.yaml");
    const { files, apply } = await plan(bench);
    expect(files).toMatchObject([
      {
        removed: [{ recipient: theirs }],
        rekey: true,
        exposed: ['["stringData"]["user"]', '["stringData"]["password"]'],
      },
    ]);
    await apply();
    const after = await bench.read("a.yaml");
    expect(after).not.toContain(theirs);
    for (const value of before.match(/ENC\[[^\]]*\]/g) ?? []) expect(after).not.toContain(value);
    expect(await plain(bench)).toBe(secret);
  });

  test("D33: told so, it keeps the data key and warns", async () => {
    const bench = await underNewRule({ before: ruleForBoth, after: ruleForMe });
    const before = await bench.read("a.yaml");
    const { files, apply } = await plan(bench, { keepDataKey: true });
    expect(files).toMatchObject([{ rekey: false, exposed: { length: 2 } }]);
    await apply();
    expect(valuesOf(await bench.read("a.yaml"))).toBe(valuesOf(before));
    expect(bench.log).toEqual([expect.stringContaining("kseal rotate")]);
  });
});

test("D33: a file that somebody tampered with is refused before anything is planned", async () => {
  const bench = await underNewRule({ before: ruleForMe, after: ruleForBoth });
  await bench.write("a.yaml", (await bench.read("a.yaml")).replace("name: database", "name: x"));
  expect(await failureOf(plan(bench))).toMatchObject({ code: "MAC_MISMATCH" });
});

test("D33: a folder is updated as a whole, and a file that is up to date stays as it is", async () => {
  const files = { "k/a.yaml": secret, "k/b.yaml": secret };
  const bench = await underNewRule({ before: ruleForMe, after: ruleForBoth }, files);
  await (await plan(bench, { paths: ["k/a.yaml"] })).apply();
  const upToDate = await bench.read("k/a.yaml");
  const { files: changes, apply } = await plan(bench, { paths: ["k"] });
  expect(changes.map(({ file, changed }) => [file, changed])).toEqual([
    ["k/a.yaml", false],
    ["k/b.yaml", true],
  ]);
  await apply();
  expect(await bench.read("k/a.yaml")).toBe(upToDate);
  expect(await bench.read("k/b.yaml")).toContain(theirs);
});

test("a file that changes between plan and apply is FILE_CHANGED, and no file is written", async () => {
  const files = { "a.yaml": secret, "b.yaml": secret };
  const bench = await underNewRule({ before: ruleForMe, after: ruleForBoth }, files);
  const { apply } = await plan(bench, { paths: ["a.yaml", "b.yaml"] });
  const before = await bench.read("a.yaml");
  await bench.write("b.yaml", `${await bench.read("b.yaml")}\n`);
  expect(await failureOf(apply())).toMatchObject({ code: "FILE_CHANGED" });
  expect(await bench.read("a.yaml")).toBe(before);
});

test("groups and their threshold are taken from the rule", async () => {
  const groups = `creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n      - age: ["${mine}"]\n      - age: ["${mine}"]\n      - age: ["${theirs}"]\n`;
  const bench = await underNewRule({ before: ruleForMe, after: groups });
  const { files, apply } = await plan(bench);
  expect(files).toMatchObject([{ changed: true, after: { length: 3 }, thresholdAfter: 2 }]);
  await apply();
  expect(await plain(bench)).toBe(secret);
  expect((await plan(bench)).files).toMatchObject([{ changed: false }]);
});

test("D16: a key of an unknown type stays when keys are only added", async () => {
  const bench = await underNewRule({ before: ruleForMe, after: ruleForBoth });
  await addUnknownKeys(bench, "a.yaml");
  await (await plan(bench)).apply();
  const after = await bench.read("a.yaml");
  for (const id of ["first", "second"]) expect(after).toContain(`enc: wrapped-for-${id}`);
  expect(after).toContain(theirs);
});

test("a file that no rule matches is CONFIG_NOT_FOUND", async () => {
  const bench = await underNewRule({ before: ruleForMe, after: `${ruleForMe}    path_regex: nothing\n` });
  expect(await failureOf(plan(bench))).toMatchObject({ code: "CONFIG_NOT_FOUND", where: { file: "a.yaml" } });
});
