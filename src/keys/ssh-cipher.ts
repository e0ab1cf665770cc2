// The package brings no types, and the build starts from its entries alone.
/// <reference path="./bcrypt-pbkdf.d.ts" />
import { createDecipheriv } from "node:crypto";
import { KsealError } from "../errors.ts";
import { SshReader } from "./ssh-wire.ts";

const gcmTagLength = 16;
// ssh-keygen takes 16 to 24; this many are minutes of work.
const mostRounds = 4096;

const ciphers: Readonly<Record<string, { name: string; keyLength: number; ivLength: number }>> = {
  "aes128-ctr": { name: "aes-128-ctr", keyLength: 16, ivLength: 16 },
  "aes192-ctr": { name: "aes-192-ctr", keyLength: 24, ivLength: 16 },
  "aes256-ctr": { name: "aes-256-ctr", keyLength: 32, ivLength: 16 },
  "aes128-cbc": { name: "aes-128-cbc", keyLength: 16, ivLength: 16 },
  "aes192-cbc": { name: "aes-192-cbc", keyLength: 24, ivLength: 16 },
  "aes256-cbc": { name: "aes-256-cbc", keyLength: 32, ivLength: 16 },
  "aes128-gcm@openssh.com": { name: "aes-128-gcm", keyLength: 16, ivLength: 12 },
  "aes256-gcm@openssh.com": { name: "aes-256-gcm", keyLength: 32, ivLength: 12 },
};

/**
 * Decrypts the private half of an OpenSSH key file.
 *
 * @returns `undefined` when the passphrase is another one, as far as the cipher tells: without a tag the caller has
 *   to look at the content.
 * @throws KsealError `DECRYPT_FAILED` for a cipher that kseal does not read.
 */
export async function decryptSshKey(
  encrypted: Uint8Array,
  options: { cipher: string; kdf: string; kdfOptions: Uint8Array; tag: Uint8Array; passphrase: string },
): Promise<Uint8Array | undefined> {
  const cipher = Object.hasOwn(ciphers, options.cipher) ? ciphers[options.cipher] : undefined;
  const reader = new SshReader(options.kdfOptions);
  const [salt, rounds] = [reader.string(), reader.number()];
  if (!cipher || options.kdf !== "bcrypt" || reader.failed) {
    throw new KsealError("DECRYPT_FAILED", "the SSH key is encrypted in a way that kseal does not read", {
      hint: "ssh-keygen -p -Z aes256-ctr -f FILE rewrites it",
    });
  }
  if (rounds < 1 || rounds > mostRounds || encrypted.length % 16 !== 0) {
    throw new KsealError("DECRYPT_FAILED", "the encryption of the SSH key is malformed");
  }
  const { pbkdf } = (await import("bcrypt-pbkdf")).default;
  const passphrase = new TextEncoder().encode(options.passphrase);
  const material = new Uint8Array(cipher.keyLength + cipher.ivLength);
  const failed = pbkdf(passphrase, passphrase.length, salt, salt.length, material, material.length, rounds);
  if (failed) return undefined;
  const key = material.subarray(0, cipher.keyLength);
  const iv = material.subarray(cipher.keyLength);
  try {
    return decrypt(encrypted, { name: cipher.name, key, iv, tag: options.tag });
  } catch {
    return undefined;
  }
}

function decrypt(
  encrypted: Uint8Array,
  { name, key, iv, tag }: { name: string; key: Uint8Array; iv: Uint8Array; tag: Uint8Array },
): Uint8Array {
  if (name === "aes-256-gcm" || name === "aes-128-gcm") {
    const gcm = createDecipheriv(name, key, iv, { authTagLength: gcmTagLength });
    gcm.setAuthTag(tag);
    const plain = gcm.update(encrypted);
    gcm.final();
    return plain;
  }
  const decipher = createDecipheriv(name, key, iv).setAutoPadding(false);
  const plain = decipher.update(encrypted);
  decipher.final();
  return plain;
}
