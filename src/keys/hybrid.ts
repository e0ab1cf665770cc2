// Named imports of what a runtime lacks fail before anything can be asked.
import crypto, { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { concatBytes } from "../core/concat-bytes.ts";
import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import type { AgeIdentity } from "./age-file.ts";
import { malformedHeader, type Stanza } from "./age-header.ts";
import { encodeBech32 } from "./bech32.ts";
import { loadChaCha } from "./chacha.ts";
import { hpkeKeyAndNonce } from "./hpke.ts";
import { decodeUnpadded, encodeUnpadded } from "./unpadded-base64.ts";
import { wrappedKeyLength } from "./x25519.ts";
import { x25519Agree, x25519PublicBytes, x25519Secret } from "./x25519-key.ts";

/*
 * The post-quantum recipient of age: ML-KEM-768 and X25519 side by side (X-Wing).
 *
 *     identity    32 bytes, from which SHAKE256 draws a 64-byte ML-KEM seed and a 32-byte X25519 secret
 *     recipient   1184-byte ML-KEM public key | 32-byte X25519 public key
 *     enc         1088-byte ML-KEM ciphertext | 32-byte X25519 share
 */
const suite = { kem: 0x647a, info: "age-encryption.org/mlkem768x25519" };
const type = "mlkem768x25519";
const kemPublicLength = 1184;
const kemCiphertextLength = 1088;
const shareLength = 32;
// "\./" and "/^\" in ASCII: the label of X-Wing.
const combinerLabel = Buffer.from("5c2e2f2f5e5c", "hex");

/** Whether this runtime has ML-KEM. The `node:crypto` of Bun, which the executable runs on, has none. */
export function hasKem(): boolean {
  return typeof crypto.decapsulate === "function";
}

/** The post-quantum identity with the given 32 bytes. */
export function hybridIdentity(seed: Uint8Array): AgeIdentity {
  const { kem, secret, recipient } = expandSeed(seed);
  const ownShare = recipient.subarray(kemPublicLength);
  return {
    describe: () => encodeBech32("age1pq", recipient),
    mayAsk: false,
    async unwrap({ stanzas }) {
      const chacha = await loadChaCha();
      for (const { args, body } of stanzas) {
        if (args[0] !== type) continue;
        const enc = args.length === 2 ? decodeUnpadded(args[1] ?? "") : undefined;
        const share = enc?.subarray(kemCiphertextLength);
        const shared = share?.length === shareLength ? x25519Agree(secret, share) : undefined;
        if (!enc || !share || !shared || body.length !== wrappedKeyLength) {
          throw malformedHeader(`a ${type} stanza is invalid`);
        }
        const kemShared = crypto.decapsulate(kem, enc.subarray(0, kemCiphertextLength));
        const { key, nonce } = hpkeKeyAndNonce(combine(kemShared, shared, share, ownShare), suite);
        const fileKey = await chacha.open(key, nonce, body);
        if (fileKey) return fileKey;
      }
      return null;
    },
  };
}

/** Wraps a file key for a post-quantum recipient's 1216 bytes. */
export async function wrapForHybrid(
  fileKey: Uint8Array,
  recipient: Uint8Array,
  random: Host["random"],
): Promise<Stanza> {
  const theirShare = recipient.subarray(kemPublicLength);
  const ephemeral = x25519Secret(random(shareLength));
  const share = x25519PublicBytes(ephemeral);
  const shared = x25519Agree(ephemeral, theirShare);
  const kem = importKemPublic(recipient.subarray(0, kemPublicLength));
  if (!shared || !kem) throw new KsealError("ENCRYPT_FAILED", "the recipient is no usable public key");
  const { sharedKey, ciphertext } = crypto.encapsulate(kem);
  const { key, nonce } = hpkeKeyAndNonce(combine(sharedKey, shared, share, theirShare), suite);
  const chacha = await loadChaCha();
  const enc = encodeUnpadded(concatBytes([ciphertext, share]));
  return { args: [type, enc], body: await chacha.seal(key, nonce, fileKey) };
}

function expandSeed(seed: Uint8Array): { kem: KeyObject; secret: KeyObject; recipient: Uint8Array } {
  const seeds = createHash("shake256", { outputLength: 96 }).update(seed).digest();
  const kem = createPrivateKey({
    key: seeds.subarray(0, 64),
    format: "raw-seed",
    asymmetricKeyType: "ml-kem-768",
  });
  const secret = x25519Secret(seeds.subarray(64));
  const kemPublic = createPublicKey(kem).export({ format: "raw-public" });
  return { kem, secret, recipient: concatBytes([kemPublic, x25519PublicBytes(secret)]) };
}

function combine(...parts: readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array]): Uint8Array {
  return createHash("sha3-256")
    .update(concatBytes([...parts, combinerLabel]))
    .digest();
}

function importKemPublic(key: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(key), format: "raw-public", asymmetricKeyType: "ml-kem-768" });
  } catch {
    return undefined;
  }
}
