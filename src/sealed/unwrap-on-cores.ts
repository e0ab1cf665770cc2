import { webcrypto } from "node:crypto";
import { unwrapSessionKey } from "./envelope.ts";
import type { Unwrap } from "./key-search.ts";
import { Places } from "./places.ts";
import type { SealingKey } from "./sealing-key.ts";

type CryptoKey = webcrypto.CryptoKey;

/** Unwraps on the calling thread: for a few values, which are open before another thread has begun. */
export const unwrapHere: Unwrap = async (wrappedKey, { key, label }) =>
  unwrapSessionKey(wrappedKey, { privateKey: key.privateKey, label });

/**
 * Unwraps on the runtime's own threads, through the Web Cryptography API: the only RSA of Node that does not block, and
 * the same in Node, in the bundle and in the executable. Node locks a key while it is used, so every operation that
 * runs gets a copy of it.
 *
 * @param cores - How many operations may run at the same time.
 */
export function unwrapOnCores(cores: number): Unwrap {
  const copies = new Map<SealingKey, CryptoKey[]>();
  const inFlight = new Places(cores);
  return async (wrappedKey, { key, label }) => {
    await inFlight.take();
    try {
      const idle = copies.get(key) ?? [];
      copies.set(key, idle);
      const copy = idle.pop() ?? (await copyOf(key));
      try {
        return await decrypt(copy, label, wrappedKey);
      } finally {
        idle.push(copy);
      }
    } finally {
      inFlight.give();
    }
  };
}

async function decrypt(
  key: CryptoKey,
  label: string,
  wrappedKey: Uint8Array,
): Promise<Uint8Array | undefined> {
  try {
    const algorithm = { name: "RSA-OAEP", label: new TextEncoder().encode(label) };
    // Its own bytes: a view into the whole value would be copied with the rest.
    return new Uint8Array(await webcrypto.subtle.decrypt(algorithm, key, Uint8Array.from(wrappedKey)));
  } catch (error) {
    if (error instanceof DOMException && error.name === "OperationError") return undefined;
    throw error;
  }
}

function copyOf({ privateKey }: SealingKey): Promise<CryptoKey> {
  const der = Uint8Array.from(privateKey.export({ type: "pkcs8", format: "der" }));
  return webcrypto.subtle.importKey("pkcs8", der, { name: "RSA-OAEP", hash: "SHA-256" }, false, ["decrypt"]);
}
