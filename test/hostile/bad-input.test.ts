import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { run } from "../../src/cli/run.ts";
import { type ErrorCode, failureKinds } from "../../src/errors.ts";
import { decrypt, encrypt } from "../../src/index.ts";
import { runScript, source } from "../support/child-process.ts";
import { readFolder } from "../support/folders.ts";
import { identities, recipients } from "../support/identities.ts";
import { createTestHost, type TestHost } from "../support/test-host.ts";

/** Stands for a secret: no message may hold it. */
const secret = "hunter2hunter2";
const [mine = "", theirs = ""] = recipients;
const rule = `creation_rules:\n  - age: ${mine}\n`;
const exitCodes = new Map(failureKinds().map(({ code, exitCode }) => [code, exitCode]));

interface Case {
  readonly what: string;
  readonly code: ErrorCode;
  /** The content of the file. */
  readonly text: string | Uint8Array;
  readonly name?: string;
  readonly args?: readonly string[];
  /** The configuration; `null` for none. */
  readonly config?: string | null;
  readonly identity?: string;
  /** What the message must say. */
  readonly says?: RegExp;
}

const plain = `user: admin\npassword: ${secret}\nport: 5432\nlist:\n  - one\n  - two\n`;
const sealed = await encrypt(plain, { name: "a.yaml", recipients: [mine] });
const sealedPartly = await encrypt(plain, {
  name: "a.yaml",
  recipients: [mine],
  selection: { rule: "encrypted_regex", pattern: "^password$" },
});
const sealedForThem = await encrypt(plain, { name: "a.yaml", recipients: [theirs] });

/** A text with one thing in it replaced; fails when it is not there. */
function changed(text: string, from: string | RegExp, to: string): string {
  const next = text.replace(from, to);
  if (next === text) throw new Error(`nothing to replace: ${from}`);
  return next;
}

const enc = (key: string): string => new RegExp(`^${key}: (ENC\\[.*\\])$`, "m").exec(sealed)?.[1] ?? "";

