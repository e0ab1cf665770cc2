/** One element of DER (ITU-T X.690): a tag, a length, and its content. */
export interface DerElement {
  readonly tag: number;
  /** With tag and length. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

/**
 * The elements that stand one behind the other in some bytes.
 *
 * @param bytes - What a real parser has accepted: lengths are trusted here, and what they do not fit is cut off.
 */
export function derElements(bytes: Uint8Array): readonly DerElement[] {
  const found: DerElement[] = [];
  let start = 0;
  while (start + 1 < bytes.length) {
    const first = bytes[start + 1] ?? 0;
    const digits = first < 0x80 ? 0 : first & 0x7f;
    const from = start + 2 + digits;
    let length = first < 0x80 ? first : 0;
    for (const byte of bytes.subarray(start + 2, from)) length = length * 256 + byte;
    const end = from + length;
    found.push({
      tag: bytes[start] ?? 0,
      whole: bytes.subarray(start, end),
      content: bytes.subarray(from, end),
    });
    start = end;
  }
  return found;
}
