import { createHash } from "node:crypto";

/** SHA-256 in hexadecimal. Never of a value in clear: its digest could be guessed at. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
