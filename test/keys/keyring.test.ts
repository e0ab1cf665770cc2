import { describe, expect, test } from "vitest";
import { DataKey } from "../../src/core/data-key.ts";
import type { KeyGroups, MasterKey, WrappedKey } from "../../src/core/master-key.ts";
import { KsealError } from "../../src/errors.ts";
import { encodeBech32 } from "../../src/keys/bech32.ts";
import { generateIdentity } from "../../src/keys/keygen.ts";
import { Keyring } from "../../src/keys/keyring.ts";
import { NoKeyError } from "../../src/keys/no-key-error.ts";
import { ageKey, keyContext, metadataOf, pluginPath } from "../support/key-context.ts";
import { createTestHost } from "../support/test-host.ts";

interface Person {
  readonly recipient: string;
  readonly identity: string;
}

async function person(number: number): Promise<Person> {
  const random = (length: number): Uint8Array => new Uint8Array(length).fill(number);
  const { recipient, fileText } = await generateIdentity({
    postQuantum: false,
    host: { random, now: () => 0 },
  });
  return { recipient, identity: fileText() };
}

const [ann, ben, cleo] = await Promise.all([person(1), person(2), person(3)]);
const dataKey = new DataKey(Uint8Array.from({ length: 32 }, (_, i) => i));
const huawei: MasterKey = { type: "hckms", keyId: "tr-west-1:0f7b1f9a-1f3c-4e0e-8f1a-0e3c5a6b7c8d" };
const tpm: MasterKey = { type: "unknown", name: "tpm" };
const pgp: MasterKey = { type: "pgp", fingerprint: "FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4" };

async function keyring(held: readonly Person[], order?: readonly string[]): Promise<Keyring> {
  const env = { SOPS_AGE_KEY: held.map(({ identity }) => identity).join("\n") };
  const context = keyContext(await createTestHost({ env }));
  return new Keyring(context, order === undefined ? {} : { decryptionOrder: order });
}

async function wrap(groups: KeyGroups, threshold = 0): Promise<readonly (readonly WrappedKey[])[]> {
  return await (await keyring([])).wrapAll(dataKey, groups, threshold);
}

async function noKey(work: Promise<unknown>): Promise<NoKeyError> {
  const error = await work.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(NoKeyError);
  return error as NoKeyError;
}

function groupsOf(...people: readonly Person[]): KeyGroups {
  return people.map(({ recipient }) => [ageKey(recipient)]);
}

describe("one key group", () => {
  test("opens with any one of its keys", async () => {
    const groups = await wrap([[ageKey(ann.recipient), ageKey(ben.recipient)]]);

    for (const holder of [ann, ben]) {
      const opened = await (await keyring([holder])).unwrap(metadataOf(groups));
      expect(opened.reveal()).toEqual(dataKey.reveal());
    }
  });

  test("is wrapped whole even where a threshold is stored", async () => {
    const groups = await wrap(groupsOf(ann), 2);
    const opened = await (await keyring([ann])).unwrap(metadataOf(groups, 2));
    expect(opened.reveal()).toEqual(dataKey.reveal());
  });

  test("keeps the order of its keys, and age keys have no date", async () => {
    const [group = []] = await wrap([[ageKey(ben.recipient), ageKey(ann.recipient)]]);
    expect(group.map(({ key }) => key)).toEqual([ageKey(ben.recipient), ageKey(ann.recipient)]);
    expect(group.every((wrapped) => !("createdAt" in wrapped))).toBe(true);
  });

  test("that wraps something else than a data key does not open", async () => {
    const groups = await (await keyring([])).wrapAll(new DataKey(new Uint8Array(31)), groupsOf(ann), 0);
    const error = await noKey((await keyring([ann])).unwrap(metadataOf(groups)));
    expect(error.attempts[0]?.reason).toBe("what it opens to is not a data key");
  });
});

