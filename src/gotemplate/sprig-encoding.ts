import { createHash } from "node:crypto";
import { decodeBase32, decodeBase64, encodeBase32, encodeBase64 } from "./base-encoding.ts";
import { decodeGoString, encodeGoString } from "./go-string.ts";
import { define, goString, textAt } from "./sprig-definition.ts";
import { GoError, type GoFunction } from "./value.ts";

/** Sprig's encodings and check sums. */
export const encodingFunctions: readonly GoFunction[] = [
  transform("b64enc", (text) => encodeBase64(encodeGoString(text))),
  transform("b64dec", (text) => orItsError(() => decodeGoString(decodeBase64(text)))),
  transform("b32enc", (text) => encodeBase32(encodeGoString(text))),
  transform("b32dec", (text) => orItsError(() => decodeGoString(decodeBase32(text)))),
  transform("sha1sum", (text) => hash("sha1", text)),
  transform("sha256sum", (text) => hash("sha256", text)),
  transform("sha512sum", (text) => hash("sha512", text)),
  transform("adler32sum", (text) => String(adler32(encodeGoString(text)))),
];

function transform(name: string, change: (text: string) => string): GoFunction {
  return define(name, ["string"], (args) => goString(change(textAt(args, 0))));
}

/** Sprig returns the text of the error as if it were the result. */
function orItsError(decode: () => string): string {
  try {
    return decode();
  } catch (error) {
    if (error instanceof GoError) return error.message;
    throw error;
  }
}

function hash(algorithm: string, text: string): string {
  return createHash(algorithm).update(encodeGoString(text)).digest("hex");
}

/** RFC 1950: two sums modulo the largest prime below 2^16. */
function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (const byte of bytes) {
    low = (low + byte) % 65521;
    high = (high + low) % 65521;
  }
  return high * 65536 + low;
}
