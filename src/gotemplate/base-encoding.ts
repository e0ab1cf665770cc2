import { encodeBase64 as encode } from "../core/base64.ts";
import { encodeGoString } from "./go-string.ts";
import { GoError } from "./value.ts";

const alphabet32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const alphabet64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const pad = 0x3d;

/** RFC 4648 base64, padded. */
export function encodeBase64(bytes: Uint8Array): string {
  return encode(bytes);
}

/**
 * RFC 4648 base64 as Go's decoder reads it: line ends are skipped, bits after the end are not looked at.
 *
 * @throws GoError that names the byte where the text is wrong
 */
export function decodeBase64(text: string): Uint8Array {
  const source = encodeGoString(text);
  const values: number[] = [];
  let at = 0;
  const skipLineEnds = (): void => {
    while (source[at] === 0x0a || source[at] === 0x0d) at++;
  };
  for (skipLineEnds(); at < source.length; skipLineEnds()) {
    const inGroup = values.length % 4;
    const value = alphabet64.indexOf(String.fromCharCode(source[at] ?? 0));
    if (value >= 0) {
      values.push(value);
      at++;
      continue;
    }
    if (source[at] !== pad || inGroup < 2) throw corrupt(64, at);
    at++;
    if (inGroup === 2) {
      skipLineEnds();
      if (at === source.length) throw corrupt(64, at);
      if (source[at] !== pad) throw corrupt(64, at - 1);
      at++;
    }
    skipLineEnds();
    if (at < source.length) throw corrupt(64, at);
    return packed(values, 6);
  }
  if (values.length % 4 !== 0) throw corrupt(64, at - (values.length % 4));
  return packed(values, 6);
}

/** RFC 4648 base32, padded. */
export function encodeBase32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let count = 0;
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    count += 8;
    while (count >= 5) {
      count -= 5;
      text += alphabet32[(bits >> count) & 31];
    }
    bits &= (1 << count) - 1;
  }
  if (count > 0) text += alphabet32[(bits << (5 - count)) & 31];
  return text.padEnd(Math.ceil(text.length / 8) * 8, "=");
}

/**
 * RFC 4648 base32 as Go's decoder reads it.
 *
 * @throws GoError that names the byte where the text is wrong
 */
export function decodeBase32(text: string): Uint8Array {
  const source = encodeGoString(text).filter((byte) => byte !== 0x0a && byte !== 0x0d);
  const values: number[] = [];
  for (const [at, byte] of source.entries()) {
    const value = alphabet32.indexOf(String.fromCharCode(byte));
    const inGroup = values.length % 8;
    if (value >= 0) values.push(value);
    else if (byte !== pad || inGroup < 2 || source.length - at > 8) throw corrupt(32, at);
    else {
      checkPadding(source, at, inGroup);
      return packed(values, 5);
    }
  }
  if (values.length % 8 !== 0) throw corrupt(32, source.length - (values.length % 8));
  return packed(values, 5);
}

function checkPadding(source: Uint8Array, at: number, inGroup: number): void {
  const after = source.length - at - 1;
  if (after + inGroup < 7) throw corrupt(32, source.length);
  for (let i = 0; i < 7 - inGroup; i++) {
    if (at + 1 + i < source.length && source[at + 1 + i] !== pad) throw corrupt(32, at + i);
  }
  if (inGroup === 3 || inGroup === 6) throw corrupt(32, at);
}

/** The whole bytes in a row of groups of bits. */
function packed(values: readonly number[], width: number): Uint8Array {
  const bytes = new Uint8Array(Math.floor((values.length * width) / 8));
  let bits = 0;
  let count = 0;
  let at = 0;
  for (const value of values) {
    bits = (bits << width) | value;
    count += width;
    if (count < 8) continue;
    count -= 8;
    bytes[at++] = bits >> count;
    bits &= (1 << count) - 1;
  }
  return bytes;
}

function corrupt(base: 32 | 64, at: number): GoError {
  return new GoError(`illegal base${base} data at input byte ${at}`);
}
