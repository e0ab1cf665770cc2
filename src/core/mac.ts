import { createHash, createHmac, type KeyObject, timingSafeEqual } from "node:crypto";
import { KsealError } from "../errors.ts";
import { timeInSeconds } from "./time.ts";
import { openValue, parseSealed, printSealed, sealValue } from "./value.ts";

const utf8 = new TextEncoder();
const ivLength = 32;
// Small values are gathered, because every call of the hash costs more than hashing them. Most files need no more than
// the first room.
const firstLength = 1024;
const gatheredLength = 16 * 1024;

/**
 * SOPS' message authentication: SHA-512 over the bare concatenation of all values, encrypted with the data key.
 *
 * Neither keys, types nor the borders between values are in it (sops.md 12): it tells that a *value* was changed.
 */
export class MacHash {
  readonly #hash = createHash("sha512");
  #gathered = new Uint8Array(firstLength);
  #length = 0;

  constructor(options: { macOnlyEncrypted: boolean }) {
    // Keeps a MAC over the encrypted values apart from one over all values (sops.md 2.4).
    if (options.macOnlyEncrypted) this.#hash.update(createHash("sha256").update("sops").digest());
  }

  add(bytes: Uint8Array): void {
    if (this.#length + bytes.length > this.#gathered.length) this.#makeRoom();
    if (bytes.length > this.#gathered.length) {
      this.#hash.update(bytes);
      return;
    }
    this.#gathered.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Ends the hash. Upper-case hex, as SOPS encrypts it. A digest of secrets: it must never be shown. */
  digest(): string {
    this.#flush();
    return this.#hash.digest("hex").toUpperCase();
  }

  #makeRoom(): void {
    this.#flush();
    if (this.#gathered.length < gatheredLength) this.#gathered = new Uint8Array(gatheredLength);
  }

  #flush(): void {
    this.#hash.update(this.#gathered.subarray(0, this.#length));
    this.#length = 0;
  }
}

/** What stands in the `mac` field of a file that was merged and not yet sealed again: no reader opens it. */
export const pendingMac = "pending";

/** Encrypts a digest for the `mac` field, bound to the time of the last change. */
export function sealMac(
  digest: string,
  options: { key: KeyObject; lastModified: string; random: (length: number) => Uint8Array },
): string {
  const { key, lastModified, random } = options;
  const aad = macAad(lastModified);
  return printSealed(sealValue(utf8.encode(digest), { key, aad, iv: random(ivLength), type: "str" }));
}

/**
 * Compares the digest of what was opened with the file's `mac` field.
 *
 * @throws KsealError `MAC_MISSING`, or `MAC_MISMATCH` also when the field itself does not open.
 */
export function verifyMac(
  digest: string,
  options: { key: KeyObject; mac: string; lastModified: string },
): void {
  const { key, mac, lastModified } = options;
  if (mac === "") {
    throw new KsealError("MAC_MISSING", "the file has no MAC, so nobody can tell whether it was changed");
  }
  if (mac === pendingMac) {
    throw new KsealError("MAC_MISSING", "a merge that is not finished left it without a MAC", {
      hint: "finish the merge with: kseal resolve FILE",
    });
  }
  const expected = openMac(mac, key, lastModified);
  const computed = utf8.encode(digest);
  // Digests of secrets are never part of the message: SOPS prints them, and people paste them (sops.md D44).
  if (expected?.length !== computed.length || !timingSafeEqual(expected, computed)) {
    throw new KsealError("MAC_MISMATCH", "the MAC does not match: a value was changed without the data key");
  }
}

function openMac(mac: string, key: KeyObject, lastModified: string): Uint8Array | undefined {
  try {
    const sealed = parseSealed(mac);
    return sealed.type === "str" ? openValue(sealed, { key, aad: macAad(lastModified) }) : undefined;
  } catch (error) {
    if (error instanceof KsealError) return undefined;
    throw error;
  }
}

// SOPS prints the time it has read again, so a fraction of a second in the file does not count (sops.md 2.4).
function macAad(lastModified: string): Uint8Array {
  return utf8.encode(timeInSeconds(lastModified) ?? lastModified);
}

/**
 * A short tag of some bytes that only holders of the data key can compute or check: the same for the same content of one
 * file, and nothing to guess at for anybody else.
 *
 * @returns Eight hexadecimal digits of HMAC-SHA256, each part preceded by its length.
 */
export function keyedTag(key: KeyObject, parts: readonly Uint8Array[]): string {
  // Nothing else is ever authenticated with the key that this one is derived to.
  const hmac = createHmac("sha256", createHmac("sha256", key).update("kseal diff tag").digest());
  for (const part of parts) hmac.update(`${part.length}:`).update(part);
  return hmac.digest("hex").slice(0, 8);
}
