import { decodeGoString, encodeGoString } from "./go-string.ts";

const ascii = /^[\0-\x7f]*$/;

/** A part of a string, from byte `start` to before byte `end`; half characters stay as the bytes that they are. */
export function byteSlice(text: string, start: number, end: number): string {
  return ascii.test(text) ? text.slice(start, end) : decodeGoString(encodeGoString(text).slice(start, end));
}
