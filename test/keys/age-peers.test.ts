import { createHash, createSecretKey, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { delimiter, dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { DataKey } from "../../src/core/data-key.ts";
import { openValue, parseSealed, printSealed, sealValue } from "../../src/core/value.ts";
import { ageProvider } from "../../src/keys/age.ts";
import { generateIdentity } from "../../src/keys/keygen.ts";
import { Keyring } from "../../src/keys/keyring.ts";
import { ageKey, keyContext, metadataOf, pluginPath, wrapFor } from "../support/key-context.ts";
import { peer } from "../support/peers.ts";
import { createTestHost, type TestHost } from "../support/test-host.ts";

const age = peer("age");
const ageKeygen = peer("age-keygen");
const pqPlugin = peer("age-plugin-pq");
const batchPlugin = peer("age-plugin-batchpass");
const sshKeygen = peer("ssh-keygen");
const sops = peer("sops");
const dataKey = new DataKey(randomBytes(32));
const utf8 = new TextEncoder();

/** A host, and what opens files for a recipient: flags of age, variables of SOPS. */
interface Holder {
  readonly host: TestHost;
  readonly recipient: string;
  readonly identityFile: string;
}

async function run(
  host: TestHost,
  command: readonly [string, ...string[]],
  stdin?: Uint8Array,
): Promise<Uint8Array> {
  const { status, stdout, stderr } = await host.exec(command, stdin === undefined ? {} : { stdin });
  expect(status, stderr).toBe(0);
  return stdout;
}

async function runText(host: TestHost, command: readonly [string, ...string[]]): Promise<string> {
  return new TextDecoder().decode(await run(host, command));
}

async function withKeygen(...flags: readonly string[]): Promise<Holder> {
  const host = await createTestHost({ env: { SOPS_AGE_KEY_FILE: "id.txt" } });
  await run(host, [ageKeygen!, ...flags, "-o", "id.txt"]);
  const recipient = (await runText(host, [ageKeygen!, "-y", "id.txt"])).trim();
  return { host, recipient, identityFile: "id.txt" };
}

async function withSsh(type: string, passphrase = ""): Promise<Holder> {
  const env = { SOPS_AGE_SSH_PRIVATE_KEY_FILE: "key" };
  const host = await createTestHost({ env, answers: [passphrase] });
  await run(host, [sshKeygen!, "-q", "-t", type, "-N", passphrase, "-C", "ann@host", "-f", "key"]);
  const recipient = readFileSync(host.resolve("key.pub"), "utf8").trim();
  return { host, recipient, identityFile: "key" };
}

async function withPqPlugin(): Promise<Holder> {
  const PATH = [dirname(pqPlugin!), process.env["PATH"]].join(delimiter);
  const host = await createTestHost({ env: { PATH, SOPS_AGE_KEY_FILE: "id.txt" } });
  await run(host, [ageKeygen!, "-pq", "-o", "native.txt"]);
  await run(host, [pqPlugin!, "-identity", "-o", "id.txt", "native.txt"]);
  const recipient = (await runText(host, [ageKeygen!, "-y", "native.txt"])).trim();
  return { host, recipient, identityFile: "id.txt" };
}

async function withOwnKeygen(postQuantum: boolean): Promise<Holder> {
  const host = await createTestHost({ env: { SOPS_AGE_KEY_FILE: "id.txt" } });
  const { recipient, fileText } = await generateIdentity({ postQuantum, host });
  await host.createFile("id.txt", utf8.encode(fileText()));
  return { host, recipient, identityFile: "id.txt" };
}

const kinds: readonly (readonly [string, () => Promise<Holder>])[] = [
  ["X25519", () => withKeygen()],
  ["post-quantum", () => withKeygen("-pq")],
  ["X25519 of kseal's keygen", () => withOwnKeygen(false)],
  ["post-quantum of kseal's keygen", () => withOwnKeygen(true)],
  ["SSH Ed25519", () => withSsh("ed25519")],
  ["SSH RSA", () => withSsh("rsa")],
  ["plugin (age-plugin-pq)", withPqPlugin],
];

describe.skipIf(!age || !ageKeygen || !sshKeygen || !pqPlugin)("with the real age", () => {
  test.for(kinds)("%s: age opens what kseal wrapped", async ([, holder]) => {
    const { host, recipient, identityFile } = await holder();
    const { enc } = await wrapFor(recipient, dataKey, keyContext(host));
    const opened = await run(host, [age!, "-d", "-i", identityFile], utf8.encode(enc));
    expect(new Uint8Array(opened)).toEqual(dataKey.reveal());
  });

  test.for(kinds)("%s: kseal opens what age wrapped", async ([, holder]) => {
    const { host, recipient } = await holder();
    const enc = await run(host, [age!, "-a", "-r", recipient], dataKey.reveal());
    const wrapped = { key: ageKey(recipient), enc: new TextDecoder().decode(enc) };
    expect((await ageProvider.unwrap(wrapped, keyContext(host)))?.reveal()).toEqual(dataKey.reveal());
  });

  test("an encrypted SSH key opens with its passphrase, asked once", async () => {
    for (const type of ["ed25519", "rsa"]) {
      const { host, recipient } = await withSsh(type, "pass word");
      const context = keyContext(host);
      const enc = await run(host, [age!, "-a", "-r", recipient], dataKey.reveal());
      const wrapped = { key: ageKey(recipient), enc: new TextDecoder().decode(enc) };
      for (let times = 0; times < 2; times++) {
        expect((await ageProvider.unwrap(wrapped, context))?.reveal()).toEqual(dataKey.reveal());
      }
      expect(host.questions).toEqual(["Enter passphrase for SOPS_AGE_SSH_PRIVATE_KEY_FILE (key): "]);
    }
  });

  test.skipIf(!batchPlugin)("an identity file that age put under a passphrase opens with it", async () => {
    const PATH = [dirname(batchPlugin!), process.env["PATH"]].join(delimiter);
    const env = {
      PATH,
      AGE_PASSPHRASE: "pass word",
      AGE_PASSPHRASE_WORK_FACTOR: "12",
      SOPS_AGE_KEY_FILE: "id.age",
    };
    const host = await createTestHost({ env, answers: ["pass word"] });
    await run(host, [ageKeygen!, "-o", "id.txt"]);
    const recipient = (await runText(host, [ageKeygen!, "-y", "id.txt"])).trim();
    await run(host, [age!, "-e", "-j", "batchpass", "-o", "id.age", "id.txt"]);
    const { enc } = await wrapFor(recipient, dataKey, keyContext(host));

    const opened = await ageProvider.unwrap({ key: ageKey(recipient), enc }, keyContext(host));

    expect(opened?.reveal()).toEqual(dataKey.reveal());
    expect(host.questions).toHaveLength(1);
  });

  test.skipIf(!batchPlugin)(
    "the identity of age-plugin-batchpass opens what a passphrase protects",
    async () => {
      const PATH = [dirname(batchPlugin!), process.env["PATH"]].join(delimiter);
      const variables = { AGE_PASSPHRASE: "pass word", AGE_PASSPHRASE_WORK_FACTOR: "12" };
      const env = { PATH, ...variables, SOPS_AGE_KEY: "AGE-PLUGIN-BATCHPASS-1JCS0Q9" };
      const host = await createTestHost({ env });
      const enc = await run(host, [age!, "-a", "-e", "-j", "batchpass"], dataKey.reveal());
      const wrapped = { key: ageKey("batchpass"), enc: new TextDecoder().decode(enc) };
      expect((await ageProvider.unwrap(wrapped, keyContext(host)))?.reveal()).toEqual(dataKey.reveal());
    },
  );
});

const aad = utf8.encode("a:");
const lastModified = "2026-01-02T03:04:05Z";

/** A SOPS file in JSON with one value, as little as SOPS takes. */
function sopsFile(
  groups: readonly (readonly { recipient: string; enc: string }[])[],
  threshold: number,
): string {
  const key = createSecretKey(dataKey.reveal());
  const seal = (text: string, aad: Uint8Array): string =>
    printSealed(sealValue(utf8.encode(text), { key, aad, iv: randomBytes(32), type: "str" }));
  const digest = createHash("sha512").update("hello").digest("hex").toUpperCase();
  const keys =
    groups.length === 1
      ? { age: groups[0] }
      : { shamir_threshold: threshold, key_groups: groups.map((age) => ({ hc_vault: [], age })) };
  const mac = seal(digest, utf8.encode(lastModified));
  return JSON.stringify({
    a: seal("hello", aad),
    sops: { ...keys, lastmodified: lastModified, mac, version: "3.13.3" },
  });
}

describe.skipIf(!sops || !ageKeygen || !sshKeygen || !pqPlugin)("with the real sops", () => {
  test.for(kinds)(
    "%s: sops opens a file whose data key kseal wrapped, and the reverse",
    async ([, holder]) => {
      const { host, recipient } = await holder();
      const context = keyContext(host);
      const { enc } = await wrapFor(recipient, dataKey, context);
      await host.createFile("file.json", utf8.encode(sopsFile([[{ recipient, enc }]], 0)));
      await host.createFile("plain.json", utf8.encode('{"a":"hello"}'));

      const opened = await runText(host, [sops!, "decrypt", "file.json"]);
      const sealed = await runText(host, [sops!, "encrypt", "--age", recipient, "plain.json"]);

      expect(JSON.parse(opened)).toEqual({ a: "hello" });
      const file = JSON.parse(sealed);
      const [entry] = file.sops.age;
      const unwrapped = await ageProvider.unwrap({ key: ageKey(entry.recipient), enc: entry.enc }, context);
      const value = openValue(parseSealed(file.a), { key: unwrapped!.keyObject(), aad });
      expect(new TextDecoder().decode(value)).toBe("hello");
    },
  );

  test("D49: two of three Shamir groups, both ways", async () => {
    const holders = await Promise.all([withOwnKeygen(false), withOwnKeygen(false), withOwnKeygen(true)]);
    const groups = holders.map(({ recipient }) => [ageKey(recipient)]);
    const texts = holders.map(({ host }) => readFileSync(host.resolve("id.txt"), "utf8"));
    const host = await createTestHost({ env: { SOPS_AGE_KEY: `${texts[0]}${texts[2]}` } });
    const ring = new Keyring(keyContext(host));
    const wrapped = await ring.wrapAll(dataKey, groups, 2);
    const entries = wrapped.map((group, i) =>
      group.map(({ enc }) => ({ recipient: holders[i]?.recipient ?? "", enc })),
    );
    await host.createFile("file.json", utf8.encode(sopsFile(entries, 2)));
    await host.createFile("plain.json", utf8.encode('{"a":"hello"}'));
    const rules = groups.map(([key]) => ({ age: [key?.recipient] }));
    const config = { creation_rules: [{ shamir_threshold: 2, key_groups: rules }] };
    await host.createFile(".sops.yaml", utf8.encode(JSON.stringify(config)));

    const opened = await runText(host, [sops!, "decrypt", "file.json"]);
    const file = JSON.parse(await runText(host, [sops!, "encrypt", "plain.json"]));

    expect(JSON.parse(opened)).toEqual({ a: "hello" });
    type Entry = { recipient: string; enc: string };
    const back = file.sops.key_groups.map(({ age }: { age: Entry[] }) =>
      age.map(({ recipient, enc }) => ({ key: ageKey(recipient), enc })),
    );
    const unwrapped = await ring.unwrap(metadataOf(back, file.sops.shamir_threshold));
    const value = openValue(parseSealed(file.a), { key: unwrapped.keyObject(), aad });
    expect(new TextDecoder().decode(value)).toBe("hello");
  });

  test("an identity command gets the recipient from both", async () => {
    const { host: maker, recipient } = await withOwnKeygen(false);
    const text = readFileSync(maker.resolve("id.txt"), "utf8");
    const env = { SOPS_AGE_KEY_CMD: "sh -c 'cat \"$SOPS_AGE_RECIPIENT\"'" };
    const host = await createTestHost({ env, files: { [recipient]: text } });
    const { enc } = await wrapFor(recipient, dataKey, keyContext(host));
    await host.createFile("file.json", utf8.encode(sopsFile([[{ recipient, enc }]], 0)));

    expect(JSON.parse(await runText(host, [sops!, "decrypt", "file.json"]))).toEqual({ a: "hello" });
    expect(await ageProvider.unwrap({ key: ageKey(recipient), enc }, keyContext(host))).not.toBeNull();
  });

  test("sops and kseal use the test plugin alike", async () => {
    const bare = await createTestHost();
    const PATH = await pluginPath(bare.cwd);
    const { encodeBech32 } = await import("../../src/keys/bech32.ts");
    const key = randomBytes(32);
    const recipient = encodeBech32("age1test", key);
    const SOPS_AGE_KEY = encodeBech32("age-plugin-test-", key).toUpperCase();
    const host = await createTestHost({ env: { PATH, SOPS_AGE_KEY } });
    const { enc } = await wrapFor(recipient, dataKey, keyContext(host));
    await host.createFile("file.json", utf8.encode(sopsFile([[{ recipient, enc }]], 0)));

    expect(JSON.parse(await runText(host, [sops!, "decrypt", "file.json"]))).toEqual({ a: "hello" });
  });
});