const aliasBomb = `a0: &a0 [${secret}]\n${Array.from(
  { length: 20 },
  (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(", ")}]\n`,
).join("")}`;

describe("a file that does not open", () => {
  const decryption = ["decrypt", "FILE"];
  test.for<Case>([
    { what: "the identity of another file", code: "NO_KEY", text: sealedForThem, says: /age1/ },
    { what: "no identity", code: "NO_KEY", text: sealed, identity: "" },
    { what: "a missing MAC", code: "MAC_MISSING", text: changed(sealed, /^ +mac: .*\n/m, "") },
    {
      what: "a wrong MAC",
      code: "MAC_MISMATCH",
      text: changed(sealed, /mac: ENC\[AES256_GCM,data:..../, "mac: ENC[AES256_GCM,data:AAAA"),
    },
    {
      what: "another date than that of the MAC",
      code: "MAC_MISMATCH",
      text: changed(sealed, /lastmodified: "\d{4}/, 'lastmodified: "2001'),
    },
    {
      what: "a value in clear changed by hand",
      code: "MAC_MISMATCH",
      text: changed(sealedPartly, "user: admin", "user: root"),
    },
    { what: "a value in clear added by hand", code: "MAC_MISMATCH", text: `admin: yes\n${sealedPartly}` },
    {
      what: "a value in clear where all are encrypted",
      code: "DECRYPT_FAILED",
      text: changed(sealed, enc("user"), "root"),
      says: /\[\\"user\\"\]/,
    },
    {
      what: "values that changed places",
      code: "DECRYPT_FAILED",
      text: sealed
        .replace(enc("user"), "HERE")
        .replace(enc("password"), enc("user"))
        .replace("HERE", enc("password")),
    },
    {
      what: "a key renamed by hand",
      code: "DECRYPT_FAILED",
      text: changed(sealed, "password:", "passwort:"),
      says: /passwort/,
    },
    {
      what: "list items that changed places",
      code: "MAC_MISMATCH",
      text: changed(sealed, /( +- ENC.*\n)( +- ENC.*\n)/, "$2$1"),
    },
    {
      what: "a value cut off",
      code: "VALUE_MALFORMED",
      text: changed(sealed, enc("password"), enc("password").slice(0, 40)),
      says: /password/,
    },
    {
      what: "D11: text behind a value",
      code: "VALUE_MALFORMED",
      text: changed(sealed, enc("password"), `${enc("password")}${secret}`),
    },
    {
      what: "a tag with another length",
      code: "VALUE_MALFORMED",
      text: changed(sealed, /tag:[^,]*/, "tag:AAAA"),
    },
    {
      what: "base64 that is not canonical",
      code: "VALUE_MALFORMED",
      text: changed(sealed, /tag:....../, "tag:****=="),
    },
    { what: "no version", code: "METADATA_INVALID", text: changed(sealed, /^ +version: .*\n/m, "") },
    { what: "a list for the metadata", code: "METADATA_INVALID", text: `a: 1\nsops: [${secret}]\n` },
    { what: "a plain file", code: "NOT_ENCRYPTED", text: plain, says: /kseal encrypt -i/ },
    {
      what: "a merge conflict",
      code: "FORMAT_INVALID",
      text: `<<<<<<< ours\n${sealed}=======\n${sealed}>>>>>>> theirs\n`,
      says: /git checkout --ours/,
    },
    {
      what: "an unknown --input-type",
      code: "USAGE",
      text: sealed,
      args: ["decrypt", "--input-type", "toml", "FILE"],
      says: /yaml, json, dotenv, ini, binary/,
    },
    {
      what: "a file that is not there",
      code: "NO_FILE",
      text: sealed,
      args: ["decrypt", "nowhere.yaml"],
      says: /nowhere\.yaml/,
    },
    {
      what: "JSON with data behind it",
      code: "FORMAT_INVALID",
      name: "a.json",
      text: `{"a": 1, "sops": {}}{"b": "${secret}"}`,
    },
  ])("$what: $code", async (given) => {
    for (const args of [given.args ?? decryption, ["decrypt", "-i", "FILE"], ["rotate", "-i", "FILE"]]) {
      await expectRefusal({ ...given, args });
      if (given.args !== undefined) return;
    }
  });
});

describe("a file that is not encrypted, because something would be lost or stay in clear", () => {
  const deep = (open: string, close: string) => `${open.repeat(10_000)}1${close.repeat(10_000)}`;
  test.for<Case>([
    { what: "D18: duplicated keys in YAML", code: "FORMAT_INVALID", text: `a: ${secret}\nb: 2\na: 3\n` },
    {
      what: "D18: duplicated keys in JSON",
      code: "FORMAT_INVALID",
      name: "a.json",
      text: `{"a": "${secret}", "a": 2}`,
    },
    {
      what: "D18: duplicated keys in dotenv",
      code: "FORMAT_INVALID",
      name: "a.env",
      text: `A=${secret}\nA=2\n`,
    },
    {
      what: "D18: duplicated keys in INI",
      code: "FORMAT_INVALID",
      name: "a.ini",
      text: `[s]\na = ${secret}\na = 2\n`,
    },
    { what: "an alias without its anchor", code: "FORMAT_INVALID", text: `a: ${secret}\nb: *nothing\n` },
    { what: "an alias inside its own anchor", code: "FORMAT_INVALID", text: `a: &a [*a, ${secret}]\n` },
    { what: "an alias bomb", code: "LIMIT_EXCEEDED", text: aliasBomb },
    { what: "10,000 levels of YAML lists", code: "LIMIT_EXCEEDED", text: `a: ${deep("[", "]")}\n` },
    { what: "10,000 levels of YAML mappings", code: "LIMIT_EXCEEDED", text: `a: ${deep("{a: ", "}")}\n` },
    {
      what: "10,000 levels of JSON",
      code: "LIMIT_EXCEEDED",
      name: "a.json",
      text: `{"a": ${deep("[", "]")}}`,
    },
    { what: "10,000 levels of block lists", code: "LIMIT_EXCEEDED", text: `${"- ".repeat(10_000)}1\n` },
    {
      what: "D13: an integer beyond 64 bits in YAML",
      code: "FORMAT_INVALID",
      text: `a: 92233720368547758080\npassword: ${secret}\n`,
    },
    {
      what: "D13: an integer beyond 64 bits in JSON",
      code: "FORMAT_INVALID",
      name: "a.json",
      text: `{"a": 92233720368547758080, "b": "${secret}"}`,
    },
    {
      what: "bytes that are not UTF-8 in YAML",
      code: "FORMAT_INVALID",
      text: Buffer.from(`a: ${secret}\xff\n`, "latin1"),
    },
    {
      what: "bytes that are not UTF-8 in JSON",
      code: "FORMAT_INVALID",
      name: "a.json",
      text: Buffer.from(`{"a": "${secret}\xff"}`, "latin1"),
    },
    {
      what: "bytes that are not UTF-8 in dotenv",
      code: "FORMAT_INVALID",
      name: "a.env",
      text: Buffer.from(`A=${secret}\xff\n`, "latin1"),
    },
    {
      what: "bytes that are not UTF-8 in INI",
      code: "FORMAT_INVALID",
      name: "a.ini",
      text: Buffer.from(`[s]\na = ${secret}\xff\n`, "latin1"),
    },
    { what: "a NUL byte in YAML", code: "FORMAT_INVALID", text: `a: ${secret}\0\n` },
    { what: "a NUL byte in JSON", code: "FORMAT_INVALID", name: "a.json", text: `{"a": "${secret}\0"}` },
    { what: "a sops key in a plain file", code: "ALREADY_ENCRYPTED", text: `sops: ${secret}\na: 1\n` },
    { what: "a file that is encrypted already", code: "ALREADY_ENCRYPTED", text: sealed, says: /kseal edit/ },
    {
      what: "D22: JSON cut off after a complete value",
      code: "FORMAT_INVALID",
      name: "a.json",
      text: `{"a": "${secret}", "b": 2`,
      says: /cut off/,
    },
    {
      what: "D22: JSON with half of a surrogate pair",
      code: "FORMAT_INVALID",
      name: "a.json",
      text: `{"a": "${secret}\\ud800"}`,
    },
    { what: "YAML cut off inside a quote", code: "FORMAT_INVALID", text: `a: 1\nb: "${secret}\n` },
    { what: "YAML with a tab for indentation", code: "FORMAT_INVALID", text: `a:\n\tb: ${secret}\n` },
    { what: "an empty YAML file", code: "EMPTY_INPUT", text: "" },
    { what: "an empty JSON file", code: "FORMAT_INVALID", name: "a.json", text: "" },
    { what: "an empty dotenv file", code: "EMPTY_INPUT", name: "a.env", text: "" },
    { what: "an empty INI file", code: "EMPTY_INPUT", name: "a.ini", text: "" },
    { what: "an empty binary file", code: "EMPTY_INPUT", name: "a.bin", text: "" },
    { what: "a YAML file of comments", code: "FORMAT_INVALID", text: `# ${secret}\n` },
    { what: "a dotenv file of comments", code: "EMPTY_INPUT", name: "a.env", text: `# ${secret}\n` },
    { what: "an INI file of comments", code: "EMPTY_INPUT", name: "a.ini", text: `; ${secret}\n` },
    { what: "a top-level list in YAML", code: "FORMAT_INVALID", text: `- ${secret}\n- 2\n` },
    { what: "a top-level text in YAML", code: "FORMAT_INVALID", text: `${secret}\n` },
    { what: "a top-level list in JSON", code: "FORMAT_INVALID", name: "a.json", text: `["${secret}"]` },
    {
      what: "a dotenv line without =",
      code: "FORMAT_INVALID",
      name: "a.env",
      text: `A=1\n${secret}\n`,
      says: /a\.env:2|"line":2/,
    },
    {
      what: "D26: an INI value that would be cut at #",
      code: "FORMAT_INVALID",
      name: "a.ini",
      text: `[s]\na = ${secret}#b\n`,
    },
    {
      what: "D6: an unknown config field",
      code: "CONFIG_INVALID",
      text: plain,
      config: `creation_rules:\n  - age: ${mine}\n    encrypted_regexp: x\n`,
      says: /encrypted_regex/,
    },
    {
      what: "D6: a field below kseal:",
      code: "CONFIG_INVALID",
      text: plain,
      config: `${rule}kseal:\n  editor: rm\n`,
    },
    { what: "a config that is no YAML", code: "CONFIG_INVALID", text: plain, config: "creation_rules: [\n" },
    {
      what: "D5: a regex that RE2 refuses",
      code: "CONFIG_INVALID",
      text: plain,
      config: `creation_rules:\n  - age: ${mine}\n    encrypted_regex: (?=x)\n`,
    },
    {
      what: "D5: a rule that selects nothing",
      code: "NOTHING_SELECTED",
      text: plain,
      config: `creation_rules:\n  - age: ${mine}\n    encrypted_regex: ^nothing$\n`,
      says: /--allow-nothing/,
    },
    {
      what: "a rule without recipients",
      code: "NO_MASTER_KEYS",
      text: plain,
      config: "creation_rules:\n  - path_regex: yaml\n",
    },
    {
      what: "no rule that matches",
      code: "NO_MASTER_KEYS",
      text: plain,
      config: `creation_rules:\n  - path_regex: other\n    age: ${mine}\n`,
    },
    { what: "no configuration", code: "CONFIG_NOT_FOUND", text: plain, config: null, says: /kseal init/ },
    {
      what: "a recipient that is none",
      code: "ENCRYPT_FAILED",
      text: plain,
      config: "creation_rules:\n  - age: age1wrong\n",
    },
    {
      what: "an unknown --input-type",
      code: "USAGE",
      text: plain,
      args: ["encrypt", "--input-type", "toml", "FILE"],
    },
    {
      what: "a misspelt flag",
      code: "USAGE",
      text: plain,
      args: ["encrypt", "--inplace", "FILE"],
      says: /--in-place/,
    },
  ])("$what: $code", async (given) => {
    for (const args of [given.args ?? ["encrypt", "FILE"], ["encrypt", "-i", "FILE"]]) {
      await expectRefusal({ ...given, args });
      if (given.args !== undefined) return;
    }
  });
});

