import { afterEach, describe, expect, test } from "vitest";
import { DataKey } from "../../src/core/data-key.ts";
import { type MasterKey, sameKey, type WrappedKey } from "../../src/core/master-key.ts";
import { type KeyLookup, Keyring, noLookup } from "../../src/keys/keyring.ts";
import { NoKeyError } from "../../src/keys/no-key-error.ts";
import { identities, recipients } from "../support/identities.ts";
import { ageKey, keyContext, metadataOf } from "../support/key-context.ts";
import { type AwsKmsServer, startAwsKms } from "../support/kms/aws-kms.ts";
import { startFaults } from "../support/kms/faults.ts";
import type { LoopbackServer } from "../support/kms/loopback-server.ts";
import { createTestHost } from "../support/test-host.ts";

const dataKey = new DataKey(Uint8Array.from({ length: 32 }, (_, i) => i));
const [mine = "", theirs = ""] = recipients;
const role = "arn:aws:iam::111122223333:role/deploy";
const servers: LoopbackServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

function kms(name: string, more: { role?: string } = {}): MasterKey {
  return { type: "kms", arn: `arn:aws:kms:eu-west-1:111122223333:key/${name}`, ...more };
}

async function keyringFor(server: LoopbackServer): Promise<Keyring> {
  const env = {
    AWS_ENDPOINT_URL: server.url,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_EC2_METADATA_DISABLED: "true",
    SOPS_AGE_KEY: identities[0] ?? "",
  };
  return new Keyring(keyContext(await createTestHost({ env })));
}

/** A key server, and what a first run wrapped with it. The requests of that run do not count. */
async function wrapped(
  groups: readonly (readonly MasterKey[])[],
  threshold = 0,
  options: Parameters<typeof startAwsKms>[0] = {},
): Promise<{ server: AwsKmsServer; groups: readonly (readonly WrappedKey[])[]; ring: Keyring }> {
  const first = await startAwsKms();
  const lookup: KeyLookup = { ...noLookup, listed: async () => groups.flat() };
  const result = await (await keyringFor(first)).wrapAll(dataKey, groups, threshold, lookup);
  await first.close();
  const server = await startAwsKms(options);
  servers.push(server);
  return { server, groups: result, ring: await keyringFor(server) };
}

async function failureOf(work: Promise<unknown>): Promise<NoKeyError> {
  const error = await work.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(NoKeyError);
  return error as NoKeyError;
}

