import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { MasterKey } from "../../src/core/master-key.ts";
import { backUpKey, isBackedUp } from "../../src/ops/key-backup.ts";
import { type BackupPlace, folderBackups } from "../../src/ops/key-backup-place.ts";
import { noteBackups, readBackupState } from "../../src/ops/key-backup-record.ts";
import { type VerifyBackupOptions, verifyBackups } from "../../src/ops/keys-verify.ts";
import { placeOf } from "../../src/sealed/secret.ts";
import { makeKey, manifest, seal, type TestKey } from "../support/sealed-files.ts";
import { failureOf, mine, others, theirs, type Workbench, workbench } from "./workbench.ts";

const [key, other] = (await Promise.all([makeKey({ age: 3 }), makeKey({ age: 2 })])) as [TestKey, TestKey];
const age = (recipient: string): MasterKey => ({ type: "age", recipient });
const forMe = { groups: [[age(mine)]], shamirThreshold: 0 };
const file = "sealed-secrets-key3.sops.yaml";

async function bench(files: Readonly<Record<string, string>> = {}): Promise<Workbench> {
  const here = await workbench(files);
  mkdirSync(join(here.host.cwd, "b"));
  return here;
}

const placeIn = ({ host }: Workbench): BackupPlace => folderBackups("b", host);

async function backedUp(
  files: Readonly<Record<string, string>> = {},
  recipients = forMe,
): Promise<Workbench> {
  const here = await bench(files);
  await backUpKey(key.secret, { recipients, places: [placeIn(here)] }, here.context);
  return here;
}

describe("a backup", () => {
  test("is a SOPS file of which only the values are encrypted", async () => {
    const text = await (await backedUp()).read(`b/${file}`);

    expect(text.replaceAll(/ENC\[[^\]]*\]/g, "ENC")).toContain(
      [
        "---",
        "apiVersion: v1",
        "data:",
        "  tls.crt: ENC",
        "  tls.key: ENC",
        "kind: Secret",
        "metadata:",
        "  annotations:",
        `    kseal.dev/backup-of: ${key.key.fingerprint}`,
        "  labels:",
        "    sealedsecrets.bitnami.com/sealed-secrets-key: active",
        "  name: sealed-secrets-key3",
        "  namespace: kube-system",
        "type: kubernetes.io/tls",
        "sops:",
      ].join("\n"),
    );
    expect(text).toContain("encrypted_regex: ^(data|stringData)$");
  });

  test("leaves out what a cluster has set, what says of backups, and the copy that kubectl keeps", async () => {
    const here = await bench();
    const annotations = new Map([
      ["kubectl.kubernetes.io/last-applied-configuration", '{"data":{"tls.key":"hush"}}'],
      ["kseal.dev/backup-at", "2026-01-01T00:00:00Z"],
      ["team", "platform"],
    ]);
    const otherFields = new Map<string, unknown>(
      Object.entries({ uid: "1", resourceVersion: "7", managedFields: [] }),
    );
    const metadata = { ...key.secret.metadata, annotations, other: otherFields };

    await backUpKey(
      { ...key.secret, metadata },
      { recipients: forMe, places: [placeIn(here)] },
      here.context,
    );

    const text = await here.read(`b/${file}`);
    expect(text).toContain("    team: platform\n");
    expect(text).not.toMatch(/hush|backup-at|resourceVersion|uid|managedFields/);
  });

  test("is for groups of recipients, of which some must come together", async () => {
    const groups = [[age(mine)], [age(theirs), age(others)]];
    const here = await backedUp({}, { groups, shamirThreshold: 2 });

    const { backups } = await verify(here, { paths: ["b"] });

    expect(await here.read(`b/${file}`)).toContain("shamir_threshold: 2");
    expect(backups[0]?.problems).toEqual([expect.stringMatching(/^1 of 2 key groups opened|group/)]);
  });

  test("for recipients that are no recipients is none", async () => {
    const here = await bench();
    const recipients = { groups: [[age("age1nobody")]], shamirThreshold: 0 };

    const failure = await failureOf(
      backUpKey(key.secret, { recipients, places: [placeIn(here)] }, here.context),
    );

    expect(failure.code).toBe("ENCRYPT_FAILED");
    expect(await placeIn(here).list()).toEqual([]);
  });

  test("is never replaced: with other recipients there is one more", async () => {
    const here = await backedUp();
    const first = await here.read(`b/${file}`);
    const recipients = { groups: [[age(mine), age(theirs)]], shamirThreshold: 0 };

    const [record] = await backUpKey(key.secret, { recipients, places: [placeIn(here)] }, here.context);

    expect(record?.file).toBe("sealed-secrets-key3.2.sops.yaml");
    expect(await here.read(`b/${file}`)).toBe(first);
  });

  test("counts as long as it is there as it was proved, for these recipients", async () => {
    const here = await bench();
    const place = placeIn(here);
    const records = await backUpKey(key.secret, { recipients: forMe, places: [place] }, here.context);
    const { records: noted } = readBackupState(new Map(Object.entries(noteBackups([], records))));

    expect(noted).toEqual(records);
    expect(await isBackedUp(noted, place, forMe)).toBe(true);
    expect(await isBackedUp(noted, place, { ...forMe, groups: [[age(theirs)]] })).toBe(false);
    writeFileSync(join(here.host.cwd, "b", file), "changed");
    expect(await isBackedUp(noted, place, forMe)).toBe(false);
    expect(readBackupState(new Map([["kseal.dev/backup-places", "nonsense"]])).records).toEqual([]);
  });
});