describe("an edit that does not fit", () => {
  test.for<Case>([
    {
      what: "D39: a path through a text",
      code: "PATH_INVALID",
      text: sealed,
      args: ["get", "FILE", '["user"]["name"]'],
    },
    { what: "D39: an empty path", code: "PATH_INVALID", text: sealed, args: ["get", "FILE", "[]"] },
    {
      what: "a path that leads nowhere",
      code: "NOT_FOUND",
      text: sealed,
      args: ["unset", "FILE", '["nothing"]'],
    },
    {
      what: "a new name that is taken",
      code: "SET_INVALID",
      text: sealed,
      args: ["rename", "FILE", '["user"]', "password"],
    },
    {
      what: "a value for sops",
      code: "FORMAT_CANNOT_HOLD",
      text: sealed,
      args: ["set", "FILE", '["sops"]', "--generate", "uuid"],
    },
    { what: "a folder", code: "USAGE", text: sealed, args: ["set", ".", '["a"]', "--generate", "uuid"] },
    {
      what: "a decryption order with a type twice",
      code: "ORDER_INVALID",
      text: sealed,
      args: ["get", "--decryption-order", "age,age", "FILE", '["user"]'],
    },
    {
      what: "a group that is not there",
      code: "USAGE",
      text: sealed,
      args: ["groups", "delete", "-i", "FILE", "7"],
    },
    {
      what: "the last group",
      code: "NO_MASTER_KEYS",
      text: sealed,
      args: ["groups", "delete", "-i", "FILE", "0"],
    },
    {
      what: "the last recipient",
      code: "NO_MASTER_KEYS",
      text: sealed,
      args: ["rotate", "-i", "--rm-age", mine, "FILE"],
    },
  ])("$what: $code", (given) => expectRefusal(given));
});

