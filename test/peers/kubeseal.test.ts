import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chooseCertificate, readCertificates } from "../../src/sealed/certificate.ts";
import { sealItem } from "../../src/sealed/envelope.ts";
import type { Scope } from "../../src/sealed/scope.ts";
import { sealSecret } from "../../src/sealed/seal-secret.ts";
import { readSealedSecret, sealedSecretObject } from "../../src/sealed/sealed-secret.ts";
import { newSealingKey, readPemKeys, readSealingKey } from "../../src/sealed/sealing-key.ts";
import { readSecret, secretObject } from "../../src/sealed/secret.ts";
import { unsealSecret } from "../../src/sealed/unseal-secret.ts";
import { peer } from "../support/peers.ts";
import {
  random,
  sealedVectorPath,
  type VectorKey,
  vectorCertificate,
  vectorSealingKey,
} from "../support/sealed.ts";

const kubeseal = peer("kubeseal");
const scopes: readonly Scope[] = ["strict", "namespace-wide", "cluster-wide"];
const cells = (["rsa2048", "rsa4096"] as const).flatMap((key) =>
  scopes.map((scope) => [scope, key] as const),
);

const secret = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: {
    name: "db",
    namespace: "shop",
    labels: { app: "shop", "a.b/c": "d" },
    annotations: { note: "ünïcode <&>" },
  },
  type: "Opaque",
  immutable: true,
  data: {
    binary: Buffer.from([0, 255, 10, 128]).toString("base64"),
    empty: "",
    user: Buffer.from("root").toString("base64"),
    "x.y-z_1": "YQ==",
  },
  stringData: { user: "stringData wins\n", "ca.crt": "multi\nline\n" },
};

