import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from "node:crypto";

/** The private key with the given 32 bytes. */
export function x25519Secret(scalar: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.from(scalar), format: "raw-private", asymmetricKeyType: "x25519" });
}

/** The 32 bytes of the public key that belongs to a private key. */
export function x25519PublicBytes(secret: KeyObject): Uint8Array {
  return createPublicKey(secret).export({ format: "raw-public" });
}

/**
 * The Diffie-Hellman secret of a private and a public key.
 *
 * @returns `undefined` for a public key that leads to zero whatever the private key is: never accept one.
 */
export function x25519Agree(secret: KeyObject, publicBytes: Uint8Array): Uint8Array | undefined {
  const key = Buffer.from(publicBytes);
  try {
    const publicKey = createPublicKey({ key, format: "raw-public", asymmetricKeyType: "x25519" });
    return diffieHellman({ privateKey: secret, publicKey });
  } catch {
    return undefined;
  }
}
