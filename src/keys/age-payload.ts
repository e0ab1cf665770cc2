import { createSecretKey, hkdfSync } from "node:crypto";
import { concatBytes } from "../core/concat-bytes.ts";
import { KsealError } from "../errors.ts";
import type { ChaCha } from "./chacha.ts";

/*
 * The payload: a 16-byte nonce, then chunks of 64 KiB, each sealed by itself under
 *
 *     counter, 11 bytes big-endian | 1 for the last chunk, else 0
 *
 * Only a payload without content has an empty last chunk.
 */
const nonceLength = 16;
const chunkLength = 64 * 1024;
const sealedChunkLength = chunkLength + 16;

/** Encrypts content under a file key. */
export async function sealPayload(
  content: Uint8Array,
  { fileKey, nonce, chacha }: { fileKey: Uint8Array; nonce: Uint8Array; chacha: ChaCha },
): Promise<Uint8Array> {
  const key = payloadKey(fileKey, nonce);
  const count = Math.max(1, Math.ceil(content.length / chunkLength));
  const chunks: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const chunk = content.subarray(i * chunkLength, (i + 1) * chunkLength);
    chunks.push(await chacha.seal(key, chunkNonce(i, i === count - 1), chunk));
  }
  return concatBytes([nonce, ...chunks]);
}

/**
 * Decrypts a payload. Nothing is returned before every chunk has been checked.
 *
 * @throws KsealError `DECRYPT_FAILED` when it was changed, cut off or continued.
 */
export async function openPayload(
  payload: Uint8Array,
  { fileKey, chacha }: { fileKey: Uint8Array; chacha: ChaCha },
): Promise<Uint8Array> {
  // A nonce that was cut off belongs to the header's rules in the age specification.
  if (payload.length < nonceLength) throw new KsealError("DECRYPT_FAILED", "the age header is cut off");
  const key = payloadKey(fileKey, payload.subarray(0, nonceLength));
  const sealed = payload.subarray(nonceLength);
  const count = Math.max(1, Math.ceil(sealed.length / sealedChunkLength));
  const chunks: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const isLast = i === count - 1;
    const chunk = sealed.subarray(i * sealedChunkLength, (i + 1) * sealedChunkLength);
    const content = await chacha.open(key, chunkNonce(i, isLast), chunk);
    if (!content || (isLast && i > 0 && content.length === 0)) {
      throw new KsealError("DECRYPT_FAILED", "the age payload was changed or cut off");
    }
    chunks.push(content);
  }
  return concatBytes(chunks);
}

function payloadKey(fileKey: Uint8Array, nonce: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", createSecretKey(fileKey), nonce, "payload", 32));
}

function chunkNonce(counter: number, isLast: boolean): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setUint32(7, counter);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}
