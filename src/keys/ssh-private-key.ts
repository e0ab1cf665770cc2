import { createPrivateKey, type KeyObject } from "node:crypto";
import { decodeBase64 } from "../core/base64.ts";
import { concatBytes } from "../core/concat-bytes.ts";
import { KsealError } from "../errors.ts";
import { decryptSshKey } from "./ssh-cipher.ts";
import { parseSshWire, positive, type SshPublicKey } from "./ssh-public-key.ts";
import { SshReader } from "./ssh-wire.ts";

/** An SSH private key that can be used. `wire` is the binary form of its public half. */
export type SshPrivateKey =
  | { readonly type: "ssh-ed25519"; readonly wire: Uint8Array; readonly seed: Uint8Array }
  | { readonly type: "ssh-rsa"; readonly wire: Uint8Array; readonly key: KeyObject };

/** A file with an SSH private key. */
export interface SshKeyFile {
  readonly isEncrypted: boolean;
  /** `undefined` for an encrypted key in one of the forms older than OpenSSH's own, which hide it. */
  readonly publicKey: SshPublicKey | undefined;
  /**
   * Decrypts the key where that is needed.
   *
   * @returns `undefined` when the passphrase is another one.
   * @throws KsealError `DECRYPT_FAILED` when the file is malformed.
   */
  open(passphrase: string): Promise<SshPrivateKey | undefined>;
}

const magic = "openssh-key-v1\0";

/**
 * Reads the file of an SSH private key: OpenSSH's own form, or PEM (PKCS#1, PKCS#8).
 *
 * @throws KsealError `DECRYPT_FAILED` when it is none that age can use.
 */
export function readSshKeyFile(text: string): SshKeyFile {
  const pem = /^-----BEGIN ([A-Z ]*PRIVATE KEY)-----\r?\n([\s\S]*?)\r?\n-----END \1-----\s*$/.exec(
    text.trim(),
  );
  if (!pem) throw unusable("it is not a private key file");
  return pem[1] === "OPENSSH PRIVATE KEY" ? readOpenSsh(pem[2] ?? "") : readPem(text);
}

/*
 *     "openssh-key-v1\0" | cipher | kdf | kdf options | number of keys (1) | public key | private key | GCM tag
 */
function readOpenSsh(body: string): SshKeyFile {
  const bytes = decodeBase64(body.replace(/\r?\n/g, ""));
  const reader = new SshReader(bytes ?? new Uint8Array());
  const isMagic = new TextDecoder("latin1").decode(reader.take(magic.length)) === magic;
  const [cipher, kdf, kdfOptions] = [reader.text(), reader.text(), reader.string()];
  const count = reader.number();
  const wire = reader.string();
  const encrypted = reader.string();
  if (reader.failed || !isMagic || count !== 1) throw unusable("it was cut off or changed");
  const publicKey = parseSshWire(wire);
  if (typeof publicKey === "string") throw unusable(publicKey);
  const isEncrypted = cipher !== "none";
  const tag = reader.rest;
  return {
    isEncrypted,
    publicKey,
    async open(passphrase) {
      const plain = isEncrypted
        ? await decryptSshKey(encrypted, { cipher, kdf, kdfOptions, tag, passphrase })
        : encrypted;
      return plain && readPrivatePart(plain, { publicKey, isEncrypted });
    },
  };
}

/*
 *     check word | the same again | type | numbers of the type | comment | padding 1, 2, 3, ...
 */
function readPrivatePart(
  plain: Uint8Array,
  { publicKey, isEncrypted }: { publicKey: SshPublicKey; isEncrypted: boolean },
): SshPrivateKey | undefined {
  const reader = new SshReader(plain);
  const [check, again] = [reader.number(), reader.number()];
  if (check !== again) {
    if (isEncrypted) return undefined;
    throw unusable("it was changed");
  }
  if (reader.text() !== publicKey.type) throw unusable("its halves do not belong together");
  const key = publicKey.type === "ssh-rsa" ? readRsa(reader, publicKey.wire) : readEd25519(reader, publicKey);
  reader.string();
  if (reader.failed || !key) throw unusable("it was cut off or changed");
  return key;
}

function readEd25519(
  reader: SshReader,
  publicKey: Extract<SshPublicKey, { type: "ssh-ed25519" }>,
): SshPrivateKey | undefined {
  const point = reader.string();
  const secret = reader.string();
  const matches = Buffer.compare(point, publicKey.point) === 0;
  if (!matches || secret.length !== 64) return undefined;
  return { type: "ssh-ed25519", wire: publicKey.wire, seed: Uint8Array.from(secret.subarray(0, 32)) };
}

function readRsa(reader: SshReader, wire: Uint8Array): SshPrivateKey | undefined {
  const numbers = Array.from({ length: 6 }, () => positive(reader.string()));
  const [n, e, d, qi, p, q] = numbers;
  if (!n || !e || !d || !qi || !p || !q) return undefined;
  const [dp, dq] = [p, q].map((prime) => toBytes(toBigInt(d) % (toBigInt(prime) - 1n)));
  const parts = Object.entries({ n, e, d, p, q, qi, dp, dq });
  const jwk = Object.fromEntries(parts.map(([name, number]) => [name, base64url(number)]));
  try {
    const key = createPrivateKey({ key: { kty: "RSA", ...jwk }, format: "jwk" });
    return { type: "ssh-rsa", wire, key };
  } catch {
    return undefined;
  }
}

function readPem(text: string): SshKeyFile {
  const isEncrypted = /BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(text);
  const opened = isEncrypted ? undefined : openPem(text, undefined);
  if (!isEncrypted && !opened) throw unusable("it was cut off, or is of a type that age does not take");
  const publicKey = opened && parseSshWire(opened.wire);
  if (typeof publicKey === "string") throw unusable(publicKey);
  return { isEncrypted, publicKey, open: async (passphrase) => opened ?? openPem(text, passphrase) };
}

function openPem(text: string, passphrase: string | undefined): SshPrivateKey | undefined {
  try {
    const key = createPrivateKey({ key: text, format: "pem", passphrase });
    const { x = "", d = "", e = "", n = "" } = key.export({ format: "jwk" });
    if (key.asymmetricKeyType === "ed25519") {
      const wire = wireOf("ssh-ed25519", [Buffer.from(x, "base64url")]);
      return { type: "ssh-ed25519", wire, seed: Buffer.from(d, "base64url") };
    }
    if (key.asymmetricKeyType !== "rsa") return undefined;
    const numbers = [e, n].map((number) => mpint(Buffer.from(number, "base64url")));
    return { type: "ssh-rsa", wire: wireOf("ssh-rsa", numbers), key };
  } catch {
    return undefined;
  }
}

function wireOf(type: string, fields: readonly Uint8Array[]): Uint8Array {
  const strings = [new TextEncoder().encode(type), ...fields];
  return concatBytes([
    ...strings.flatMap((bytes) => {
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, bytes.length);
      return [length, bytes];
    }),
  ]);
}

function mpint(number: Uint8Array): Uint8Array {
  return (number[0] ?? 0) >= 128 ? concatBytes([Uint8Array.of(0), number]) : number;
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString("hex") || "0"}`);
}

function toBytes(value: bigint): Uint8Array {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 ? `0${hex}` : hex, "hex");
}

function base64url(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString("base64url");
}

function unusable(reason: string): KsealError {
  return new KsealError("DECRYPT_FAILED", `the SSH private key cannot be used: ${reason}`);
}
