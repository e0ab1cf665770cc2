import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { decryptFiles } from "../../src/ops/decrypt.ts";
import { type EncryptFilesOptions, encryptFiles } from "../../src/ops/encrypt.ts";
import { identities } from "../support/identities.ts";
import { peer } from "../support/peers.ts";
import { failureOf, inPlace, mine, ruleForMe, secret, theirs, toCaller, workbench } from "./workbench.ts";

const configMap = "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: b\n";
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

async function encryptOne(
  text: string,
  options: Partial<EncryptFilesOptions> & { rule?: string; file?: string; env?: Record<string, string> } = {},
) {
  const { rule = ruleForMe, file = "secret.yaml", env = {}, ...rest } = options;
  const bench = await workbench({ [file]: text, ...(rule === "" ? {} : { ".sops.yaml": rule }) }, { env });
  const work = encryptFiles({ paths: [file], destination: inPlace, ...rest }, bench.context);
  return { ...bench, work };
}

test("a Secret is encrypted in place by its rule and decrypts to the same bytes", async () => {
  const { work, read, again, log } = await encryptOne(secret);
  const [result] = await work;
  expect(result).toMatchObject({
    file: "secret.yaml",
    writtenTo: "secret.yaml",
    format: "yaml",
    encrypted: 2,
    encryptedComments: 1,
  });
  const sealed = await read("secret.yaml");
  expect(sealed).toContain("name: database   # who it is for\n");
  expect(sealed).not.toContain("correct horse");
  expect(log).toEqual([]);
  const { stream } = await decryptFiles({ paths: ["secret.yaml"], destination: toCaller }, await again());
  expect(textOf(stream!)).toBe(secret);
});

const sops = peer("sops");
describe.skipIf(sops === undefined)("the real sops", () => {
  test("opens what kseal encrypts, in every format", async () => {
    const files = {
      "a.yaml": secret,
      "b.json": '{\n  "n": 1,\n  "list": [true, null, 1.5, "x"]\n}\n',
      "c.env": "# note\nKEY=value\n",
      "d.ini": "[section]\nkey = value\n",
      "e.bin": "anything\u0000at all",
    };
    const { host, context } = await workbench({ ...files, ".sops.yaml": ruleForMe });
    await encryptFiles({ paths: Object.keys(files), destination: inPlace }, context);
    for (const file of Object.keys(files)) {
      const output = execFileSync(sops!, ["decrypt", host.resolve(file)], {
        env: { SOPS_AGE_KEY: identities[0], SOPS_DISABLE_VERSION_CHECK: "1", HOME: host.cwd },
      });
      expect(output.length, file).toBeGreaterThan(0);
    }
  });
});