describe("what is merely odd works", () => {
  test.for<Omit<Case, "code">>([
    {
      what: "D19: anchors, aliases and merge keys",
      text: `base: &base {password: ${secret}}\nother:\n  <<: *base\n`,
    },
    { what: "standard tags", text: `a: !!str 1\nb: !!int "2"\npassword: ${secret}\n` },
    {
      what: "prototype keys",
      text: `__proto__:\n  polluted: ${secret}\nconstructor: 1\nhasOwnProperty: 2\n`,
    },
    { what: "NUL bytes in a binary file", name: "a.bin", text: `${secret}\0\xff` },
    { what: "a byte order mark and CRLF", text: `\ufeffa: 1\r\npassword: ${secret}\r\n` },
  ])("$what", async ({ text, name = "a.yaml" }) => {
    const host = await hostWith({ what: "", code: "USAGE", text, name });

    expect(await run(["encrypt", "-i", name], host), host.stderrText()).toBe(0);
    expect(Object.prototype).not.toHaveProperty("polluted");
    expect(host.stderrText()).not.toContain(secret);
    const written = readFolder(host.cwd).get(name) ?? Buffer.alloc(0);
    expect(written.toString("latin1")).not.toContain(secret);
    const opened = await decrypt<Uint8Array>(new Uint8Array(written), { name, identities });
    expect(Buffer.from(opened).toString("utf8")).toContain(secret);
  });
});

