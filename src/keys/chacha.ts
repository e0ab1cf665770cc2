import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  getCipherInfo,
  type KeyObject,
} from "node:crypto";
import { concatBytes } from "../core/concat-bytes.ts";

/** ChaCha20-Poly1305 with 12-byte nonces and the 16-byte tag behind the ciphertext, as age has it everywhere. */
export interface ChaCha {
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** `undefined` when the key is another one or the bytes were changed. */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Uint8Array | undefined;
}

const algorithm = "chacha20-poly1305";
const tagLength = 16;

/** The implementation for this runtime. The `node:crypto` of Bun, which the executable runs on, has none. */
export function loadChaCha(): Promise<ChaCha> {
  loaded ??= getCipherInfo(algorithm) ? Promise.resolve(nativeChaCha) : loadPortableChaCha();
  return loaded;
}

let loaded: Promise<ChaCha> | undefined;

/** The cipher of node:crypto. */
const nativeChaCha: ChaCha = {
  seal(key, nonce, plaintext) {
    const cipher = createCipheriv(algorithm, keyObject(key), nonce, { authTagLength: tagLength });
    const sealed = [cipher.update(plaintext), cipher.final()];
    return concatBytes([...sealed, cipher.getAuthTag()]);
  },
  open(key, nonce, sealed) {
    if (sealed.length < tagLength) return undefined;
    const decipher = createDecipheriv(algorithm, keyObject(key), nonce, { authTagLength: tagLength });
    decipher.setAuthTag(sealed.subarray(-tagLength));
    const plaintext = decipher.update(sealed.subarray(0, -tagLength));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return plaintext;
  },
};

/** The cipher in JavaScript, for runtimes without it. */
export async function loadPortableChaCha(): Promise<ChaCha> {
  const { chacha20poly1305 } = await import("@noble/ciphers/chacha.js");
  return {
    seal: (key, nonce, plaintext) => chacha20poly1305(key, nonce).encrypt(plaintext),
    open(key, nonce, sealed) {
      if (sealed.length < tagLength) return undefined;
      try {
        return chacha20poly1305(key, nonce).decrypt(sealed);
      } catch {
        return undefined;
      }
    },
  };
}

// Raw keys cost several times the work of key objects since Node 24.18.
function keyObject(key: Uint8Array): KeyObject {
  return createSecretKey(key);
}
