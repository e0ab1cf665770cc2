import { createHmac, createSecretKey } from "node:crypto";
import { concatBytes } from "../core/concat-bytes.ts";

/*
 * HPKE (RFC 9180) in base mode with HKDF-SHA256 and ChaCha20-Poly1305, as far as age needs it: the key and nonce of
 * the first message under a shared secret.
 */
const kdfId = 0x0001;
const aeadId = 0x0003;
const none = new Uint8Array();
const utf8 = new TextEncoder();

/** The key and nonce that seal the file key. */
export function hpkeKeyAndNonce(
  sharedSecret: Uint8Array,
  { kem, info }: { kem: number; info: string },
): { key: Uint8Array; nonce: Uint8Array } {
  const suite = concatBytes([utf8.encode("HPKE"), twoBytes(kem), twoBytes(kdfId), twoBytes(aeadId)]);
  const pskHash = extract(suite, { salt: none, label: "psk_id_hash", input: none });
  const infoHash = extract(suite, { salt: none, label: "info_hash", input: utf8.encode(info) });
  const context = concatBytes([Uint8Array.of(0), pskHash, infoHash]);
  const secret = extract(suite, { salt: sharedSecret, label: "secret", input: none });
  return {
    key: expand(suite, { secret, label: "key", context, length: 32 }),
    nonce: expand(suite, { secret, label: "base_nonce", context, length: 12 }),
  };
}

function extract(
  suite: Uint8Array,
  { salt, label, input }: { salt: Uint8Array; label: string; input: Uint8Array },
): Uint8Array {
  return hmac(salt, concatBytes([utf8.encode("HPKE-v1"), suite, utf8.encode(label), input]));
}

// One round of HKDF-Expand gives 32 bytes, which is as much as anyone asks for here.
function expand(
  suite: Uint8Array,
  {
    secret,
    label,
    context,
    length,
  }: { secret: Uint8Array; label: string; context: Uint8Array; length: number },
): Uint8Array {
  const labeled = concatBytes([twoBytes(length), utf8.encode("HPKE-v1"), suite, utf8.encode(label), context]);
  return hmac(secret, concatBytes([labeled, Uint8Array.of(1)])).subarray(0, length);
}

function hmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  return createHmac("sha256", createSecretKey(key)).update(message).digest();
}

function twoBytes(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 255);
}