describe("an editor that does not do its part", () => {
  test.for<[what: string, script: string, code: ErrorCode]>([
    ["changes nothing and returns at once", "true", "UNCHANGED"],
    ["fails", "exit 3", "EDITOR_FAILED"],
    ["removes the file", 'rm "$1"', "EDITOR_FAILED"],
    ["leaves broken YAML", `printf 'a: "${secret}' > "$1"`, "FORMAT_INVALID"],
    ["leaves nothing", ': > "$1"', "EMPTY_INPUT"],
    ["leaves the key twice", `printf 'a: 1\\na: ${secret}\\n' > "$1"`, "FORMAT_INVALID"],
    ["leaves a sops key", `echo 'sops: ${secret}' >> "$1"`, "FORMAT_INVALID"],
  ])("%s: %s", async ([, script, code]) => {
    const host = await hostWith({ what: "", code, text: sealed });
    await expectFailure(withEditor(host, script), { args: ["edit", "a.yaml"], code, says: undefined });
    expect([...readFolder(host.env["TMPDIR"] ?? "").keys()]).toEqual([]);
  });

  test("takes so long that somebody else wrote the file: FILE_CHANGED", async () => {
    const host = await hostWith({ what: "", code: "FILE_CHANGED", text: sealed });
    const other = await encrypt("user: other\n", { name: "a.yaml", recipients: [mine] });
    writeFileSync(join(host.homeDir, "other.yaml"), other);
    const script = `echo 'more: 1' >> "$1"; cp "${host.homeDir}/other.yaml" "${host.cwd}/a.yaml"`;

    expect(await run(["edit", "a.yaml"], withEditor(host, script))).toBe(exitCodes.get("FILE_CHANGED"));
    expect(readFileSync(join(host.cwd, "a.yaml"), "utf8")).toBe(other);
    expect(host.stdoutText()).toBe("");
    expect(host.stderrText()).not.toContain(secret);
  });
});