/** A text with the test's own folder left out. */
function atHome(text: string): string {
  return text.replaceAll(/\/\S*\/home\//g, "~/");
}

describe("key groups that need a key server", () => {
  test("are asked at the same time, as many as are needed and no more", async () => {
    let both: () => void = () => undefined;
    const bothArrived = new Promise<void>((resolve) => {
      both = resolve;
    });
    // Neither is answered before the other has come: one after the other would never end.
    const hold = (inFlight: number): Promise<void> => {
      if (inFlight === 2) both();
      return bothArrived;
    };
    const { server, groups, ring } = await wrapped([[kms("a")], [kms("b")], [kms("c")]], 2, { hold });
    expect((await ring.unwrap(metadataOf(groups, 2))).reveal()).toEqual(dataKey.reveal());
    expect(server.operations()).toEqual(["Decrypt", "Decrypt"]);
  });

  test("take the place of a group whose keys are refused", async () => {
    const { server, groups, ring } = await wrapped([[kms("a"), kms("a2")], [kms("b")], [kms("c")]], 2);
    server.setKey("key/a", "denied");
    expect((await ring.unwrap(metadataOf(groups, 2))).reveal()).toEqual(dataKey.reveal());
    expect(server.requests).toHaveLength(4);
  });

  test("are not asked for a share that an age key gives, wherever it stands in the file", async () => {
    const { server, groups, ring } = await wrapped([[kms("a")], [kms("b")], [ageKey(mine)]], 2);
    expect((await ring.unwrap(metadataOf(groups, 2))).reveal()).toEqual(dataKey.reveal());
    expect(server.requests).toHaveLength(1);
  });

  test("are not asked at all when age keys open enough groups", async () => {
    const all = [[kms("a"), ageKey(mine)], [kms("b")], [ageKey(mine)]];
    const { server, groups, ring } = await wrapped(all, 2);
    expect((await ring.unwrap(metadataOf(groups, 2))).reveal()).toEqual(dataKey.reveal());
    expect(server.requests).toHaveLength(0);
  });

  test("are asked one by one inside a group, in the order of the file", async () => {
    const { server, groups, ring } = await wrapped([[kms("a"), kms("b"), kms("c")]]);
    server.setKey("key/a", "disabled");
    await ring.unwrap(metadataOf(groups));
    expect(server.requests.map(({ body }) => JSON.parse(body).KeyId.split("/")[1])).toEqual(["a", "b"]);
    expect(server.mostInFlight).toBe(1);
  });
});

describe("a wrapped key", () => {
  test("costs one request, however many files hold it and at the same time", async () => {
    const { server, groups, ring } = await wrapped([[kms("a")]]);
    const unwrap = () => ring.unwrap(metadataOf(groups));
    expect(await Promise.all(Array.from({ length: 50 }, unwrap))).toHaveLength(50);
    await unwrap();
    expect(server.requests).toHaveLength(1);
  });

  test("that was refused is not asked for again, another one of the same key is", async () => {
    const first = await wrapped([[kms("a")]]);
    const second = await wrapped([[kms("a")]]);
    first.server.setKey("key/a", "denied");
    await failureOf(first.ring.unwrap(metadataOf(first.groups)));
    await failureOf(first.ring.unwrap(metadataOf(first.groups)));
    expect(first.server.requests).toHaveLength(1);
    await failureOf(first.ring.unwrap(metadataOf(second.groups)));
    expect(first.server.requests).toHaveLength(2);
  });

  test("of a source that does not answer is not even tried when another one of the key was in vain", async () => {
    const [one, two] = [await wrapped([[kms("a")]]), await wrapped([[kms("a")]])];
    const broken = await startFaults("error");
    servers.push(broken);
    const ring = await keyringFor(broken);
    const first = await failureOf(ring.unwrap(metadataOf(one.groups)));
    const asked = broken.requests.length;
    const second = await failureOf(ring.unwrap(metadataOf(two.groups)));
    expect(first.attempts).toMatchObject([{ kind: "unreachable" }]);
    expect(second.attempts).toEqual([{ ...first.attempts[0], key: kms("a") }]);
    expect(broken.requests).toHaveLength(asked);
  });
});

test("many files with one key cost a request each, 16 at a time, over as many connections", async () => {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  // The first answers wait for the sixteenth request: fewer at a time would never end.
  const hold = (inFlight: number): Promise<void> => {
    if (inFlight === 16) setImmediate(release);
    return released;
  };
  const first = await wrapped([[kms("a")]]);
  const files = await Promise.all(
    Array.from({ length: 60 }, () => first.ring.wrapAll(dataKey, [[kms("a")]], 0)),
  );
  const { server, ring } = await wrapped([[kms("a")]], 0, { hold });
  await Promise.all(files.map((groups) => ring.unwrap(metadataOf(groups))));
  expect(server.requests).toHaveLength(files.length);
  expect(server.mostInFlight).toBe(16);
  expect(server.connections).toBe(16);
});

describe("D43: a role that a file names", () => {
  const key = kms("a", { role });
  const listing: KeyLookup = { ...noLookup, listed: async () => [key] };

  test("is taken where the rule of the file lists it, and refused for a file whose rule does not", async () => {
    const { server, groups, ring } = await wrapped([[key]]);
    const refused = await failureOf(ring.unwrap(metadataOf(groups)));
    expect(refused.attempts).toMatchObject([{ kind: "untrusted" }]);
    expect(server.requests).toHaveLength(0);
    expect((await ring.unwrap(metadataOf(groups), listing)).reveal()).toEqual(dataKey.reveal());
    expect(server.operations()).toEqual(["AssumeRole", "Decrypt"]);
  });

  test("is settled file by file also when they are opened at the same time", async () => {
    const { server, groups, ring } = await wrapped([[key]]);
    const lookups = [noLookup, listing, noLookup, listing, listing];
    const results = await Promise.allSettled(
      lookups.map((lookup) => ring.unwrap(metadataOf(groups), lookup)),
    );
    const opened = results.map(({ status }) => status === "fulfilled");
    // A file that lists nothing may find the key open already, and sends nothing then.
    for (const [index, lookup] of lookups.entries()) expect(opened[index] || lookup === noLookup).toBe(true);
    expect(server.operations()).toEqual(["AssumeRole", "Decrypt"]);
  });
});

test("the report names every key by its name and says what to do, each advice once", async () => {
  const all: readonly MasterKey[] = [ageKey(theirs), kms("a"), kms("b"), kms("c"), kms("d", { role })];
  const { server, groups, ring } = await wrapped([all]);
  server.setKey("key/a", "denied");
  server.setKey("key/b", "disabled");
  server.setKey("key/c", "missing");
  const names = new Map([
    [theirs, "Bob"],
    ["arn:aws:kms:eu-west-1:111122223333:key/a", "CI"],
    ["arn:aws:kms:eu-west-1:111122223333:key/d", "Recovery"],
  ]);
  const error = await failureOf(ring.unwrap(metadataOf(groups), { ...noLookup, names: async () => names }));
  expect(error.attempts.map(({ kind }) => kind)).toEqual([
    "absent",
    "denied",
    "disabled",
    "missing",
    "untrusted",
  ]);
  expect(atHome(error.message)).toBe(
    [
      "cannot open the data key: no master key of the file could be used",
      `  Bob (${theirs}): nothing at hand opens it`,
      "  CI (arn:aws:kms:eu-west-1:111122223333:key/a): User: arn:aws:iam::123456789012:user/test is not authorized to perform: kms:Decrypt because no identity-based policy allows the kms:Decrypt action",
      "  arn:aws:kms:eu-west-1:111122223333:key/b: the key is disabled",
      "  arn:aws:kms:eu-west-1:111122223333:key/c: there is no such key in eu-west-1",
      `  Recovery (arn:aws:kms:eu-west-1:111122223333:key/d+${role}): the file wants the AWS role "${role}" to be used, which no creation rule names for this key`,
      `  you hold ${mine} from SOPS_AGE_KEY`,
      "  no identity in SOPS_AGE_KEY_FILE, ~/.config/sops/age/keys.txt, SOPS_AGE_SSH_PRIVATE_KEY_FILE, ~/.ssh/id_ed25519, ~/.ssh/id_rsa, SOPS_AGE_KEY_CMD, SOPS_AGE_SSH_PRIVATE_KEY_CMD",
      "  you hold AWS credentials from AWS_ACCESS_KEY_ID",
    ].join("\n"),
  );
  expect(atHome(error.hint ?? "")).toBe(
    [
      "aws sts get-caller-identity shows who you are to AWS; that user or role needs kms:Decrypt",
      "aws kms enable-key --region eu-west-1 --key-id arn:aws:kms:eu-west-1:111122223333:key/b",
      "aws kms describe-key --region eu-west-1 --key-id arn:aws:kms:eu-west-1:111122223333:key/c",
      `to allow it, write into ~/.config/kseal/config.yaml: trust: { aws_roles: ["${role}"] }`,
      "put an identity that opens the file into ~/.config/sops/age/keys.txt, or name its file in SOPS_AGE_KEY_FILE;",
      "without one, ask somebody who can open the file to add your recipient to .sops.yaml and run: kseal updatekeys FILE",
    ].join("\n"),
  );
});

test("D34: the report of a wrap names every key that failed, and nothing is wrapped", async () => {
  const server = await startAwsKms();
  servers.push(server);
  server.setKey("key/b", "denied");
  const names = new Map([["arn:aws:kms:eu-west-1:111122223333:key/b", "CI"]]);
  const ring = await keyringFor(server);
  const work = ring.wrapAll(dataKey, [[kms("a"), kms("b"), ageKey("age1x")]], 0, {
    ...noLookup,
    names: async () => names,
  });
  await expect(work).rejects.toMatchObject({ code: "ENCRYPT_FAILED" });
  const error = await work.catch((thrown: unknown) => thrown);
  expect((error as Error).message).toBe(
    [
      "cannot wrap the data key for 2 of 3 master keys",
      "  CI (arn:aws:kms:eu-west-1:111122223333:key/b): User: arn:aws:iam::123456789012:user/test is not authorized to perform: kms:Encrypt because no identity-based policy allows the kms:Encrypt action",
      '  age1x: "age1x" is not an age recipient: it was cut off or mistyped',
    ].join("\n"),
  );
});

test("keys come back in the order in which they were given, whichever is answered first", async () => {
  const keys = [kms("a"), ageKey(mine), kms("b"), kms("c")];
  const { groups } = await wrapped([keys]);
  expect(groups[0]?.every((entry, index) => sameKey(entry.key, keys[index]!))).toBe(true);
});
