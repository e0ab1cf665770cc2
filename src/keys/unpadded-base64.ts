import { decodeBase64, encodeBase64 } from "../core/base64.ts";

/** Decodes the base64 of age: canonical, without padding. `undefined` for anything else. */
export function decodeUnpadded(text: string): Uint8Array | undefined {
  if (text.endsWith("=")) return undefined;
  return decodeBase64(text + "=".repeat(-text.length & 3));
}

/** Encodes bytes as base64 without padding. */
export function encodeUnpadded(bytes: Uint8Array): string {
  return encodeBase64(bytes).replace(/=+$/, "");
}
