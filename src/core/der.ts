import { civilTime } from "./calendar.ts";
import { concatBytes } from "./concat-bytes.ts";

/*
 * A small writer of DER (ITU-T X.690), enough for certificates. Every function returns one whole element:
 *
 *   tag (1 byte) | length (1 byte below 128, else 0x80 + n and n bytes) | content
 */

const printable = /^[A-Za-z0-9 '()+,\-./:=?]*$/;

/** Elements in their order: `SEQUENCE`. */
export function derSequence(...elements: readonly Uint8Array[]): Uint8Array {
  return element(0x30, concatBytes(elements));
}

/** `SET` of one element, which is what names of certificates need. */
export function derSet(member: Uint8Array): Uint8Array {
  return element(0x31, member);
}

/** A non-negative `INTEGER`. @param magnitude - Big-endian bytes; leading zeros are dropped. */
export function derInteger(magnitude: Uint8Array): Uint8Array {
  const start = magnitude.findIndex((byte) => byte !== 0);
  const digits = start === -1 ? Uint8Array.of(0) : magnitude.subarray(start);
  // The top bit is the sign.
  return element(0x02, (digits[0] ?? 0) < 0x80 ? digits : concatBytes([Uint8Array.of(0), digits]));
}

/** `BOOLEAN` true; false is a default, and DER leaves defaults out. */
export function derTrue(): Uint8Array {
  return element(0x01, Uint8Array.of(0xff));
}

export function derNull(): Uint8Array {
  return element(0x05, new Uint8Array());
}

/** @param dotted - Such as `2.5.4.3`. */
export function derObjectIdentifier(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return element(0x06, Uint8Array.from([first * 40 + second, ...rest].flatMap(base128)));
}

/** `PrintableString` where the text fits, as Go chooses it, else `UTF8String`. */
export function derText(text: string): Uint8Array {
  return element(printable.test(text) ? 0x13 : 0x0c, new TextEncoder().encode(text));
}

export function derOctetString(bytes: Uint8Array): Uint8Array {
  return element(0x04, bytes);
}

/** @param unusedBits - How many bits at the end of the last byte do not count. */
export function derBitString(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  return element(0x03, concatBytes([Uint8Array.of(unusedBits), bytes]));
}

/**
 * A time in whole seconds, as certificates have it (RFC 5280, 4.1.2.5): `UTCTime` from 1950 to 2049, else
 * `GeneralizedTime`.
 *
 * @param epochMs - Milliseconds since 1970; what is less than a second is dropped.
 */
export function derTime(epochMs: number): Uint8Array {
  const { year, month, day, hour, minute, second } = civilTime(epochMs);
  const short = year >= 1950 && year < 2050;
  const digits = [month, day, hour, minute, second].map((part) => String(part).padStart(2, "0"));
  const years = short ? String(year % 100).padStart(2, "0") : String(year).padStart(4, "0");
  return element(short ? 0x17 : 0x18, new TextEncoder().encode(`${years}${digits.join("")}Z`));
}

/** A field that is told from its neighbours by a number, around whole elements: `[3] EXPLICIT`. */
export function derTagged(number: number, content: Uint8Array): Uint8Array {
  return element(0xa0 | number, content);
}

/** A field that is told from its neighbours by a number in place of its type: `[2] IMPLICIT IA5String`. */
export function derRetagged(number: number, content: Uint8Array): Uint8Array {
  return element(0x80 | number, content);
}

function element(tag: number, content: Uint8Array): Uint8Array {
  return concatBytes([Uint8Array.from([tag, ...length(content.length)]), content]);
}

function length(count: number): readonly number[] {
  if (count < 0x80) return [count];
  const bytes: number[] = [];
  for (let rest = count; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 | bytes.length, ...bytes];
}

function base128(number: number): readonly number[] {
  const bytes = [number % 128];
  for (let rest = Math.floor(number / 128); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.unshift((rest % 128) | 0x80);
  }
  return bytes;
}
