/**
 * Go's strings as JavaScript's: bytes that are valid UTF-8 are text, and every other byte 0x80..0xFF is the lone
 * surrogate U+DC80..U+DCFF, so that nothing of a binary secret is lost on its way through a template.
 *
 *     c3 a9 ff 41   <->   "é" "\udcff" "A"
 */

const escapeBase = 0xdc00;
const utf8 = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of these bytes; the inverse of {@link encodeGoString}. */
export function decodeGoString(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return decodeByRune(bytes);
  }
}

function decodeByRune(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = runeLength(bytes, at);
    parts.push(
      length === 0
        ? String.fromCharCode(escapeBase + (bytes[at] ?? 0))
        : strict.decode(bytes.subarray(at, at + length)),
    );
    at += Math.max(length, 1);
  }
  return parts.join("");
}

/** Bytes of the valid UTF-8 sequence at `at`, 0 if there is none (RFC 3629: no overlong forms, no surrogates). */
function runeLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  const second = bytes[at + 1] ?? 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (first < 0xc2 || first > 0xf4 || second < low || second > high) return 0;
  for (let i = 2; i < length; i++) {
    if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) return 0;
  }
  return length;
}

/** The bytes of this text. A surrogate that stands for no byte becomes U+FFFD, as in every UTF-8 encoder. */
export function encodeGoString(text: string): Uint8Array {
  if (text.isWellFormed()) return utf8.encode(text);
  const parts: Uint8Array[] = [];
  let total = 0;
  for (const part of text.match(/[\udc80-\udcff]|[^\udc80-\udcff]+/gu) ?? []) {
    const code = part.codePointAt(0) ?? 0;
    const bytes = isEscapedByte(code) ? Uint8Array.of(code - escapeBase) : utf8.encode(part);
    parts.push(bytes);
    total += bytes.length;
  }
  const whole = new Uint8Array(total);
  let at = 0;
  for (const bytes of parts) {
    whole.set(bytes, at);
    at += bytes.length;
  }
  return whole;
}

/** Whether this code point of a string stands for one byte that is no UTF-8. */
export function isEscapedByte(codePoint: number): boolean {
  return codePoint >= escapeBase + 0x80 && codePoint <= escapeBase + 0xff;
}

/** The lone surrogate, or the ASCII character, that stands for a byte. */
export function escapeByte(byte: number): string {
  return String.fromCharCode(byte < 0x80 ? byte : escapeBase + byte);
}

/** Go's `len` of a string: its bytes. */
export function byteLength(text: string): number {
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) length += 1;
    else if (unit < 0x800) length += 2;
    else if ((unit & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      length += 4;
      i++;
    } else length += isEscapedByte(unit) ? 1 : 3;
  }
  return length;
}

/** Go's `utf8.RuneCountInString`: a byte that is no UTF-8 counts as one. */
export function runeCount(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** Go's order of strings, byte by byte; negative, zero or positive. */
export function compareGoStrings(left: string, right: string): number {
  if (left === right) return 0;
  const a = encodeGoString(left);
  const b = encodeGoString(right);
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