describe("D49: several key groups", () => {
  const all = groupsOf(ann, ben, cleo);

  test.for([
    ["two of three, the first two", [ann, ben]],
    ["two of three, the last two", [ben, cleo]],
    ["two of three, the outer two", [ann, cleo]],
    ["all three", [ann, ben, cleo]],
  ] as const)("open with %s", async ([, held]) => {
    const groups = await wrap(all, 2);
    const opened = await (await keyring(held)).unwrap(metadataOf(groups, 2));
    expect(opened.reveal()).toEqual(dataKey.reveal());
  });

  test("do not open with one share, whatever the threshold in the file says", async () => {
    const groups = await wrap(all, 2);
    for (const threshold of [0, 1, 2, 3, 9]) {
      await noKey((await keyring([ben])).unwrap(metadataOf(groups, threshold)));
    }
  });

  test("need every group when the threshold is 0", async () => {
    const groups = await wrap(all, 0);
    await noKey((await keyring([ann, ben])).unwrap(metadataOf(groups, 0)));
    const opened = await (await keyring([ann, ben, cleo])).unwrap(metadataOf(groups, 0));
    expect(opened.reveal()).toEqual(dataKey.reveal());
  });

  test.for([[1], [4], [-1], [1.5]])(
    "with threshold %d are refused before anything is wrapped",
    async ([threshold = 0]) => {
      await expect(wrap(all, threshold)).rejects.toMatchObject({ code: "USAGE" });
    },
  );

  test("report which opened and which did not", async () => {
    const groups = await wrap(all, 2);
    const error = await noKey((await keyring([ben])).unwrap(metadataOf(groups, 2)));

    expect(error.message).toContain("cannot open the data key: 1 of 3 key groups opened, 2 are needed\n");
    expect(error.message).toContain(`  group 0, ${ann.recipient}: nothing at hand opens it\n`);
    expect(error.message).toContain(`  group 1, ${ben.recipient}: opened\n`);
    expect(error.attempts.map(({ group, reason }) => [group, reason === undefined])).toEqual([
      [0, false],
      [1, true],
      [2, false],
    ]);
  });
});

test.for([
  ["no group", []],
  ["an empty group", [[]]],
  ["an empty group beside another", [[ageKey(ann.recipient)], []]],
] as const)("%s is refused", async ([, groups]) => {
  await expect(wrap(groups)).rejects.toMatchObject({ code: "NO_MASTER_KEYS" });
});

describe("the decryption order", () => {
  const unusable = (key: MasterKey): WrappedKey => ({ key, enc: "x", createdAt: "2026-01-02T03:04:05Z" });

  test.for([
    ["age, then pgp, then as in the file", undefined, ["age", "pgp", "hckms"]],
    ["as told", ["hckms"], ["hckms", "age", "pgp"]],
    ["as in the file when nothing is told", [], ["hckms", "age", "pgp"]],
    ["as told for all", ["pgp", "hckms", "age"], ["pgp", "hckms", "age"]],
  ] as const)("is %s", async ([, order, types]) => {
    const group = [unusable(huawei), unusable(ageKey(ann.recipient)), unusable(pgp)];
    const error = await noKey((await keyring([], order)).unwrap(metadataOf([group])));
    // The report stands in the order of attempts.
    expect(error.attempts.map(({ key }) => key.type)).toEqual(types);
  });

  test("D49: with a type twice is refused with the status of SOPS", async () => {
    const error = await keyring([], ["age", "pgp", "age"]).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "ORDER_INVALID", exitCode: 112 });
  });

  test("with a type that does not exist is a warning", async () => {
    const context = keyContext(await createTestHost());
    expect(() => new Keyring(context, { decryptionOrder: ["agee"] })).not.toThrow();
    expect(context.said).toEqual([expect.stringMatching(/^warning: the decryption order names agee/)]);
  });
});

describe("D34: a key that cannot be wrapped for", () => {
  test("fails the whole, and every such key is named", async () => {
    const bad = ageKey(encodeBech32("age", new Uint8Array(32)));
    const error = await wrap([[ageKey(ann.recipient), tpm], [bad]]).catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(KsealError);
    expect(error).toMatchObject({ code: "ENCRYPT_FAILED" });
    expect((error as KsealError).hint).toBe("a newer version of kseal or sops may know them");
    expect((error as KsealError).message).toBe(
      [
        "cannot wrap the data key for 2 of 3 master keys",
        "  tpm: kseal knows no keys of the type tpm",
        `  ${bad.recipient}: the recipient is no usable public key`,
      ].join("\n"),
    );
  });
});

