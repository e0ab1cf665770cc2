import { decodeBase64 } from "./base64.ts";

/** What a decoder of Go's says: the bytes, or the place of the first byte that does not fit. */
export type GoBase64 =
  | { readonly bytes: Uint8Array }
  /** Go's own words, which reach users through Kubernetes: `illegal base64 data at input byte 4`. */
  | { readonly error: string };

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const sextets = new Map([...alphabet].map((character, value) => [character.charCodeAt(0), value]));
const pad = 0x3d;

/**
 * Decodes padded base64 as Go's `base64.StdEncoding` does, which reads the values of Secrets and SealedSecrets: line
 * breaks (CR and LF) are skipped wherever they stand, anything else outside the alphabet is refused, and so is missing
 * padding. Unused bits of the last character are not looked at.
 */
export function decodeGoBase64(text: string): GoBase64 {
  const canonical = decodeBase64(text);
  if (canonical !== undefined) return { bytes: canonical };
  return decodeSlowly(new TextEncoder().encode(text));
}

function decodeSlowly(input: Uint8Array): GoBase64 {
  const bytes: number[] = [];
  let quantum: number[] = [];
  for (let at = 0; at < input.length; at += 1) {
    const byte = input[at] ?? 0;
    if (isLineBreak(byte)) continue;
    const sextet = sextets.get(byte);
    if (sextet !== undefined) {
      quantum.push(sextet);
      if (quantum.length < 4) continue;
      bytes.push(...octets(quantum));
      quantum = [];
      continue;
    }
    if (byte !== pad || quantum.length < 2) return illegalAt(at);
    const wrong = checkPadding(input, { at, missing: quantum.length === 2 });
    return wrong === undefined
      ? { bytes: Uint8Array.from([...bytes, ...octets(quantum)]) }
      : illegalAt(wrong);
  }
  return quantum.length === 0 ? { bytes: Uint8Array.from(bytes) } : illegalAt(input.length - quantum.length);
}

/** Where the rest after the first `=` is wrong, in the numbers that Go gives for it; `undefined` when it is right. */
function checkPadding(
  input: Uint8Array,
  { at, missing }: { at: number; missing: boolean },
): number | undefined {
  let next = skipLineBreaks(input, at + 1);
  if (missing) {
    if (next === input.length) return input.length;
    // Go names the byte in front of the one it does not like.
    if (input[next] !== pad) return next - 1;
    next = skipLineBreaks(input, next + 1);
  }
  return next < input.length ? next : undefined;
}

function skipLineBreaks(input: Uint8Array, from: number): number {
  let at = from;
  while (at < input.length && isLineBreak(input[at] ?? 0)) at += 1;
  return at;
}

function isLineBreak(byte: number): boolean {
  return byte === 0x0a || byte === 0x0d;
}

function octets(quantum: readonly number[]): readonly number[] {
  const [a = 0, b = 0, c = 0, d = 0] = quantum;
  return [(a << 2) | (b >> 4), ((b & 15) << 4) | (c >> 2), ((c & 3) << 6) | d].slice(0, quantum.length - 1);
}

function illegalAt(place: number): GoBase64 {
  return { error: `illegal base64 data at input byte ${place}` };
}
