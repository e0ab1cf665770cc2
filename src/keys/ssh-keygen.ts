import { createPrivateKey, createPublicKey } from "node:crypto";
import { encodeBase64 } from "../core/base64.ts";
import { concatBytes } from "../core/concat-bytes.ts";

/** An SSH key pair: the private half as an OpenSSH file, the public half as a line of `authorized_keys`. */
export interface SshKeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

const type = "ssh-ed25519";
// RFC 8410: what stands before the 32 bytes of an Ed25519 key in PKCS #8.
const pkcs8Prefix = Uint8Array.from([0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20]);
const blockSize = 8;
const lineLength = 70;

/**
 * Makes an Ed25519 key pair without a passphrase, in OpenSSH's own format (PROTOCOL.key):
 *
 *     "openssh-key-v1\0"  cipher "none"  kdf "none"  options ""  number of keys 1  public key  private part
 *     private part: the same random number twice, type, public point, seed and public point, comment, 1 2 3 ...
 *
 * Every field but the numbers has its length in front.
 */
export function generateSshKey(random: (length: number) => Uint8Array): SshKeyPair {
  const seed = random(32);
  const point = publicPoint(seed);
  const wire = concatBytes([field(type), field(point)]);
  const check = random(4);
  const secret = concatBytes([
    check,
    check,
    field(type),
    field(point),
    field(concatBytes([seed, point])),
    field(""),
  ]);
  const padding = Uint8Array.from({ length: -secret.length & (blockSize - 1) }, (_, index) => index + 1);
  const file = concatBytes([
    new TextEncoder().encode("openssh-key-v1\0"),
    field("none"),
    field("none"),
    field(""),
    number(1),
    field(wire),
    field(concatBytes([secret, padding])),
  ]);
  const lines = encodeBase64(file).match(new RegExp(`.{1,${lineLength}}`, "g")) ?? [];
  const armor = ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""];
  return { privateKey: armor.join("\n"), publicKey: `${type} ${encodeBase64(wire)}` };
}

function publicPoint(seed: Uint8Array): Uint8Array {
  const key = concatBytes([pkcs8Prefix, seed]);
  // Node takes DER as a Buffer or typed array alike; the public half ends with the 32 bytes of the point.
  const privateKey = createPrivateKey({ key: key as Buffer, format: "der", type: "pkcs8" });
  return Uint8Array.from(createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-32));
}

function field(value: string | Uint8Array): Uint8Array {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return concatBytes([number(bytes.length), bytes]);
}

function number(value: number): Uint8Array {
  return Uint8Array.from([24, 16, 8, 0], (shift) => (value >>> shift) & 0xff);
}
