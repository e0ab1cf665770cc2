import { describe, expect, onTestFinished, test } from "vitest";
import { run } from "../../src/cli/run.ts";
import { encryptFiles } from "../../src/ops/encrypt.ts";
import { planUpdateKeys, type UpdateKeysOptions } from "../../src/ops/update-keys.ts";
import { identities } from "../support/identities.ts";
import { type AwsKmsServer, startAwsKms } from "../support/kms/aws-kms.ts";
import { createTestHost } from "../support/test-host.ts";
import {
  addUnknownKeys,
  encrypted,
  failureOf,
  inPlace,
  mine,
  plain,
  ruleForMe,
  secret,
  theirs,
  type Workbench,
  workbench,
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

describe("more groups are needed than before", () => {
  const threeGroups = (threshold: number): string =>
    `creation_rules:\n  - shamir_threshold: ${threshold}\n    key_groups:\n      - age: ["${mine}"]\n      - age: ["${mine}"]\n      - age: ["${theirs}"]\n`;

  test("the file gets a new data key, because one group may have kept it; nobody was shut out", async () => {
    const bench = await underNewRule({ before: ruleForMe, after: threeGroups(2) });
    expect((await plan(bench)).files).toMatchObject([{ rekey: true, shutOut: [], exposed: [] }]);
  });

  test("fewer need none", async () => {
    const bench = await underNewRule({ before: threeGroups(2), after: ruleForBoth });
    expect((await plan(bench)).files).toMatchObject([{ changed: true, rekey: false }]);
  });
});

describe("one file of many that does not open", () => {
  test("stops the plan, and every such file is named", async () => {
    const files = { "k/a.yaml": secret, "k/b.yaml": secret, "k/c.yaml": secret };
    const bench = await underNewRule({ before: ruleForMe, after: ruleForBoth }, files);
    for (const path of ["k/a.yaml", "k/c.yaml"]) {
      await bench.write(path, (await bench.read(path)).replace("name: database", "name: x"));
    }
    const failure = await failureOf(plan(bench, { paths: ["k"] }));
    expect(failure.code).toBe("MAC_MISMATCH");
    expect(failure.message).toMatch(/^2 of 3 files failed:\n {2}k\/a\.yaml: .*\n {2}k\/c\.yaml: /);
  });
});

describe("asked whether to go on", () => {
  async function answered(answers: readonly string[] | undefined) {
    const host = await createTestHost({
      env: { SOPS_AGE_KEY: identities[0] ?? "" },
      files: { "a.yaml": secret, ".sops.yaml": ruleForMe },
      ...(answers && { answers }),
    });
    expect(await run(["encrypt", "-i", "a.yaml"], host)).toBe(0);
    await host.createFile(".sops.yaml", new TextEncoder().encode(ruleForBoth), { overwrite: true });
    const before = await host.readFile("a.yaml");
    const status = await run(["updatekeys", "a.yaml"], host);
    const isSame = Buffer.from(before).equals(await host.readFile("a.yaml"));
    return { status, isSame, questions: host.questions, said: host.stderrText().split("\n").slice(1, -1) };
  }

  test("no changes nothing", async () => {
    expect(await answered(["n"])).toEqual({
      status: 1,
      isSame: true,
      questions: ["change the recipients of 1 file? [y/N] "],
      said: ["kseal: nothing was changed"],
    });
  });

  test("neither does Enter", async () => {
    expect(await answered([""])).toMatchObject({ status: 1, isSame: true });
  });

  test("yes does it", async () => {
    expect(await answered(["y"])).toMatchObject({
      status: 0,
      isSame: false,
      said: ["kseal: changed the recipients of 1 file"],
    });
  });

  test("nobody to ask changes nothing", async () => {
    expect(await answered(undefined)).toMatchObject({
      status: 8,
      isSame: true,
      said: ["kseal: there is no terminal to ask for consent", "  add --yes"],
    });
  });
});

describe("keys of AWS KMS", () => {
  const arn = (name: string): string => `arn:aws:kms:eu-west-1:111122223333:key/${name}`;
  const ruleWith = (name: string): string => `${ruleForMe}    kms: ${arn(name)}\n`;

  async function withAws(before: string, options: { context?: readonly string[] } = {}) {
    const server: AwsKmsServer = await startAwsKms();
    onTestFinished(() => server.close());
    const env = {
      AWS_ENDPOINT_URL: server.url,
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      AWS_EC2_METADATA_DISABLED: "true",
    };
    const bench = await workbench({ "a.yaml": secret, ".sops.yaml": before }, { env });
    const keys = options.context && { encryptionContext: options.context };
    await encryptFiles({ paths: ["a.yaml"], destination: inPlace, keys }, bench.context);
    return { server, bench };
  }

  test("that cannot be wrapped for stop the whole, and the file stays as it was", async () => {
    const { server, bench } = await withAws(ruleForMe);
    await bench.write(".sops.yaml", `${ruleWith("a")}kseal:\n  keys: [{ name: CI, key: "${arn("a")}" }]\n`);
    server.setKey("key/a", "denied");
    const before = await bench.read("a.yaml");
    const { files, apply } = await plan(bench);
    expect(files).toMatchObject([{ added: [{ arn: arn("a") }], names: new Map([[arn("a"), "CI"]]) }]);
    const failure = await failureOf(apply());
    expect(failure).toMatchObject({ code: "ENCRYPT_FAILED", where: { file: "a.yaml" } });
    expect(failure.message).toBe(
      [
        "cannot wrap the data key for 1 of 1 master keys",
        `  CI (${arn("a")}): User: arn:aws:iam::123456789012:user/test is not authorized to perform: kms:Encrypt because no identity-based policy allows the kms:Encrypt action`,
      ].join("\n"),
    );
    expect(await bench.read("a.yaml")).toBe(before);
  });

  test("D30: keep the context that a flag gave them, of which the rule says nothing", async () => {
    const { server, bench } = await withAws(ruleWith("a"), { context: ["app:shop"] });
    const asked = server.requests.length;
    expect((await plan(bench)).files).toMatchObject([{ changed: false }]);
    await bench.write(".sops.yaml", `${ruleForBoth}    kms: ${arn("a")}\n`);
    await (await plan(bench)).apply();
    expect(await bench.read("a.yaml")).toContain("app: shop");
    expect(server.requests).toHaveLength(asked);
  });

  test("that are used through another role shut nobody out", async () => {
    const { bench } = await withAws(ruleWith("a"));
    await bench.write(".sops.yaml", `${ruleWith("a").trimEnd()}+arn:aws:iam::111122223333:role/deploy\n`);
    const { files, apply } = await plan(bench);
    expect(files).toMatchObject([{ added: [{}], removed: [{}], shutOut: [], rekey: false, exposed: [] }]);
    await apply();
    expect(await bench.read("a.yaml")).toContain("role: arn:aws:iam::111122223333:role/deploy");
  });

  test("in another place shut out who could use the old one", async () => {
    const { bench } = await withAws(ruleWith("a"));
    await bench.write(".sops.yaml", ruleWith("b"));
    expect((await plan(bench)).files).toMatchObject([{ shutOut: [{ arn: arn("a") }], rekey: true }]);
  });
});
