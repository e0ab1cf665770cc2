import { scryptSync } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { concatBytes } from "../../src/core/concat-bytes.ts";
import { DataKey } from "../../src/core/data-key.ts";
import { ageProvider } from "../../src/keys/age.ts";
import { sealAgeFile } from "../../src/keys/age-file.ts";
import { loadChaCha } from "../../src/keys/chacha.ts";
import { identitiesOf } from "../../src/keys/identities.ts";
import { generateIdentity, type NewIdentity } from "../../src/keys/keygen.ts";
import type { KeyContext } from "../../src/keys/provider.ts";
import { generateSshKey } from "../../src/keys/ssh-keygen.ts";
import { encodeUnpadded } from "../../src/keys/unpadded-base64.ts";
import { ageKey, keyContext, wrapFor } from "../support/key-context.ts";
import { createTestHost, type TestHost, type TestHostOptions } from "../support/test-host.ts";

const fill = (byte: number) => (length: number) => new Uint8Array(length).fill(byte);

async function identity(byte: number, postQuantum = false): Promise<NewIdentity> {
  return await generateIdentity({ postQuantum, host: { random: fill(byte), now: () => 0 } });
}

const [classic, other] = await Promise.all([identity(1), identity(2)]);
const quantum = await identity(3, true);
const ssh = generateSshKey(fill(4));
const dataKey = new DataKey(fill(9)(32));

async function opens(context: KeyContext, recipient: string): Promise<boolean> {
  const wrapped = await wrapFor(recipient, dataKey, keyContext(await createTestHost()));
  const opened = await ageProvider.unwrap({ ...wrapped, key: ageKey(recipient) }, context);
  return opened !== null;
}