/** The host with an editor that is this script; the file is `$1`. */
function withEditor(host: TestHost, script: string): TestHost {
  const editor = join(host.homeDir, "editor");
  writeFileSync(editor, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return { ...host, env: { ...host.env, EDITOR: editor } };
}

describe("a place that cannot be written", () => {
  test.skipIf(process.platform !== "linux")("a full disk: OUTPUT_UNWRITABLE", async () => {
    const host = await hostWith({ what: "", code: "OUTPUT_UNWRITABLE", text: sealed });
    await expectFailure(host, {
      args: ["decrypt", "--out", "/dev/full", "a.yaml"],
      code: "OUTPUT_UNWRITABLE",
      says: /no space left/,
    });
  });

  test("a folder that is not there: OUTPUT_UNWRITABLE", async () => {
    const host = await hostWith({ what: "", code: "OUTPUT_UNWRITABLE", text: sealed });
    await expectFailure(host, {
      args: ["decrypt", "--out", "nowhere/plain.yaml", "a.yaml"],
      code: "OUTPUT_UNWRITABLE",
      says: /folder/,
    });
  });

  test.skipIf(process.platform === "win32")("a read-only folder: OUTPUT_UNWRITABLE", async () => {
    const host = await hostWith({ what: "", code: "OUTPUT_UNWRITABLE", text: sealed });
    const before = readFolder(host.cwd);
    execFileSync("chmod", ["-R", "a+rwX", join(host.cwd, "..")]);
    chmodSync(host.cwd, 0o555);
    onTestFinished(() => chmodSync(host.cwd, 0o700));
    const { cwd, homeDir, env } = host;
    const machine = JSON.stringify({ cwd, homeDir, env, temporaryFolder: env["TMPDIR"] });
    // Nothing is read-only to root. The code is loaded before, by a run that writes elsewhere: it may lie in a place
    // that the other user cannot read.
    const { ended } = runScript(`
      import { createNodeHost } from ${source("host/node-host.ts")};
      import { run } from ${source("cli/run.ts")};
      const rotate = (...to) => run(["rotate", ...to, "a.yaml"], createNodeHost(${machine}));
      await rotate("--out", "${join(host.homeDir, "elsewhere.yaml")}");
      if (process.getuid() === 0) {
        await import(${source("host/lock.ts")});
        process.setgroups([]);
        process.setgid(4242);
        process.setuid(4242);
      }
      process.exitCode = await rotate("-i");`);
    expect(await ended()).toMatchObject({
      code: exitCodes.get("OUTPUT_UNWRITABLE"),
      stderr: expect.stringMatching(
        /a\.yaml: permission denied\n {2}the file and its folder must be writable/,
      ),
    });
    expect(readFolder(host.cwd)).toEqual(before);
  });
});

async function expectRefusal(given: Case): Promise<void> {
  const { code, name = "a.yaml", args = [], says } = given;
  const host = await hostWith(given);
  await expectFailure(host, { args: args.map((word) => (word === "FILE" ? name : word)), code, says });
}

async function expectFailure(
  host: TestHost,
  { args, code, says }: { args: readonly string[]; code: ErrorCode; says: RegExp | undefined },
): Promise<void> {
  const before = readFolder(host.cwd);
  const status = await run([...args, "-o", "json"], host);
  const last = host.stderrText().trimEnd().split("\n").at(-1) ?? "";
  // A command line that does not fit is told of before anybody reads how to tell it.
  const found = last.startsWith("{") ? (JSON.parse(last) as { error: { code: string } }).error.code : "USAGE";

  expect({ found, status }, host.stderrText()).toEqual({ found: code, status: exitCodes.get(code) });
  if (says !== undefined) expect(host.stderrText()).toMatch(says);
  expect(host.stdoutText()).toBe("");
  expect(host.stderrText()).not.toContain(secret);
  expect(readFolder(host.cwd)).toEqual(before);
}

function hostWith({
  text,
  name = "a.yaml",
  config = rule,
  identity = identities[0],
}: Case): Promise<TestHost> {
  return createTestHost({
    env: identity === "" ? {} : { SOPS_AGE_KEY: identity },
    files: { [name]: text, ...(config === null ? {} : { ".sops.yaml": config }) },
  });
}
