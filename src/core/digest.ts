import { createHash } from "node:crypto";

/** SHA-256 in hexadecimal. Never of a value in clear: its digest could be guessed at. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The id that Git gives a content, in a repository with SHA-1. */
export function gitBlobId(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}
