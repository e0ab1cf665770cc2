import { type KeyObject, webcrypto } from "node:crypto";
import { type WrappedSessionKey, wrapSessionKey } from "./envelope.ts";
import { Places } from "./places.ts";

type CryptoKey = webcrypto.CryptoKey;

/** Wraps a session key for the holder of the certificate's private key. */
export type Wrap = (sessionKey: Uint8Array, label: string) => Promise<WrappedSessionKey>;

/** Fewer than that are sealed before another thread has begun. */
const worthThreads = 5;

/**
 * How the session keys of a run are wrapped.
 *
 * @param values - How many there will be.
 */
export function wrapping(values: number, cores: number): (publicKey: KeyObject) => Wrap {
  if (values < worthThreads || cores < 2) return wrapHere;
  const known = new Map<KeyObject, Wrap>();
  return (publicKey) => {
    const wrap = known.get(publicKey) ?? wrapOnCores(publicKey, cores);
    known.set(publicKey, wrap);
    return wrap;
  };
}

function wrapHere(publicKey: KeyObject): Wrap {
  return async (sessionKey, label) => ({
    sessionKey,
    wrappedKey: wrapSessionKey(sessionKey, { publicKey, label }),
  });
}

/** Wraps on the runtime's own threads, as `unwrapOnCores` unwraps. */
function wrapOnCores(publicKey: KeyObject, cores: number): Wrap {
  const idle: CryptoKey[] = [];
  const inFlight = new Places(cores);
  return async (sessionKey, label) => {
    await inFlight.take();
    try {
      const copy = idle.pop() ?? (await copyOf(publicKey));
      try {
        const algorithm = { name: "RSA-OAEP", label: new TextEncoder().encode(label) };
        const wrapped = await webcrypto.subtle.encrypt(algorithm, copy, Uint8Array.from(sessionKey));
        return { sessionKey, wrappedKey: new Uint8Array(wrapped) };
      } finally {
        idle.push(copy);
      }
    } finally {
      inFlight.give();
    }
  };
}

function copyOf(publicKey: KeyObject): Promise<CryptoKey> {
  const der = Uint8Array.from(publicKey.export({ type: "spki", format: "der" }));
  return webcrypto.subtle.importKey("spki", der, { name: "RSA-OAEP", hash: "SHA-256" }, false, ["encrypt"]);
}