describe.skipIf(kubeseal === undefined)("kubeseal", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "kseal-kubeseal-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.for(cells)("opens what kseal seals, %s for %s", ([scope, key]) => {
    const { publicKey } = vectorCertificate(key);
    const { sealed } = sealSecret(readSecret(secret), { publicKey, random, scope });
    const opened = JSON.parse(recover(sealedSecretObject(sealed), sealedVectorPath(`${key}.key.pem`)));
    // An empty value is null in Go's JSON, which Kubernetes reads as the empty value that kseal writes.
    expect(opened.data.empty).toBe(null);
    opened.data.empty = "";
    expect(JSON.stringify(opened)).toBe(JSON.stringify(secretObject(open(sealedSecretObject(sealed), key))));
    expect(Buffer.from(opened.data.user, "base64").toString()).toBe("stringData wins\n");
    expect(opened.data).toEqual({
      binary: secret.data.binary,
      "ca.crt": Buffer.from("multi\nline\n").toString("base64"),
      empty: "",
      user: Buffer.from("stringData wins\n").toString("base64"),
      "x.y-z_1": "YQ==",
    });
  });

  test.for(cells)("seals what kseal opens, in the same shape, %s for %s", ([scope, key]) => {
    const args = ["--cert", sealedVectorPath(`${key}.crt.pem`), "--scope", scope, "-o", "json"];
    const theirs = JSON.parse(run(args, JSON.stringify(secret)));
    const { publicKey } = vectorCertificate(key);
    const ours = sealSecret(readSecret(secret), {
      publicKey,
      random,
      ...(scope === "strict" ? {} : { scope }),
    });
    expect(shape(sealedSecretObject(ours.sealed))).toBe(shape(theirs));

    const opened = open(theirs, key);
    expect(secretObject(opened)).toEqual(secretObject(open(sealedSecretObject(ours.sealed), key)));
    expect([...opened.data.values()].map((bytes) => Buffer.from(bytes).toString("base64"))).toContain(
      secret.data.binary,
    );
  });

  test("says the same as kseal of what no key opens", () => {
    const { sealed } = sealSecret(readSecret({ ...secret, data: {}, stringData: { a: "1" } }), {
      publicKey: vectorCertificate("rsa2048").publicKey,
      random,
    });
    const object = sealedSecretObject(sealed) as {
      metadata: object;
      spec: { encryptedData: Record<string, string> };
    };
    const moved = { ...object, metadata: { ...object.metadata, name: "other" } };
    const broken = (text: string) => ({ ...object, spec: { ...object.spec, encryptedData: { a: text } } });
    const cases = [
      moved,
      broken("AgA"),
      broken("AgAA"),
      broken("AQ=="),
      broken("Y WJj"),
      broken(""),
      broken("YQ==x"),
    ];
    for (const document of cases) {
      const theirs = spawnSync(kubeseal!, recovery(sealedVectorPath("rsa2048.key.pem")), {
        input: JSON.stringify(document),
        encoding: "utf8",
      });
      expect(theirs.status).toBe(1);
      expect(`error: ${messageOf(() => open(document, "rsa2048"))}\n`).toBe(theirs.stderr);
    }
  });

  test("opens a value from before 0.7 no more than kseal does without the switch", () => {
    const { publicKey } = vectorCertificate("rsa2048");
    const blob = sealItem(Buffer.from(JSON.stringify(secret)), {
      publicKey,
      label: "shop/db",
      sessionKey: random(32),
    });
    const document = {
      apiVersion: "bitnami.com/v1alpha1",
      kind: "SealedSecret",
      metadata: { name: "db", namespace: "shop" },
      spec: { data: Buffer.from(blob).toString("base64"), encryptedData: {} },
    };
    const theirs = spawnSync(kubeseal!, recovery(sealedVectorPath("rsa2048.key.pem")), {
      input: JSON.stringify(document),
      encoding: "utf8",
    });
    const options = { keys: [vectorSealingKey("rsa2048")], render: () => "", acceptV1: false };
    expect(theirs.stderr).toBe(
      `error: ${messageOf(() => unsealSecret(readSealedSecret(document), options))}\n`,
    );
  });

  test("seals for a certificate that kseal made, and recovers with its Secret as a backup", async () => {
    const now = Date.now();
    const made = await newSealingKey({
      bits: 2048,
      validFor: 86_400_000,
      commonName: "kseal",
      now,
      random,
      namespace: "kube-system",
      name: "own-key",
    });
    const crt = join(folder, "own.crt");
    writeFileSync(crt, made.data.get("tls.crt")!);
    const sealed = run(["--cert", crt, "-o", "json"], JSON.stringify(secret));
    const key = readSealingKey(made);
    const opened = unsealSecret(readSealedSecret(JSON.parse(sealed)), {
      keys: [key],
      render: () => "",
      acceptV1: false,
    });
    expect(Buffer.from(opened.secret.data.get("user")!).toString()).toBe("stringData wins\n");
    expect(chooseCertificate(readCertificates(made.data.get("tls.crt")!), now + 1000).subject).toBe(
      "CN=kseal",
    );

    const backup = join(folder, "backup.json");
    const list = { apiVersion: "v1", kind: "List", items: [secretObject(made)] };
    writeFileSync(backup, JSON.stringify(list), { mode: 0o600 });
    expect(JSON.parse(recover(JSON.parse(sealed), backup)).metadata.name).toBe("db");

    const pem = join(folder, "own.key");
    writeFileSync(pem, made.data.get("tls.key")!, { mode: 0o600 });
    expect(readPemKeys(Buffer.from(made.data.get("tls.key")!).toString())[0]?.fingerprint).toBe(
      key.fingerprint,
    );
    expect(JSON.parse(recover(JSON.parse(sealed), pem)).metadata.name).toBe("db");
  });

  function recover(document: unknown, keyFile: string): string {
    return run(recovery(keyFile), JSON.stringify(document));
  }
});

function recovery(keyFile: string): readonly string[] {
  return ["--recovery-unseal", "--recovery-private-key", keyFile, "-o", "json"];
}

function run(args: readonly string[], input: string): string {
  return execFileSync(kubeseal!, args, { input, encoding: "utf8", env: { PATH: "", KUBECONFIG: "" } });
}

function open(document: unknown, key: VectorKey) {
  return unsealSecret(readSealedSecret(document), {
    keys: [vectorSealingKey(key)],
    render: () => "",
    acceptV1: true,
  }).secret;
}

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  throw new Error("it opened");
}

/** The JSON text with sealed values put away, so that fields and their order are compared. */
function shape(object: unknown): string {
  return JSON.stringify(object, (key, value) => (key === "encryptedData" ? Object.keys(value) : value), 2);
}
