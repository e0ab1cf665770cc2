import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { loadSealingKeys } from "../../src/ops/sealing-keys.ts";
import { identities } from "../support/identities.ts";
import { makeKey, type TestKey, yamlOf } from "../support/sealed-files.ts";
import { encrypted, failureOf, workbench } from "./workbench.ts";

const [oldest, middle, newest] = (await Promise.all([
  makeKey({ age: 60 }),
  makeKey({ age: 30 }),
  makeKey({ age: 1 }),
])) as [TestKey, TestKey, TestKey];
const names = ({ keys }: Awaited<ReturnType<typeof loadSealingKeys>>) => keys.map(({ name }) => name);
const list = (...keys: readonly TestKey[]) =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "List",
    items: keys.map(({ secret }) => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: secret.metadata.name, namespace: "kube-system" },
      data: Object.fromEntries(
        [...secret.data].map(([item, bytes]) => [item, Buffer.from(bytes).toString("base64")]),
      ),
    })),
  });

test.for([
  ["a Secret in YAML", "key.yaml", middle.yaml],
  ["a Secret in JSON, whatever its file is called", "backup", list(middle)],
  ["PEM with its certificate", "key.pem", middle.pem + middle.certificatePem],
  ["PEM alone", "tls.key", middle.pem],
] as const)("a key is read from %s", async ([, file, content]) => {
  const { context } = await workbench({ [file]: content });

  const { keys, refused } = await loadSealingKeys([file], context);

  expect(refused).toEqual([]);
  expect(keys.map(({ fingerprint, file: from }) => ({ fingerprint, from }))).toEqual([
    { fingerprint: middle.key.fingerprint, from: file },
  ]);
});

test("several documents and lists give every key once, newest first", async () => {
  const { context } = await workbench({
    "a.yaml": oldest.yaml + newest.yaml,
    "b.json": list(middle, oldest),
    "c.pem": newest.pem,
  });

  const loaded = await loadSealingKeys(["c.pem", "a.yaml", "b.json"], context);

  expect(names(loaded)).toEqual([1, 30, 60].map((age) => `kube-system/sealed-secrets-key${age}`));
  expect(loaded.keys[0]).toMatchObject({ file: "a.yaml", certificate: { pem: expect.anything() } });
});

test.for([
  ["backup.yaml", newest.yaml + oldest.yaml],
  ["backup.json", list(newest, oldest)],
  ["backup.pem", newest.pem + oldest.pem],
] as const)("a backup that SOPS encrypted opens with the user's own keys: %s", async ([file, content]) => {
  const { again, host } = await encrypted({ [file]: content });
  expect(new TextDecoder().decode(await host.readFile(file))).not.toContain("PRIVATE");

  expect(
    (await loadSealingKeys([file], await again())).keys.map(({ fingerprint }) => fingerprint).sort(),
  ).toEqual([newest, oldest].map(({ key }) => key.fingerprint).sort());
});

test("a backup that SOPS encrypted for somebody else does not open", async () => {
  const bench = await encrypted({ "backup.yaml": newest.yaml }, { env: {} });
  const { context } = await workbench(
    { "backup.yaml": await bench.read("backup.yaml") },
    { env: { SOPS_AGE_KEY: identities[1]! } },
  );

  expect(await failureOf(loadSealingKeys(["backup.yaml"], context))).toMatchObject({
    code: "NO_KEY",
    where: { file: "backup.yaml" },
  });
});

test("of a folder the files that may hold keys count, and a broken one does not make the others useless (S13)", async () => {
  const ec = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey.export({
    type: "pkcs8",
    format: "pem",
  });
  const { context } = await workbench({
    "keys/readme.md": "how to restore",
    "keys/2025/old.yaml": oldest.yaml,
    "keys/new.yaml": newest.yaml,
    "keys/ec.pem": ec.toString(),
    "keys/cut.yaml": `${middle.yaml.slice(0, 300)}\n"tls.key`,
  });

  const loaded = await loadSealingKeys(["keys"], context);

  expect(names(loaded)).toEqual([1, 60].map((age) => `kube-system/sealed-secrets-key${age}`));
  expect(loaded.refused.map(({ file, error }) => [file, error.code])).toEqual([
    ["keys/cut.yaml", "FORMAT_INVALID"],
    ["keys/ec.pem", "CERTIFICATE_INVALID"],
  ]);
});

test("an object in a backup that is no key is told with its place", async () => {
  const config = yamlOf({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" } });
  const { context } = await workbench({ "a.yaml": newest.yaml + config });

  const { keys, refused } = await loadSealingKeys(["a.yaml"], context);

  expect(keys).toHaveLength(1);
  expect(refused.map(({ error }) => error.message)).toEqual([
    "object 2: the manifest is ConfigMap (v1), not a Secret",
  ]);
});

const { privateKey: ecKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const { privateKey: dsaKey } = generateKeyPairSync("dsa", { modulusLength: 1024, divisorLength: 160 });
const pkcs8 = { type: "pkcs8", format: "pem" } as const;

test.for([
  ["an EC key", ecKey.export(pkcs8).toString(), "CERTIFICATE_INVALID", "the private key is not an RSA key"],
  ["a DSA key", dsaKey.export(pkcs8).toString(), "CERTIFICATE_INVALID", "the private key is not an RSA key"],
  ["a certificate alone", newest.certificatePem, "CERTIFICATE_INVALID", "the file holds no private key"],
  [
    "a key that was cut",
    newest.pem.replace(/\n[^\n]{64}\n/, "\n"),
    "CERTIFICATE_INVALID",
    "the private key cannot be read",
  ],
  [
    "a Secret without a key",
    yamlOf({ apiVersion: "v1", kind: "Secret", metadata: { name: "db" }, data: {} }),
    "CERTIFICATE_INVALID",
    "the Secret db has no tls.key",
  ],
  ["an empty file", "", "EMPTY_INPUT", "the file is empty"],
  ["a null", "---\n---\n", "CERTIFICATE_INVALID", "there is no sealing key in these files"],
] as const)("%s is refused", async ([, content, code, message]) => {
  const { context } = await workbench({ "k.yaml": content });

  expect(await failureOf(loadSealingKeys(["k.yaml"], context))).toMatchObject({ code, message });
});

test("a folder without keys, and a file that is not there, are said", async () => {
  const { context } = await workbench({ "keys/readme.md": "nothing" });

  expect(await failureOf(loadSealingKeys(["keys"], context))).toMatchObject({
    code: "NO_FILE",
    message: "no sealing key in this folder",
    where: { file: "keys" },
  });
  expect(await failureOf(loadSealingKeys(["none.yaml"], context))).toMatchObject({ code: "NO_FILE" });
});
