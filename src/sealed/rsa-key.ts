import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { decodeBase64, encodeBase64 } from "../core/base64.ts";
import { concatBytes } from "../core/concat-bytes.ts";

/** How many bytes the modulus of an RSA key has, and so the RSA part of what is sealed for it. */
export function modulusLength(key: KeyObject): number {
  return Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
}

/**
 * The fingerprint of a key as OpenSSH prints it, which is how Sealed Secrets tells keys apart: `SHA256:` and unpadded
 * base64 of SHA-256 over the string `ssh-rsa`, the exponent and the modulus.
 *
 * @param key - An RSA key, public or private.
 */
export function keyFingerprint(key: KeyObject): string {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  const { e = "", n = "" } = publicKey.export({ format: "jwk" });
  const wire = [new TextEncoder().encode("ssh-rsa"), mpint(e), mpint(n)].flatMap((part) => [
    lengthOf(part),
    part,
  ]);
  const digest = createHash("sha256").update(concatBytes(wire)).digest();
  return `SHA256:${encodeBase64(digest).replace(/=+$/, "")}`;
}

function lengthOf(part: Uint8Array): Uint8Array {
  return Uint8Array.of(part.length >>> 24, part.length >>> 16, part.length >>> 8, part.length);
}

/** A positive number of RFC 4251: a zero in front where the top bit is set. */
function mpint(base64url: string): Uint8Array {
  const text = base64url.replaceAll("-", "+").replaceAll("_", "/");
  const digits = decodeBase64(text.padEnd(Math.ceil(text.length / 4) * 4, "="));
  if (digits === undefined) throw new TypeError("not an RSA key");
  return (digits[0] ?? 0) < 0x80 ? digits : concatBytes([Uint8Array.of(0), digits]);
}