/** A host with files below HOME, which the identity may stand in. */
async function hostWith(
  options: TestHostOptions,
  home: Readonly<Record<string, string>> = {},
): Promise<TestHost> {
  const host = await createTestHost(options);
  for (const [path, content] of Object.entries(home)) {
    const file = host.resolve(host.homeDir, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  return host;
}

/** An identity file under a passphrase, with little work. */
async function underPassphrase(text: string, passphrase: string, logN = 4): Promise<string> {
  const salt = fill(7)(16);
  const saltWithLabel = concatBytes([new TextEncoder().encode("age-encryption.org/v1/scrypt"), salt]);
  const key = scryptSync(passphrase, saltWithLabel, 32, { N: 2 ** Math.min(logN, 14), r: 8, p: 1 });
  const chacha = await loadChaCha();
  return await sealAgeFile(new TextEncoder().encode(text), {
    random: fill(8),
    wrap: async (fileKey) => ({
      args: ["scrypt", encodeUnpadded(salt), String(logN)],
      body: await chacha.seal(key, new Uint8Array(12), fileKey),
    }),
  });
}

describe("an identity is found", () => {
  const text = classic.fileText();
  const print = (content: string): string => `printf '%s' '${content}'`;

  test.for([
    ["in SOPS_AGE_KEY", { env: { SOPS_AGE_KEY: text } }, {}],
    ["in SOPS_AGE_KEY, several in a line", { env: { SOPS_AGE_KEY: `${line(other)} ${line(classic)}` } }, {}],
    ["in SOPS_AGE_KEY_FILE", { env: { SOPS_AGE_KEY_FILE: "id.txt" }, files: { "id.txt": text } }, {}],
    ["by SOPS_AGE_KEY_CMD", { env: { SOPS_AGE_KEY_CMD: `sh -c "${print(line(classic))}"` } }, {}],
    ["in keys.txt", {}, { ".config/sops/age/keys.txt": `\r\n# mine\r\n${line(classic)}\r\n` }],
    [
      "in keys.txt of macOS",
      { platform: "darwin", env: { XDG_CONFIG_HOME: undefined } },
      { "Library/Application Support/sops/age/keys.txt": text },
    ],
  ] as const)("%s", async ([, options, home]) => {
    const context = keyContext(await hostWith(options, home));
    expect(await opens(context, classic.recipient)).toBe(true);
    expect(await opens(context, quantum.recipient)).toBe(false);
  });

  test.for([
    [
      "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
      { env: { SOPS_AGE_SSH_PRIVATE_KEY_FILE: "key" }, files: { key: ssh.privateKey } },
      {},
    ],
    [
      "SOPS_AGE_SSH_PRIVATE_KEY_CMD",
      { env: { SOPS_AGE_SSH_PRIVATE_KEY_CMD: "cat key" }, files: { key: ssh.privateKey } },
      {},
    ],
    ["~/.ssh/id_ed25519", {}, { ".ssh/id_ed25519": ssh.privateKey }],
    ["~/.ssh/id_rsa, whatever its type", {}, { ".ssh/id_rsa": ssh.privateKey }],
  ] as const)("in %s", async ([name, options, home]) => {
    const files = "files" in options ? options.files : {};
    const host = await hostWith({ ...options, files }, home);
    // Commands run where kseal runs, as those of SOPS do.
    expect(name).not.toBe("");
    expect(await opens(keyContext(host), ssh.publicKey)).toBe(true);
  });

  test("among others, for post-quantum recipients too", async () => {
    const context = keyContext(
      await hostWith({ env: { SOPS_AGE_KEY: other.fileText() + quantum.fileText() } }),
    );
    expect(await opens(context, quantum.recipient)).toBe(true);
    expect(await opens(context, classic.recipient)).toBe(false);
    expect(await identitiesOf(context).recipients()).toEqual([other.recipient, quantum.recipient]);
  });
});

describe("D41: an identity is loaded once in a process", () => {
  const counting = "sh -c 'echo x >> runs; cat id.txt'";

  async function runs(host: TestHost): Promise<number> {
    const file = await host.stat("runs");
    return file ? file.size / 2 : 0;
  }

  test("a command runs once for all recipients when it always gives the same", async () => {
    const files = { "id.txt": classic.fileText() };
    const host = await hostWith({ env: { SOPS_AGE_KEY_CMD: counting }, files });
    const context = keyContext(host);

    const recipients = [other, quantum, classic, classic].map(({ recipient }) => recipient);
    const expected = [false, false, true, true];
    // A command that was first asked for what it gives may be one that looks keys up, so another one asks first.
    expect(await opens(context, other.recipient)).toBe(false);
    expect(await Promise.all(recipients.map((recipient) => opens(context, recipient)))).toEqual(expected);
    for (const [i, recipient] of recipients.entries()) {
      expect(await opens(context, recipient)).toBe(expected[i]);
    }
    expect(await runs(host)).toBe(1);
  });

  test("a command that looks keys up is asked once for each recipient, by SOPS_AGE_RECIPIENT", async () => {
    const files = { [classic.recipient]: classic.fileText(), [other.recipient]: other.fileText() };
    const lookUp = "sh -c 'echo x >> runs; cat $SOPS_AGE_RECIPIENT'";
    const host = await hostWith({ env: { SOPS_AGE_KEY_CMD: lookUp }, files });
    const context = keyContext(host);

    const wanted = [classic, other, classic, other].map(({ recipient }) => recipient);
    const opened = await Promise.all(wanted.map((recipient) => opens(context, recipient)));
    expect(opened).toEqual([true, true, true, true]);
    expect(await runs(host)).toBe(2);
  });

  test("a command is not run by a shell", async () => {
    const host = await hostWith({ env: { SOPS_AGE_KEY_CMD: "echo x; touch y" } });
    await opens(keyContext(host), classic.recipient);
    expect(await host.stat("y")).toBeUndefined();
  });

  test("a passphrase is asked once, and only when nothing else opens the file", async () => {
    const files = { "id.age": await underPassphrase(classic.fileText(), "open") };
    const env = { SOPS_AGE_KEY_FILE: "id.age", SOPS_AGE_KEY: other.fileText() };
    const host = await hostWith({ env, files, answers: ["open"] });
    const context = keyContext(host);

    expect(await opens(context, other.recipient)).toBe(true);
    expect(await opens({ ...context, quiet: true }, classic.recipient)).toBe(false);
    expect(host.questions).toEqual([]);
    expect(await opens(context, classic.recipient)).toBe(true);
    expect(await opens(context, classic.recipient)).toBe(true);
    expect(await opens(context, quantum.recipient)).toBe(false);
    expect(host.questions).toEqual(["Enter passphrase for SOPS_AGE_KEY_FILE (id.age): "]);
  });
});

describe("an identity file under a passphrase", () => {
  async function fails(file: string, answers?: readonly string[]): Promise<string> {
    const env = { SOPS_AGE_KEY_FILE: "id.age" };
    const host = await hostWith({ env, files: { "id.age": file }, ...(answers ? { answers } : {}) });
    const error = await opens(keyContext(host), classic.recipient).catch((thrown: unknown) => thrown);
    return (error as Error).message;
  }

  test("does not open with another passphrase, with none, or with nobody to ask", async () => {
    const file = await underPassphrase(classic.fileText(), "open");
    const name = "SOPS_AGE_KEY_FILE (id.age)";
    expect(await fails(file, ["shut"])).toBe(`the passphrase for ${name} is wrong`);
    expect(await fails(file, [""])).toBe(`${name} needs a passphrase, and none was given`);
    expect(await fails(file)).toBe(`${name} needs a passphrase, and there is no terminal to ask on`);
  });

  test("that asks for too much work is refused", async () => {
    const file = await underPassphrase(classic.fileText(), "open", 23);
    expect(await fails(file, ["open"])).toBe("the age header asks for too much work: scrypt 2^23");
  });

  test("that was cut off, or is for other keys, is refused", async () => {
    const file = await underPassphrase(classic.fileText(), "open");
    expect(await fails(file.slice(0, 200), ["open"])).toMatch(/^the age armor is malformed/);
    const forOther = (await wrapFor(other.recipient, dataKey, keyContext(await hostWith({})))).enc;
    expect(await fails(forOther, ["open"])).toMatch(/is an age file for other keys/);
  });
});

describe("what cannot be loaded is told only in the report", () => {
  async function problems(
    options: TestHostOptions,
    home: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const context = keyContext(await hostWith(options, home));
    expect(await opens(context, classic.recipient)).toBe(false);
    return ((await ageProvider.holdings?.(context)) ?? []).join("\n");
  }

  test.for([
    ["a missing file", { env: { SOPS_AGE_KEY_FILE: "none.txt" } }, /^SOPS_AGE_KEY_FILE: .*none\.txt/],
    [
      "a mistyped identity",
      { env: { SOPS_AGE_KEY: "AGE-SECRET-KEY-1TYPO" } },
      /^SOPS_AGE_KEY, line 1: this is no age identity/,
    ],
    [
      "a recipient",
      { env: { SOPS_AGE_KEY: classic.recipient } },
      /^SOPS_AGE_KEY, line 1: this is a recipient/,
    ],
    [
      "an SSH key in the wrong place",
      { env: { SOPS_AGE_KEY_FILE: "k" }, files: { k: ssh.privateKey } },
      /^SOPS_AGE_KEY_FILE \(k\), line 1: an SSH key belongs into SOPS_AGE_SSH_PRIVATE_KEY_FILE$/m,
    ],
    [
      "a command that fails",
      { env: { SOPS_AGE_KEY_CMD: "false" } },
      /^SOPS_AGE_KEY_CMD: the command ended with status 1/,
    ],
    [
      "a command that does not exist",
      { env: { SOPS_AGE_KEY_CMD: "no-such-program" } },
      /^SOPS_AGE_KEY_CMD: .*no-such-program/,
    ],
    ["an open quote", { env: { SOPS_AGE_KEY_CMD: "cat 'x" } }, /^SOPS_AGE_KEY_CMD: .*a quote is not closed/],
    [
      "something that is no SSH key",
      { env: { SOPS_AGE_SSH_PRIVATE_KEY_FILE: "k" }, files: { k: "x" } },
      /^SOPS_AGE_SSH_PRIVATE_KEY_FILE: the SSH private key cannot be used/,
    ],
  ] as const)("%s", async ([, options, expected]) => {
    expect(await problems(options as TestHostOptions)).toMatch(expected);
  });

  test("and never with what stands in the place", async () => {
    const secret = line(classic);
    for (const broken of [
      secret.slice(0, -1),
      secret.toLowerCase().slice(3),
      `x${secret}`,
      `${secret} ${secret}`,
    ]) {
      const text = await problems({ env: { SOPS_AGE_KEY_FILE: "id.txt" }, files: { "id.txt": broken } });
      expect(text).not.toContain(secret.slice(20, 40));
      expect(text.toUpperCase()).not.toContain(secret.slice(20, 40));
    }
  });

  test("and does not hinder other identities of the same file", async () => {
    const context = keyContext(await hostWith({ env: { SOPS_AGE_KEY: `nonsense\n${classic.fileText()}` } }));
    expect(await opens(context, classic.recipient)).toBe(true);
  });

  test("a plugin identity and an SSH key are named by kind", async () => {
    const env = { SOPS_AGE_KEY: "AGE-PLUGIN-BATCHPASS-1JCS0Q9" };
    const context = keyContext(await hostWith({ env }, { ".ssh/id_ed25519": ssh.privateKey }));
    const holdings = ((await ageProvider.holdings?.(context)) ?? []).join("\n");
    expect(holdings).toContain("you hold an identity of age-plugin-batchpass from SOPS_AGE_KEY");
    expect(holdings).toMatch(/you hold ssh-ed25519 SHA256:[^ ]+ from .*id_ed25519/);
  });
});

test("SSH keys are left alone by files that are not for SSH keys", async () => {
  const env = { SOPS_AGE_SSH_PRIVATE_KEY_CMD: "touch asked" };
  const host = await hostWith({ env });
  expect(await opens(keyContext(host), classic.recipient)).toBe(false);
  expect(await host.stat("asked")).toBeUndefined();
});

function line({ fileText }: NewIdentity): string {
  return fileText().split("\n")[2] ?? "";
}
