import { createSecretKey, hkdfSync } from "node:crypto";
import { concatBytes } from "../core/concat-bytes.ts";
import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import type { AgeIdentity } from "./age-file.ts";
import { malformedHeader, type Stanza } from "./age-header.ts";
import { encodeBech32 } from "./bech32.ts";
import { loadChaCha } from "./chacha.ts";
import { decodeUnpadded, encodeUnpadded } from "./unpadded-base64.ts";
import { x25519Agree, x25519PublicBytes, x25519Secret } from "./x25519-key.ts";

const label = "age-encryption.org/v1/X25519";
const keyLength = 32;
/** The nonce of every wrapped file key: each wrapping key is used once. */
export const zeroNonce: Uint8Array = new Uint8Array(12);
/** A file key and its tag. */
export const wrappedKeyLength = 32;

/** The age identity with the given secret. It stays in a key object. */
export function x25519Identity(scalar: Uint8Array): AgeIdentity {
  const secret = x25519Secret(scalar);
  const recipient = x25519PublicBytes(secret);
  return {
    describe: () => encodeBech32("age", recipient),
    mayAsk: false,
    async unwrap({ stanzas }) {
      const chacha = await loadChaCha();
      for (const { args, body } of stanzas) {
        if (args[0] !== "X25519") continue;
        const share = args.length === 2 ? decodeUnpadded(args[1] ?? "") : undefined;
        const shared = share?.length === keyLength ? x25519Agree(secret, share) : undefined;
        if (!share || !shared || body.length !== wrappedKeyLength)
          throw malformedHeader("a X25519 stanza is invalid");
        const fileKey = await chacha.open(wrappingKey(shared, share, recipient), zeroNonce, body);
        if (fileKey) return fileKey;
      }
      return null;
    },
  };
}

/** Wraps a file key for a recipient's 32 public bytes. */
export async function wrapForX25519(
  fileKey: Uint8Array,
  recipient: Uint8Array,
  random: Host["random"],
): Promise<Stanza> {
  const ephemeral = x25519Secret(random(keyLength));
  const share = x25519PublicBytes(ephemeral);
  const shared = x25519Agree(ephemeral, recipient);
  if (!shared) throw new KsealError("ENCRYPT_FAILED", "the recipient is no usable public key");
  const chacha = await loadChaCha();
  const body = await chacha.seal(wrappingKey(shared, share, recipient), zeroNonce, fileKey);
  return { args: ["X25519", encodeUnpadded(share)], body };
}

function wrappingKey(shared: Uint8Array, share: Uint8Array, recipient: Uint8Array): Uint8Array {
  const salt = concatBytes([share, recipient]);
  return new Uint8Array(hkdfSync("sha256", createSecretKey(shared), salt, label, keyLength));
}
