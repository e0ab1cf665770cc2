import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  newestFirst,
  newSealingKey,
  readKeyBackup,
  readPemKeys,
  readSealingKey,
  type SealingKey,
} from "../../src/sealed/sealing-key.ts";
import { readSecret, secretObject } from "../../src/sealed/secret.ts";
import { random, sealedVector, vectorSealingKey } from "../support/sealed.ts";

const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const label = "sealedsecrets.bitnami.com/sealed-secrets-key";

interface KeySecret {
  readonly key?: string;
  readonly crt?: string;
  readonly name?: string;
  readonly created?: string;
}

function keySecret({
  key = sealedVector("rsa2048.key.pem"),
  crt = sealedVector("rsa2048.crt.pem"),
  name = "key1",
  created,
}: KeySecret = {}) {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name,
      namespace: "kube-system",
      labels: { [label]: "active" },
      ...(created ? { creationTimestamp: created } : {}),
    },
    type: "kubernetes.io/tls",
    data: { "tls.key": Buffer.from(key).toString("base64"), "tls.crt": Buffer.from(crt).toString("base64") },
  };
}

describe("a sealing key", () => {
  test("is read from the Secret of a controller", () => {
    const key = readSealingKey(readSecret(keySecret({ created: "2026-11-20T15:06:01Z" })));
    expect(key).toMatchObject({
      name: "kube-system/key1",
      fingerprint: "SHA256:KTc1nl7kxUUVlRa+NVFScuQgxFRQaWdqlgUeyqeMYXs",
      modulusLength: 256,
      createdAt: Date.parse("2026-11-20T15:06:01Z"),
      label: "active",
    });
    expect(key.certificate?.keyFingerprint).toBe(key.fingerprint);
  });

  test("is read from PKCS#8, too", () => {
    const pkcs8 = createPrivateKey(sealedVector("rsa2048.key.pem"))
      .export({ type: "pkcs8", format: "pem" })
      .toString();
    expect(pkcs8).toMatch(/^-----BEGIN PRIVATE KEY-----/);
    expect(readSealingKey(readSecret(keySecret({ key: pkcs8 }))).fingerprint).toBe(
      vectorSealingKey("rsa2048").fingerprint,
    );
  });

  test("shows nothing of itself when it is printed", () => {
    expect(JSON.stringify(vectorSealingKey("rsa2048").privateKey)).toBe("{}");
  });

  test.for([
    [
      "an EC key",
      { key: ec.export({ type: "sec1", format: "pem" }).toString() },
      "the private key of kube-system/key1 is not an RSA key",
    ],
    [
      "an EC key in PKCS#8",
      { key: ec.export({ type: "pkcs8", format: "pem" }).toString() },
      "the private key of kube-system/key1 is not an RSA key",
    ],
    ["no PEM", { key: "AAAA" }, "the private key of kube-system/key1 is not PEM"],
    [
      "junk",
      { key: "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n" },
      "the private key of kube-system/key1 cannot be read",
    ],
    [
      "a passphrase",
      {
        key: createPrivateKey(sealedVector("rsa2048.key.pem"))
          .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" })
          .toString(),
      },
      "the private key of kube-system/key1 is protected by a passphrase",
    ],
    [
      "S14: the certificate of another key",
      { crt: sealedVector("rsa4096.crt.pem") },
      "the certificate of kube-system/key1 does not belong to its private key",
    ],
    ["a broken certificate", { crt: "AAAA" }, "failed to read any certificates"],
  ] as const)("with %s is refused", ([, parts, message]) => {
    expect(() => readSealingKey(readSecret(keySecret(parts)))).toThrow(
      expect.objectContaining({ code: "CERTIFICATE_INVALID", exitCode: 33, message }),
    );
  });
});

