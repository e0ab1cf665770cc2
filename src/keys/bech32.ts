const alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
// The generator polynomial of BIP 173, one word for each bit that leaves the 30-bit remainder.
const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
const checksumLength = 6;

export interface Bech32 {
  /** In the case in which it stood. */
  readonly prefix: string;
  readonly data: Uint8Array;
}

/**
 * Reads Bech32 (BIP 173) without its limit of 90 characters, which age lifts.
 *
 * @returns `undefined` for mixed case, a wrong checksum, foreign characters, and data that is no whole number of bytes.
 */
export function decodeBech32(text: string): Bech32 | undefined {
  const lower = text.toLowerCase();
  const separator = lower.lastIndexOf("1");
  if ((text !== lower && text !== text.toUpperCase()) || separator < 1 || !/^[\x21-\x7e]+$/.test(text)) {
    return undefined;
  }
  const words = Array.from(lower.slice(separator + 1), (char) => alphabet.indexOf(char));
  const prefix = lower.slice(0, separator);
  if (words.length < checksumLength || words.includes(-1)) return undefined;
  if (remainder([...expand(prefix), ...words]) !== 1) return undefined;
  const data = regroup(words.slice(0, -checksumLength), { from: 5, to: 8, pad: false });
  return data && { prefix: text.slice(0, separator), data: Uint8Array.from(data) };
}

/** Writes Bech32 in lower case. */
export function encodeBech32(prefix: string, data: Uint8Array): string {
  const words = regroup([...data], { from: 8, to: 5, pad: true }) ?? [];
  const sum = remainder([...expand(prefix), ...words, 0, 0, 0, 0, 0, 0]) ^ 1;
  const checksum = [25, 20, 15, 10, 5, 0].map((shift) => (sum >>> shift) & 31);
  return `${prefix}1${[...words, ...checksum].map((word) => alphabet[word]).join("")}`;
}

function remainder(words: readonly number[]): number {
  let sum = 1;
  for (const word of words) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ word;
    for (const [bit, polynomial] of generator.entries()) if ((top >> bit) & 1) sum ^= polynomial;
  }
  return sum;
}

function expand(prefix: string): number[] {
  const codes = Array.from(prefix, (char) => char.charCodeAt(0));
  return [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)];
}

function regroup(
  values: readonly number[],
  { from, to, pad }: { from: number; to: number; pad: boolean },
): number[] | undefined {
  const groups: number[] = [];
  let bits = 0;
  let count = 0;
  for (const value of values) {
    bits = (bits << from) | value;
    count += from;
    while (count >= to) {
      count -= to;
      groups.push((bits >> count) & ((1 << to) - 1));
    }
    bits &= (1 << count) - 1;
  }
  if (pad) return count > 0 ? [...groups, (bits << (to - count)) & ((1 << to) - 1)] : groups;
  // Left-over bits are padding: fewer than a whole word, and zero.
  return count < from && bits === 0 ? groups : undefined;
}
