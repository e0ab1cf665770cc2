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
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): Promise<Uint8Array>;
  /** `undefined` when the key is another one or the bytes were changed. */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Promise<Uint8Array | undefined>;
}

const algorithm = "chacha20-poly1305";
const tagLength = 16;

/**
 * The implementation for this runtime. The `node:crypto` of Bun, which the executable runs on, has none, but its
 * WebCrypto has, and that takes a tenth of the time of one in JavaScript.
 */
export function loadChaCha(): Promise<ChaCha> {
  loaded ??= getCipherInfo(algorithm)
    ? Promise.resolve(nativeChaCha)
    : loadWebChaCha().then((web) => web ?? loadPortableChaCha());
  return loaded;
}

let loaded: Promise<ChaCha> | undefined;

/** The cipher of node:crypto. */
const nativeChaCha: ChaCha = {
  async seal(key, nonce, plaintext) {
    const cipher = createCipheriv(algorithm, keyObject(key), nonce, { authTagLength: tagLength });
    const sealed = [cipher.update(plaintext), cipher.final()];
    return concatBytes([...sealed, cipher.getAuthTag()]);
  },
  async open(key, nonce, sealed) {
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

/** The cipher of WebCrypto; `undefined` for a runtime whose WebCrypto has none. */
export async function loadWebChaCha(): Promise<ChaCha | undefined> {
  const { subtle } = globalThis.crypto;
  const name = "ChaCha20-Poly1305";
  const importKey = (key: Uint8Array, use: "encrypt" | "decrypt") =>
    subtle.importKey("raw-secret", new Uint8Array(key), name, false, [use]);
  const parameters = (nonce: Uint8Array) => ({ name, iv: new Uint8Array(nonce), tagLength: 8 * tagLength });
  try {
    await importKey(new Uint8Array(32), "decrypt");
  } catch {
    return undefined;
  }
  return {
    async seal(key, nonce, plaintext) {
      const imported = await importKey(key, "encrypt");
      return new Uint8Array(await subtle.encrypt(parameters(nonce), imported, new Uint8Array(plaintext)));
    },
    async open(key, nonce, sealed) {
      if (sealed.length < tagLength) return undefined;
      const imported = await importKey(key, "decrypt");
      try {
        return new Uint8Array(await subtle.decrypt(parameters(nonce), imported, new Uint8Array(sealed)));
      } catch (error) {
        if (error instanceof DOMException && error.name === "OperationError") return undefined;
        throw error;
      }
    },
  };
}

/** The cipher in JavaScript, for runtimes without it. */
export async function loadPortableChaCha(): Promise<ChaCha> {
  const { chacha20poly1305 } = await import("@noble/ciphers/chacha.js");
  return {
    seal: async (key, nonce, plaintext) => chacha20poly1305(key, nonce).encrypt(plaintext),
    async open(key, nonce, sealed) {
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