/** A folder whose files are changed behind the back of who wrote them. */
function damaging(here: Workbench, damage: (text: string) => string): BackupPlace {
  const place = placeIn(here);
  return {
    ...place,
    async put(name, content) {
      const done = await place.put(name, content);
      const path = join(here.host.cwd, "b", name);
      writeFileSync(path, damage(readFileSync(path, "utf8")));
      return done;
    },
  };
}

test.for([
  ["cut off", (text: string) => text.slice(0, 1000)],
  ["empty", () => ""],
  ["of another recipient", (text: string) => text.replaceAll(mine, theirs)],
  [
    "changed by one character",
    (text: string) => text.replace(/tag:(.)/, (_, one) => `tag:${one === "A" ? "B" : "A"}`),
  ],
] as const)("what is %s when it is read back is no backup", async ([, damage]) => {
  const here = await bench();
  const places = [damaging(here, damage)];

  const failure = await failureOf(backUpKey(key.secret, { recipients: forMe, places }, here.context));

  expect(failure).toMatchObject({
    code: "CHANGES_REFUSED",
    message: "the backup is not good: what was read back is not what was written",
    where: { file: `folder b: ${file}` },
  });
});

test("S14: a key whose certificate is for another one is not backed up", async () => {
  const here = await bench();
  const data = new Map([
    ...key.secret.data,
    ["tls.crt", new TextEncoder().encode(other.certificatePem)] as const,
  ]);
  const secret = { ...key.secret, data };

  const failure = await failureOf(
    backUpKey(secret, { recipients: forMe, places: [placeIn(here)] }, here.context),
  );

  expect(failure).toMatchObject({
    code: "CERTIFICATE_INVALID",
    message: `the certificate of ${placeOf(secret.metadata)} does not belong to its private key`,
  });
  expect(await placeIn(here).list()).toEqual([]);
});

test.runIf(process.platform === "linux")(
  "a folder that cannot be written to is said, and one that is not there",
  async () => {
    const here = await bench();
    const at = (path: string) =>
      failureOf(
        backUpKey(key.secret, { recipients: forMe, places: [folderBackups(path, here.host)] }, here.context),
      );

    expect(await at("missing")).toMatchObject({
      code: "OUTPUT_UNWRITABLE",
      message: `cannot write missing/${file}: the folder does not exist`,
    });
    expect(await at("/proc/self")).toMatchObject({ code: "OUTPUT_UNWRITABLE" });
    if (process.getuid?.() === 0) return;
    chmodSync(join(here.host.cwd, "b"), 0o500);
    expect(await at("b")).toMatchObject({
      code: "OUTPUT_UNWRITABLE",
      message: `cannot write b/${file}: permission denied`,
    });
  },
);

function verify({ context }: Workbench, options: Partial<VerifyBackupOptions>) {
  return verifyBackups({ paths: [], places: {}, sealed: [], dryRun: false, ...options }, context);
}

describe("a recovery drill", () => {
  test("opens backups with a recipient's own key, and SealedSecrets with what is in them", async () => {
    const here = await backedUp({
      "app/a.yaml": manifest({ a: seal("1", key) }),
      "app/b.yaml": manifest({ a: seal("1", key), b: seal("2", other) }, { name: "db" }),
    });

    const drill = await verify(here, { paths: ["b"], sealed: ["app"] });

    expect(drill).toEqual({
      backups: [
        {
          file: `b/${file}`,
          keys: [{ name: "kube-system/sealed-secrets-key3", fingerprint: key.key.fingerprint }],
          problems: [],
        },
      ],
      objects: 2,
      closed: [{ file: "app/b.yaml", place: "prod/db" }],
      missing: [],
      noted: [],
    });
  });

  test.for([
    ["cut off", (text: string) => text.slice(0, text.indexOf("sops:")), /^its sops block is missing$/],
    ["of a recipient whose key is not at hand", undefined, /^no key at hand|cannot|master key/],
    [
      "with a changed value",
      (text: string) => text.replace(/tag:(.)/, (_, c) => `tag:${c === "A" ? "B" : "A"}`),
      /./,
    ],
    ["with a changed name", (text: string) => text.replace("name: sealed", "name: other"), /MAC/],
    ["with another fingerprint", (text: string) => text.replace(/SHA256:./, "SHA256:_"), /MAC/],
  ] as const)("finds a backup that is %s", async ([, damage, problem]) => {
    const recipients = damage === undefined ? { groups: [[age(theirs)]], shamirThreshold: 0 } : forMe;
    const here = await backedUp({ "app/a.yaml": manifest({ a: seal("1", key) }) }, recipients);
    const path = join(here.host.cwd, "b", file);
    if (damage !== undefined) writeFileSync(path, damage(readFileSync(path, "utf8")));

    const drill = await verify(here, { paths: ["b"], sealed: ["app"] });

    expect(drill.backups).toEqual([
      { file: `b/${file}`, keys: [], problems: [expect.stringMatching(problem)] },
    ]);
    expect(drill.closed).toHaveLength(1);
  });

  test("finds a backup in clear, and a file that holds no key", async () => {
    const here = await workbench({ "key.yaml": key.yaml, "x.yaml": "a: 1\n" });

    const drill = await verify(here, { paths: ["key.yaml", "x.yaml"] });

    expect(drill.backups.map(({ problems }) => problems)).toEqual([
      ["it is not encrypted: whoever reads it has the key"],
      [expect.stringMatching(/not a Secret|has no tls\.key/)],
    ]);
  });

  test("needs a backup", async () => {
    const here = await bench();

    expect(await failureOf(verify(here, {}))).toMatchObject({ code: "USAGE", message: "no backup is named" });
    expect(await failureOf(verify(here, { paths: ["b"] }))).toMatchObject({
      code: "NO_FILE",
      message: "no backup of a sealing key in this folder",
    });
  });
});