describe("a backup", () => {
  test("of kubectl is a list; what is no key in it is named, and the others serve (S13)", () => {
    const list = {
      apiVersion: "v1",
      kind: "List",
      items: [
        keySecret(),
        keySecret({
          key: sealedVector("rsa4096.key.pem"),
          crt: sealedVector("rsa4096.crt.pem"),
          name: "key2",
        }),
        keySecret({ name: "again" }),
        { apiVersion: "v1", kind: "Secret", metadata: { name: "other", namespace: "kube-system" }, data: {} },
        { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "config" } },
      ],
    };
    const { keys, refused } = readKeyBackup([list]);
    expect(keys.map(({ name }) => name)).toEqual(["kube-system/key1", "kube-system/key2"]);
    expect(refused.map(({ name, error }) => [name, error.message])).toEqual([
      ["object 4", "the Secret kube-system/other has no tls.key"],
      ["object 5", "the manifest is ConfigMap (v1), not a Secret"],
    ]);
  });

  test("need not say what its objects are: programs in Go leave it out", () => {
    const { apiVersion: _version, kind: _kind, ...bare } = keySecret();
    const secondKey = keySecret({ name: "key2", key: sealedVector("rsa4096.key.pem"), crt: "" });
    for (const document of [
      bare,
      { metadata: { resourceVersion: "7" }, items: [bare] },
      { apiVersion: "v1", kind: "SecretList", items: [bare] },
      { apiVersion: "v1", kind: "List", items: [bare] },
    ]) {
      const { keys, refused } = readKeyBackup([document, secondKey]);
      expect(keys.map(({ name }) => name)).toEqual(["kube-system/key1", "kube-system/key2"]);
      expect(refused).toEqual([]);
    }
  });

  test("may be a PEM file with several keys, with certificates in any order", () => {
    const parts = ["rsa4096.crt.pem", "rsa2048.key.pem", "rsa4096.key.pem", "rsa2048.key.pem"].map(
      sealedVector,
    );
    const keys = readPemKeys(parts.join("some words\n"));
    expect(keys.map(({ modulusLength, certificate }) => [modulusLength, certificate?.modulusLength])).toEqual(
      [
        [256, undefined],
        [512, 512],
      ],
    );
  });

  test("without a private key is refused", () => {
    expect(() => readPemKeys(sealedVector("rsa2048.crt.pem"))).toThrow("the file holds no private key");
  });
});

describe("the order of keys", () => {
  const key = (name: string, notBefore: number | undefined, createdAt: number | undefined): SealingKey => {
    const { certificate, ...rest } = vectorSealingKey("rsa2048");
    return {
      ...rest,
      name,
      ...(notBefore === undefined ? {} : { certificate: { ...certificate!, notBefore } }),
      ...(createdAt === undefined ? {} : { createdAt }),
    };
  };
  const keys = [
    key("bare", undefined, undefined),
    key("imported", 1, 30),
    key("first", 2, 10),
    key("second", 3, 20),
  ];

  test.for([
    ["CertNotBefore", ["second", "first", "imported", "bare"]],
    ["SecretCreationTimestamp", ["imported", "second", "first", "bare"]],
  ] as const)("S15: by %s is newest first", ([order, names]) => {
    expect(newestFirst(keys, order).map(({ name }) => name)).toEqual(names);
  });

  test("by default is that of the certificates", () => {
    expect(newestFirst(keys)[0]?.name).toBe("second");
  });
});

test("a new key is a Secret that a controller takes", async () => {
  const now = Date.parse("2026-11-21T09:00:00.5Z");
  const options = {
    bits: 2048,
    validFor: 3650 * 86_400_000,
    commonName: "",
    now,
    random,
    namespace: "kube-system",
  };
  const secret = await newSealingKey({ ...options, name: { generateName: "sealed-secrets-key" } });
  expect(secretObject(secret)).toEqual({
    kind: "Secret",
    apiVersion: "v1",
    metadata: { generateName: "sealed-secrets-key", namespace: "kube-system", labels: { [label]: "active" } },
    data: { "tls.crt": expect.any(String), "tls.key": expect.any(String) },
    type: "kubernetes.io/tls",
  });
  const key = readSealingKey(readSecret(JSON.parse(JSON.stringify(secretObject(secret)))));
  expect(Buffer.from(secret.data.get("tls.key")!).toString()).toMatch(/^-----BEGIN RSA PRIVATE KEY-----\n/);
  const certificate = new X509Certificate(key.certificate!.pem);
  expect(certificate.verify(key.certificate!.publicKey)).toBe(true);
  expect(certificate.validFromDate.toISOString()).toBe("2026-11-21T09:00:00.000Z");
  expect(certificate.validToDate.toISOString()).toBe("2036-11-18T09:00:00.000Z");

  const named = await newSealingKey({ ...options, name: "own-key" });
  expect(named.metadata).toMatchObject({ name: "own-key", other: new Map() });
});
