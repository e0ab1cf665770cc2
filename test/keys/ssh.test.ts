import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KsealError } from "../../src/errors.ts";
import { wrapForSshEd25519 } from "../../src/keys/ssh-ed25519.ts";
import { generateSshKey } from "../../src/keys/ssh-keygen.ts";
import { readSshKeyFile } from "../../src/keys/ssh-private-key.ts";
import { parseSshPublicKey } from "../../src/keys/ssh-public-key.ts";
import { peer } from "../support/peers.ts";

const fixed = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i + 1);

describe("an OpenSSH private key", () => {
  const { privateKey, publicKey } = generateSshKey(fixed);

  test("opens without a passphrase, and its halves belong together", async () => {
    const file = readSshKeyFile(privateKey);
    const key = await file.open("");

    expect(file.isEncrypted).toBe(false);
    expect(file.publicKey).toEqual(parseSshPublicKey(publicKey));
    expect(key).toMatchObject({ type: "ssh-ed25519", seed: fixed(32) });
  });

  test("with any byte changed, or cut off anywhere, is refused or the same key", async () => {
    const [, body = ""] = /KEY-----\n([^-]*)\n/.exec(privateKey) ?? [];
    const bytes = Buffer.from(body, "base64");
    const damaged = Array.from(bytes, (byte, i) => {
      const copy = Buffer.from(bytes);
      copy[i] = byte ^ 1;
      return copy;
    });
    const cut = Array.from(bytes, (_, i) => bytes.subarray(0, i));
    for (const content of [...damaged, ...cut]) {
      const text = privateKey.replace(body, content.toString("base64"));
      try {
        await readSshKeyFile(text).open("x");
      } catch (error) {
        expect(error).toBeInstanceOf(KsealError);
        expect(error).toMatchObject({ code: "DECRYPT_FAILED" });
      }
    }
  });

  test.for([
    ["nothing", ""],
    ["a public key", publicKey],
    ["an age identity", "AGE-SECRET-KEY-1QQQ"],
    ["a PEM file of something else", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
    ["a PEM key of another type", pem("ec")],
    ["a PEM key that was cut off", pem("ed25519").replace("MC4", "")],
    ["base64 with foreign characters", privateKey.replace("\nb3", "\n*b")],
  ])("is not %s", ([, text = ""]) => {
    expect(() => readSshKeyFile(text)).toThrow(expect.objectContaining({ code: "DECRYPT_FAILED" }));
  });

  test.for(["ed25519", "rsa"] as const)("in PEM, of type %s, opens too", async (type) => {
    const key = await readSshKeyFile(pem(type)).open("");
    expect(key?.type).toBe(`ssh-${type}`);
  });

  test("in encrypted PEM opens with its passphrase only", async () => {
    const file = readSshKeyFile(pem("rsa", "secret"));
    expect(file).toMatchObject({ isEncrypted: true, publicKey: undefined });
    expect(await file.open("wrong")).toBeUndefined();
    expect(await file.open("secret")).toMatchObject({ type: "ssh-rsa" });
  });
});

test.for([
  ["a point that is not on the curve", Buffer.alloc(32, 2)],
  ["the point that leads nowhere", Buffer.concat([Buffer.of(1), Buffer.alloc(31)])],
])("an Ed25519 recipient with %s is refused", async ([, point]) => {
  const wire = ed25519Wire(point as Buffer);
  const key = parseSshPublicKey(`ssh-ed25519 ${wire.toString("base64")}`);
  if (typeof key === "string" || key.type !== "ssh-ed25519") throw new Error("the key does not parse");
  await expect(wrapForSshEd25519(fixed(16), key, fixed)).rejects.toMatchObject({ code: "ENCRYPT_FAILED" });
});

test("an RSA recipient below 2048 bits, or far above, is refused", () => {
  for (const length of [128, 255, 4097]) {
    const n = Buffer.alloc(length, 0x7f);
    const fields = [Buffer.from("ssh-rsa"), Buffer.of(1, 0, 1), n];
    const wire = Buffer.concat(fields.flatMap((field) => [uint32(field.length), field]));
    expect(parseSshPublicKey(`ssh-rsa ${wire.toString("base64")}`)).toMatch(/too weak|too large/);
  }
});

const keygen = peer("ssh-keygen");

describe.skipIf(!keygen)("a key of ssh-keygen", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "kseal-ssh-"));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test.for([
    ["ed25519", "aes256-ctr"],
    ["ed25519", "aes128-ctr"],
    ["ed25519", "aes192-cbc"],
    ["ed25519", "aes256-cbc"],
    ["ed25519", "aes256-gcm@openssh.com"],
    ["rsa", "aes128-gcm@openssh.com"],
    ["rsa", "aes256-ctr"],
  ] as const)("of type %s under %s opens with its passphrase only", async ([type, cipher]) => {
    const path = join(folder, `${type}-${cipher}`);
    execFileSync(keygen!, ["-q", "-t", type, "-Z", cipher, "-a", "2", "-N", "pass word", "-f", path]);
    const file = readSshKeyFile(readFileSync(path, "utf8"));

    expect(file.isEncrypted).toBe(true);
    expect(file.publicKey).toEqual(parseSshPublicKey(readFileSync(`${path}.pub`, "utf8")));
    expect(await file.open("pass word")).toMatchObject({ type: `ssh-${type}` });
    expect(await file.open("password")).toBeUndefined();
    expect(await file.open("")).toBeUndefined();
  });

  test("under a cipher that kseal does not read says how to rewrite it", async () => {
    const path = join(folder, "chacha");
    const cipher = "chacha20-poly1305@openssh.com";
    execFileSync(keygen!, ["-q", "-t", "ed25519", "-Z", cipher, "-N", "pass word", "-f", path]);
    const refused = { code: "DECRYPT_FAILED", hint: "ssh-keygen -p -Z aes256-ctr -f FILE rewrites it" };
    await expect(readSshKeyFile(readFileSync(path, "utf8")).open("pass word")).rejects.toMatchObject(refused);
  });

  test("of a type that age does not take is refused", () => {
    const path = join(folder, "ecdsa");
    execFileSync(keygen!, ["-q", "-t", "ecdsa", "-N", "", "-f", path]);
    expect(() => readSshKeyFile(readFileSync(path, "utf8"))).toThrow("ssh-ed25519 and ssh-rsa keys only");
  });

  test("in the old PEM form opens", async () => {
    const path = join(folder, "pem");
    execFileSync(keygen!, ["-q", "-t", "rsa", "-m", "PEM", "-N", "pass word", "-f", path]);
    const file = readSshKeyFile(readFileSync(path, "utf8"));
    expect(file).toMatchObject({ isEncrypted: true, publicKey: undefined });
    expect(await file.open("password")).toBeUndefined();
    const key = await file.open("pass word");
    const publicKey = parseSshPublicKey(readFileSync(`${path}.pub`, "utf8"));
    expect(Buffer.from(key!.wire)).toEqual(Buffer.from((publicKey as { wire: Uint8Array }).wire));
  });
});

function pem(type: "ed25519" | "rsa" | "ec", passphrase?: string): string {
  const cipher = passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase };
  const privateKeyEncoding = { type: "pkcs8", format: "pem", ...cipher } as const;
  const publicKeyEncoding = { type: "spki", format: "pem" } as const;
  const encodings = { privateKeyEncoding, publicKeyEncoding };
  switch (type) {
    case "ed25519":
      return generateKeyPairSync("ed25519", encodings).privateKey;
    case "rsa":
      return generateKeyPairSync("rsa", { modulusLength: 2048, ...encodings }).privateKey;
    case "ec":
      return generateKeyPairSync("ec", { namedCurve: "P-256", ...encodings }).privateKey;
  }
}

function ed25519Wire(point: Buffer): Buffer {
  const type = Buffer.from("ssh-ed25519");
  return Buffer.concat([uint32(type.length), type, uint32(point.length), point]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
