import {
  constants,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
} from "node:crypto";
import { concatBytes } from "../core/concat-bytes.ts";
import { KsealError } from "../errors.ts";

/*
 * A sealed value. The session key is used once, so its nonce is twelve zero bytes. Nothing else is authenticated: not
 * the name of the item, only the label that the RSA part was made with.
 *
 *   length of the RSA part (2 bytes, big-endian) | RSA-OAEP of the session key | AES-256-GCM ciphertext | tag (16 bytes)
 */

const sessionKeyLength = 32;
const tagLength = 16;
const zeroNonce = new Uint8Array(12);

/** A sealed value in its parts. */
export interface Envelope {
  /** As long as the modulus of the key that opens it. */
  readonly wrappedKey: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

/** A key for one value, and what the envelope keeps of it. */
export interface WrappedSessionKey {
  /** 32 random bytes, never used before. */
  readonly sessionKey: Uint8Array;
  readonly wrappedKey: Uint8Array;
}

/**
 * Seals one value.
 *
 * @param to.label - What binds it to its place: {@link oaepLabel}.
 * @param to.sessionKey - 32 random bytes, never used before.
 */
export function sealItem(
  plaintext: Uint8Array,
  to: { readonly publicKey: KeyObject; readonly label: string; readonly sessionKey: Uint8Array },
): Uint8Array {
  return sealWith(plaintext, { sessionKey: to.sessionKey, wrappedKey: wrapSessionKey(to.sessionKey, to) });
}

/** The part of {@link sealItem} that costs: RSA. */
export function wrapSessionKey(
  sessionKey: Uint8Array,
  to: { readonly publicKey: KeyObject; readonly label: string },
): Uint8Array {
  if (sessionKey.length !== sessionKeyLength) throw new TypeError("a session key has 32 bytes");
  return publicEncrypt({ key: to.publicKey, ...oaep(to.label) }, sessionKey);
}

/** Seals one value with a session key that was wrapped before. */
export function sealWith(plaintext: Uint8Array, { sessionKey, wrappedKey }: WrappedSessionKey): Uint8Array {
  const gcm = createCipheriv("aes-256-gcm", createSecretKey(sessionKey), zeroNonce, {
    authTagLength: tagLength,
  });
  const length = Uint8Array.of(wrappedKey.length >> 8, wrappedKey.length & 0xff);
  return concatBytes([length, wrappedKey, gcm.update(plaintext), gcm.final(), gcm.getAuthTag()]);
}

/**
 * Takes a sealed value apart.
 *
 * @throws KsealError `SEALED_INVALID` when it is cut off: `SealedSecret data is too short`, as Sealed Secrets says.
 */
export function parseEnvelope(bytes: Uint8Array): Envelope {
  const [high = 0, low = 0] = bytes;
  const start = 2 + high * 256 + low;
  // Sealed Secrets notices a missing tag only when the cipher refuses; it is cut off all the same.
  if (bytes.length < 2 || bytes.length < start + tagLength) {
    throw new KsealError("SEALED_INVALID", "SealedSecret data is too short", {
      hint: "the end of the value is missing; take it from Git: git log -p FILE",
    });
  }
  return {
    wrappedKey: bytes.subarray(2, start),
    ciphertext: bytes.subarray(start, bytes.length - tagLength),
    tag: bytes.subarray(bytes.length - tagLength),
  };
}

/**
 * Opens a sealed value with one key: one RSA private operation.
 *
 * @returns `undefined` when it was sealed for another key or place, or was changed; which of these it is cannot be told.
 */
export function openEnvelope(
  envelope: Envelope,
  { privateKey, label }: { readonly privateKey: KeyObject; readonly label: string },
): Uint8Array | undefined {
  return openWithSessionKey(envelope, unwrapSessionKey(envelope.wrappedKey, { privateKey, label }));
}

/** The second half of {@link openEnvelope}, for who unwraps session keys elsewhere. */
export function openWithSessionKey(
  envelope: Envelope,
  sessionKey: Uint8Array | undefined,
): Uint8Array | undefined {
  if (sessionKey?.length !== sessionKeyLength) return undefined;
  const gcm = createDecipheriv("aes-256-gcm", createSecretKey(sessionKey), zeroNonce, {
    authTagLength: tagLength,
  });
  gcm.setAuthTag(envelope.tag);
  const plaintext = gcm.update(envelope.ciphertext);
  try {
    return Uint8Array.from(concatBytes([plaintext, gcm.final()]));
  } catch {
    return undefined;
  }
}

/**
 * Opens the RSA part of a sealed value: one RSA private operation.
 *
 * @returns `undefined` when it is for another key or label.
 */
export function unwrapSessionKey(
  wrappedKey: Uint8Array,
  { privateKey, label }: { readonly privateKey: KeyObject; readonly label: string },
): Uint8Array | undefined {
  try {
    return privateDecrypt({ key: privateKey, ...oaep(label) }, wrappedKey);
  } catch {
    return undefined;
  }
}

function oaep(label: string) {
  return {
    padding: constants.RSA_PKCS1_OAEP_PADDING,
    oaepHash: "sha256",
    oaepLabel: new TextEncoder().encode(label),
  };
}