describe("what is encrypted", () => {
  test("a file of Secrets gets encrypted_regex ^(data|stringData)$ when no rule says it", async () => {
    const { work, read } = await encryptOne(secret);
    const [result] = await work;
    expect(result).toMatchObject({ selectionFrom: "kubernetes" });
    expect(await read("secret.yaml")).toContain("encrypted_regex: ^(data|stringData)$");
  });

  test("a List of Secrets and several documents of Secrets count as Secrets", async () => {
    const list = `apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  data:\n    a: Yg==\n`;
    const [result] = await (await encryptOne(`${list}---\n${secret}`)).work;
    expect(result?.selectionFrom).toBe("kubernetes");
  });

  test("a file of Secrets and other objects is refused with the rule to add", async () => {
    const { work, read } = await encryptOne(`${secret}---\n${configMap}`);
    const failure = await failureOf(work);
    expect(failure).toMatchObject({ code: "NOTHING_SELECTED", where: { file: "secret.yaml" } });
    expect(failure.hint).toContain("encrypted_regex: ^(data|stringData)$");
    expect(await read("secret.yaml")).toBe(`${secret}---\n${configMap}`);
  });

  test("as sops, the default for Secrets does not hold", async () => {
    const { work, read } = await encryptOne(secret, { kubernetesDefault: false });
    expect((await work)[0]).toMatchObject({ selectionFrom: "default" });
    expect(await read("secret.yaml")).toMatch(/kind: ENC\[/);
  });

  test("other files get the default of SOPS", async () => {
    expect((await (await encryptOne("a: b\n")).work)[0]).toMatchObject({
      selectionFrom: "default",
      selection: { rule: "unencrypted_suffix", pattern: "_unencrypted" },
    });
  });

  test("a flag wins over a rule of the same kind and cannot stand beside another kind", async () => {
    const rule = `${ruleForMe}    encrypted_regex: ^b$\n`;
    const options = { rule, selection: { rule: "encrypted_regex", pattern: "^a$" } as const };
    expect((await (await encryptOne("a: b\n", options)).work)[0]).toMatchObject({ selectionFrom: "flag" });
    const other = { rule, selection: { rule: "encrypted_suffix", pattern: "a" } as const };
    expect(await failureOf((await encryptOne("a: b\n", other)).work)).toMatchObject({ code: "USAGE" });
  });

  test("D5: a rule that selects nothing is refused unless that is allowed", async () => {
    const rule = `${ruleForMe}    encrypted_regex: ^nowhere$\n`;
    const refused = await encryptOne("a: b\n", { rule });
    const failure = await failureOf(refused.work);
    expect(failure).toMatchObject({ code: "NOTHING_SELECTED", exitCode: 39 });
    expect(failure.hint).toContain("--allow-nothing");
    expect(await refused.read("secret.yaml")).toBe("a: b\n");
    const allowed = await encryptOne("a: b\n", { rule, allowNothing: true });
    expect((await allowed.work)[0]).toMatchObject({ encrypted: 0 });
  });

  test("D5: a section of a Secret that would stay in clear as a whole is refused", async () => {
    const rule = `${ruleForMe}    encrypted_regex: ^data$\n`;
    const text = secret.replace("stringData:", "data:\n  token: eA==\nstringData:");
    const failure = await failureOf((await encryptOne(text, { rule })).work);
    expect(failure).toMatchObject({ code: "NOTHING_SELECTED" });
    expect(failure.message).toContain("stringData");
  });

  test("a binary file is encrypted whole, whatever the rule selects", async () => {
    const rule = `${ruleForMe}    encrypted_regex: ^nowhere$\n`;
    const { work, log, read } = await encryptOne("tls", { rule, file: "key.pem" });
    expect((await work)[0]).toMatchObject({ selectionFrom: "whole-file", selection: undefined });
    expect(log[0]).toContain("does not apply");
    expect(await read("key.pem")).not.toContain("encrypted_regex");
  });
});

describe("what a cluster has set", () => {
  const annotation = "kubectl.kubernetes.io/last-applied-configuration";
  const live = secret.replace(
    "stringData:",
    `  uid: 1-2-3\n  creationTimestamp: null\n  annotations:\n    ${annotation}: '{"secret": "in clear"}'\nstringData:`,
  );

  test("a Secret with last-applied-configuration is refused, and --strip removes it", async () => {
    const refused = await encryptOne(live);
    const failure = await failureOf(refused.work);
    expect(failure).toMatchObject({ code: "CHANGES_REFUSED" });
    expect(failure.hint).toContain("--strip");
    expect(await refused.read("secret.yaml")).toBe(live);

    const { work, read } = await encryptOne(live, { strip: true });
    expect((await work)[0]?.stripped).toEqual([
      `["metadata"]["annotations"]["${annotation}"]`,
      '["metadata"]["uid"]',
    ]);
    const sealed = await read("secret.yaml");
    expect(sealed).not.toContain("in clear");
    expect(sealed).not.toContain("annotations");
    expect(sealed).toContain("creationTimestamp: null");
  });

  test("as sops, nothing of the kind is looked at", async () => {
    await (await encryptOne(live, { kubernetesDefault: false })).work;
  });
});

describe("to whom", () => {
  test("D28: recipients by flag need no rule, and the result says which selection applies", async () => {
    const { work } = await encryptOne("a: b\n", { rule: "", keys: { age: [`${mine}, ${theirs}`] } });
    expect((await work)[0]).toMatchObject({
      groups: [[{ recipient: mine }, { recipient: theirs }]],
      rule: undefined,
      selectionFrom: "default",
    });
  });

  test("D28: recipients by flag replace those of the rule, whose selection still applies", async () => {
    const rule = `${ruleForMe}    encrypted_regex: ^a$\n`;
    const { work } = await encryptOne("a: b\n", { rule, keys: { age: [theirs] } });
    expect((await work)[0]).toMatchObject({ groups: [[{ recipient: theirs }]], selectionFrom: "rule" });
  });

  test("SOPS_AGE_RECIPIENTS names recipients too", async () => {
    const { work } = await encryptOne("a: b\n", { rule: "", env: { SOPS_AGE_RECIPIENTS: mine } });
    expect((await work)[0]).toMatchObject({ groups: [[{ recipient: mine }]] });
  });

  test.for([
    { name: "no configuration", rule: "", code: "CONFIG_NOT_FOUND", hint: "kseal init" },
    {
      name: "no rule that matches",
      rule: `${ruleForMe}    path_regex: \\.json$\n`,
      code: "NO_MASTER_KEYS",
      hint: "--age",
    },
    {
      name: "a configuration without rules",
      rule: "stores: {}\n",
      code: "CONFIG_NOT_FOUND",
      hint: "kseal init",
    },
  ])("$name: the error says what to do", async ({ rule, code, hint }) => {
    const { work, read } = await encryptOne("a: b\n", { rule });
    const failure = await failureOf(work);
    expect(failure.code).toBe(code);
    expect(failure.hint).toContain(hint);
    expect(await read("secret.yaml")).toBe("a: b\n");
  });

  test("a mistyped recipient is refused before anything is written", async () => {
    const { work, read } = await encryptOne("a: b\n", { keys: { age: [`${mine}x`] } });
    expect((await failureOf(work)).code).toBe("USAGE");
    expect(await read("secret.yaml")).toBe("a: b\n");
  });
});

describe("bad input", () => {
  test.for([
    { name: "encrypted already", text: "sops:\n  mac: x\n", code: "ALREADY_ENCRYPTED" },
    { name: "a sops key in plain input", text: "a: b\nsops: mine\n", code: "ALREADY_ENCRYPTED" },
    { name: "D18: duplicate keys", text: "a: b\na: c\n", code: "FORMAT_INVALID" },
    {
      name: "D18: duplicate keys in a later document",
      text: "a: b\n---\na: b\na: c\n",
      code: "FORMAT_INVALID",
    },
    { name: "D18: duplicate keys in JSON", file: "a.json", text: '{"a": 1, "a": 2}', code: "FORMAT_INVALID" },
    { name: "an empty file", text: "", code: "EMPTY_INPUT" },
    { name: "a list at the top", text: "- a\n", code: "FORMAT_INVALID" },
  ])("$name is refused and the file stays as it is", async ({ text, code, file = "secret.yaml" }) => {
    const { work, read } = await encryptOne(text, { file });
    expect((await failureOf(work)).code).toBe(code);
    expect(await read(file)).toBe(text);
  });

  test("D25: a null has no place in dotenv", async () => {
    const { work } = await encryptOne("a: null\nb: x\n", { outputType: "dotenv", destination: toCaller });
    expect(await failureOf(work)).toMatchObject({ code: "FORMAT_CANNOT_HOLD", where: { path: '["a"]' } });
  });

  test("standard input needs a name", async () => {
    const { context } = await workbench({ ".sops.yaml": ruleForMe });
    const failure = await failureOf(encryptFiles({ paths: ["-"], destination: toCaller }, context));
    expect(failure).toMatchObject({ code: "USAGE", exitCode: 8 });
  });

  test("a missing file is NO_FILE", async () => {
    const { context } = await workbench({ ".sops.yaml": ruleForMe });
    const failure = await failureOf(encryptFiles({ paths: ["no.yaml"], destination: inPlace }, context));
    expect(failure).toMatchObject({ code: "NO_FILE", exitCode: 100, where: { file: "no.yaml" } });
  });
});

describe("several files", () => {
  const rule = `creation_rules:\n  - path_regex: secrets/.*\\.yaml$\n    age: ${mine}\n  - age: ${mine}\n`;

  test("when one cannot be encrypted, none is written and every failure is told", async () => {
    const files = { "a.yaml": secret, "b.yaml": "- 1\n", "c.yaml": "{", ".sops.yaml": ruleForMe };
    const { context, read } = await workbench(files);
    const paths = ["a.yaml", "b.yaml", "c.yaml"];
    const failure = await failureOf(encryptFiles({ paths, destination: inPlace }, context));
    expect(failure.message).toMatch(/^2 of 3 files failed:\n {2}b\.yaml.*\n {2}c\.yaml/);
    expect(await read("a.yaml")).toBe(secret);
  });

  test("a folder means files that a rule with a path_regex matches and that are not encrypted yet", async () => {
    const anyYaml = `creation_rules:\n  - path_regex: \\.yaml$\n    age: ${mine}\n  - age: ${mine}\n`;
    const files = {
      ".sops.yaml": anyYaml,
      "secrets/a.yaml": secret,
      "secrets/deep/b.yaml": secret,
      "secrets/notes.txt": "only the rule without a path_regex matches",
      "secrets/.git/c.yaml": secret,
    };
    const { context, again } = await workbench(files);
    const first = await encryptFiles({ paths: ["."], destination: inPlace }, context);
    expect(first.map(({ file }) => file)).toEqual(["secrets/a.yaml", "secrets/deep/b.yaml"]);
    expect(await encryptFiles({ paths: ["."], destination: inPlace }, await again())).toEqual([]);
  });

  test("below a folder, what Git ignores is left alone", async () => {
    const files = {
      ".sops.yaml": rule,
      ".gitignore": "*.local.yaml\n",
      "secrets/a.yaml": secret,
      "secrets/b.local.yaml": secret,
    };
    const { host, context } = await workbench(files);
    execFileSync("git", ["init", "--quiet"], { cwd: host.cwd });
    const results = await encryptFiles({ paths: ["secrets"], destination: inPlace, dryRun: true }, context);
    expect(results.map(({ file }) => file)).toEqual(["secrets/a.yaml"]);
  });

  test("a folder without a file that a path_regex matches is an error", async () => {
    const { context } = await workbench({ ".sops.yaml": ruleForMe, "secrets/a.yaml": secret });
    const failure = await failureOf(encryptFiles({ paths: ["secrets"], destination: inPlace }, context));
    expect(failure).toMatchObject({ code: "NO_FILE", where: { file: "secrets" } });
  });

  test("several files have no place in one output", async () => {
    const { context } = await workbench({ ".sops.yaml": rule, "a.yaml": secret, "b.yaml": secret });
    const failure = await failureOf(
      encryptFiles({ paths: ["a.yaml", "b.yaml"], destination: toCaller }, context),
    );
    expect(failure.code).toBe("USAGE");
  });
});

test("a dry run says what would happen and writes nothing", async () => {
  const { work, read } = await encryptOne(secret, { dryRun: true });
  expect((await work)[0]).toMatchObject({ writtenTo: "secret.yaml", encrypted: 2 });
  expect(await read("secret.yaml")).toBe(secret);
});

test("the input file cannot be the output file by accident", async () => {
  const { work } = await encryptOne(secret, { destination: { to: "file", path: "./secret.yaml" } });
  expect((await failureOf(work)).code).toBe("USAGE");
});

test("plaintext that Git has already is told of: the credential must be changed", async () => {
  const { host, context, again, log, write } = await workbench({
    ".sops.yaml": ruleForMe,
    "old.yaml": secret,
    "new.yaml": secret,
  });
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.org", ...args], { cwd: host.cwd });
  git("init", "--quiet");
  git("add", "old.yaml");
  git("commit", "--quiet", "--message", "x");
  await encryptFiles({ paths: ["old.yaml", "new.yaml"], destination: inPlace }, context);
  expect(log.filter((line) => line.includes("history"))).toEqual([
    expect.stringMatching(/^warning: old\.yaml: .*change the credentials/),
  ]);
  // What Git has by then is the encrypted file.
  git("commit", "--quiet", "--all", "--message", "y");
  await write("old.yaml", secret);
  await encryptFiles({ paths: ["old.yaml"], destination: inPlace }, await again());
  expect(log.filter((line) => line.includes("history"))).toHaveLength(1);
});
