import { scrypt } from "node:crypto";
import { concatBytes } from "../core/concat-bytes.ts";
import { KsealError } from "../errors.ts";
import type { AgeHeader } from "./age-header.ts";
import { malformedHeader } from "./age-header.ts";
import { loadChaCha } from "./chacha.ts";
import { decodeUnpadded } from "./unpadded-base64.ts";
import { wrappedKeyLength, zeroNonce } from "./x25519.ts";

const label = new TextEncoder().encode("age-encryption.org/v1/scrypt");
const saltLength = 16;
// The limit of age: 4 GiB of memory and some 15 seconds. A file must not be able to ask for more.
const mostWork = 22;

/** Whether a file is protected by a passphrase. */
export function hasPassphrase({ stanzas }: AgeHeader): boolean {
  return stanzas.some(({ args }) => args[0] === "scrypt");
}

/**
 * The file key of a file that a passphrase protects.
 *
 * @returns `null` when the passphrase is another one, or the file has none.
 * @throws KsealError `DECRYPT_FAILED` when the stanza is malformed, `LIMIT_EXCEEDED` when it asks for too much work.
 */
export async function unwrapWithPassphrase(
  { stanzas }: AgeHeader,
  passphrase: string,
): Promise<Uint8Array | null> {
  const stanza = stanzas.find(({ args }) => args[0] === "scrypt");
  if (!stanza) return null;
  const [, saltText = "", work = ""] = stanza.args;
  const salt = decodeUnpadded(saltText);
  const wellFormed = stanza.args.length === 3 && /^[1-9][0-9]{0,2}$/.test(work);
  if (!wellFormed || salt?.length !== saltLength || stanza.body.length !== wrappedKeyLength) {
    throw malformedHeader("a scrypt stanza is invalid");
  }
  if (Number(work) > mostWork) {
    throw new KsealError("LIMIT_EXCEEDED", `the age header asks for too much work: scrypt 2^${work}`);
  }
  const key = await derive(passphrase, concatBytes([label, salt]), 2 ** Number(work));
  return (await (await loadChaCha()).open(key, zeroNonce, stanza.body)) ?? null;
}

function derive(passphrase: string, salt: Uint8Array, cost: number): Promise<Uint8Array> {
  const blockSize = 8;
  const maxmem = 128 * blockSize * (cost + 32);
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, 32, { cost, blockSize, parallelization: 1, maxmem }, (error, key) => {
      if (error) reject(new KsealError("DECRYPT_FAILED", "there is not enough memory for the passphrase"));
      else resolve(key);
    });
  });
}