describe("without a key that opens", () => {
  test("the report names the keys, what is at hand, and the next step", async () => {
    const [[wrapped] = []] = await wrap(groupsOf(ann));
    const host = await createTestHost({ env: { SOPS_AGE_KEY: ben.identity } });
    const error = await noKey(
      new Keyring(keyContext(host)).unwrap(metadataOf([[wrapped!, { key: tpm, enc: "x" }]])),
    );
    const keys = host.resolve(host.configDir, "sops/age/keys.txt");
    const ssh = (name: string): string => host.resolve(host.homeDir, ".ssh", name);

    expect(error).toMatchObject({ code: "NO_KEY", exitCode: 128 });
    expect(error.message).toBe(
      [
        "cannot open the data key: no master key of the file could be used",
        `  ${ann.recipient}: nothing at hand opens it`,
        "  tpm: kseal knows no keys of the type tpm",
        `  you hold ${ben.recipient} from SOPS_AGE_KEY`,
        `  no identity in SOPS_AGE_KEY_FILE, ${keys}, SOPS_AGE_SSH_PRIVATE_KEY_FILE, ${ssh("id_ed25519")}, ${ssh("id_rsa")}, SOPS_AGE_KEY_CMD, SOPS_AGE_SSH_PRIVATE_KEY_CMD`,
      ].join("\n"),
    );
    expect(error.hint).toBe(
      [
        "a newer version of kseal or sops may know them",
        `put an identity that opens the file into ${keys}, or name its file in SOPS_AGE_KEY_FILE;`,
        "without one, ask somebody who can open the file to add your recipient to .sops.yaml and run: kseal updatekeys FILE",
      ].join("\n"),
    );
  });

  test("the error keeps its report when it gets its place", async () => {
    const groups = await wrap(groupsOf(ann));
    const error = (await noKey((await keyring([])).unwrap(metadataOf(groups)))).at({ file: "a.yaml" });
    expect(error).toBeInstanceOf(NoKeyError);
    expect(error.attempts).toHaveLength(1);
    expect(error.where).toEqual({ file: "a.yaml" });
  });

  test("a file without keys says so", async () => {
    const error = await noKey((await keyring([])).unwrap(metadataOf([])));
    expect(error.attempts).toEqual([]);
  });

  test("the long names of post-quantum keys are shortened", async () => {
    const host = { random: (length: number) => new Uint8Array(length).fill(4), now: () => 0 };
    const { recipient } = await generateIdentity({ postQuantum: true, host });
    const groups = await wrap([[ageKey(recipient)]]);
    const error = await noKey((await keyring([])).unwrap(metadataOf(groups)));
    expect(error.message).not.toContain(recipient);
    expect(error.message).toContain(recipient.slice(0, 40));
  });
});

describe("a plugin identity beside an ordinary one", () => {
  test("is not started when the ordinary one opens another key of the file", async () => {
    const [mine] = await Promise.all([person(6)]);
    const plugin = encodeBech32("age-plugin-test-", new Uint8Array(32).fill(7)).toUpperCase();
    const bare = await createTestHost();
    const log = bare.resolve("sent.txt");
    const env = {
      PATH: await pluginPath(bare.cwd),
      SOPS_AGE_KEY: `${plugin}\n${mine!.identity}`,
      AGE_PLUGIN_TEST_LOG: log,
    };
    const context = keyContext(await createTestHost({ env }));
    const groups = await wrap([[ageKey(ann.recipient), ageKey(mine!.recipient)]]);

    const opened = await new Keyring(context).unwrap(metadataOf(groups));

    expect(opened.reveal()).toEqual(dataKey.reveal());
    expect(await bare.stat(log)).toBeUndefined();
  });

  test("is asked once for each wrapped key, however many files hold it", async () => {
    const key = new Uint8Array(32).fill(7);
    const bare = await createTestHost();
    const log = bare.resolve("sent.txt");
    const env = {
      PATH: await pluginPath(bare.cwd),
      SOPS_AGE_KEY: encodeBech32("age-plugin-test-", key).toUpperCase(),
      AGE_PLUGIN_TEST_LOG: log,
    };
    const context = keyContext(await createTestHost({ env }));
    const ring = new Keyring(context);
    const groups = await ring.wrapAll(dataKey, [[ageKey(encodeBech32("age1test", key))]], 0);
    const others = await wrap(groupsOf(ann));

    await Promise.all([1, 2, 3].map(() => ring.unwrap(metadataOf(groups))));
    await ring.unwrap(metadataOf(groups));
    await noKey(ring.unwrap(metadataOf(others)));
    await noKey(ring.unwrap(metadataOf(others)));

    const sent = new TextDecoder().decode(await bare.readFile(log));
    expect(sent.match(/^-> add-identity /gm)).toHaveLength(2);
  });
});

test("a run that was interrupted tries no further key", async () => {
  const groups = await wrap(groupsOf(ann));
  const context = { ...keyContext(await createTestHost()), signal: AbortSignal.abort() };
  await expect(new Keyring(context).unwrap(metadataOf(groups))).rejects.toMatchObject({
    code: "INTERRUPTED",
  });
});
