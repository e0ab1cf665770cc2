import { byteSlice } from "./byte-slice.ts";
import { byteLength, decodeGoString, encodeGoString } from "./go-string.ts";
import { checkLength } from "./sprig-definition.ts";
import type { World } from "./value.ts";

/** What Go's `unicode.IsSpace` accepts. */
const space = /\p{White_Space}/u;
const upper = /\p{Lu}/u;
const lower = /\p{Ll}/u;
const titled = /\p{Lt}/u;

/** One character to its capital, where a single character is that. */
export function upperRune(character: string): string {
  const result = character.toUpperCase();
  return [...result].length === 1 ? result : character;
}

/** One character to its title case, which differs from its capital for digraphs such as "ǆ" and for Georgian. */
function titleRune(character: string): string {
  const digraph = /[\u01c4-\u01cc\u01f1-\u01f3]/.test(character);
  if (digraph) return digraphs[upperRune(character)] ?? character;
  return /\p{Script=Georgian}/u.test(character) ? character : upperRune(character);
}

const digraphs: Readonly<Record<string, string>> = {
  "\u01c4": "\u01c5",
  "\u01c7": "\u01c8",
  "\u01ca": "\u01cb",
  "\u01f1": "\u01f2",
};

/** One character to its small letter. */
export function lowerRune(character: string): string {
  return [...character.toLowerCase()][0] ?? character;
}

/** `strings.Title`: a capital for each letter after what is neither letter, digit, underscore nor mark. */
export function titleCase(text: string): string {
  let previous = " ";
  return Array.from(text, (character) => {
    const starts = isSeparator(previous);
    previous = character;
    return starts ? titleRune(character) : character;
  }).join("");
}

/** A small letter at the start of each word (goutils' `Uncapitalize`). */
export function uncapitalize(text: string): string {
  let starts = true;
  return Array.from(text, (character) => {
    if (space.test(character)) {
      starts = true;
      return character;
    }
    const result = starts ? lowerRune(character) : character;
    starts = false;
    return result;
  }).join("");
}

/** Capitals to small letters and back; a small letter that starts a word becomes its title case. */
export function swapCase(text: string): string {
  let afterSpace = true;
  return Array.from(text, (character) => {
    if (upper.test(character) || titled.test(character)) {
      afterSpace = false;
      return lowerRune(character);
    }
    if (lower.test(character)) {
      const starts = afterSpace;
      afterSpace = false;
      return starts ? titleRune(character) : upperRune(character);
    }
    afterSpace = space.test(character);
    return character;
  }).join("");
}

/** goutils looks at bytes as if they were characters, so what is no ASCII comes out as Latin-1 when anything was cut. */
export function withoutSpace(text: string): string {
  const bytes = encodeGoString(text);
  const kept = bytes.filter((byte) => !isSpaceByte(byte));
  return kept.length === bytes.length ? text : String.fromCharCode(...kept);
}

/** The first byte of each word, as a character. */
export function initials(text: string): string {
  const letters: string[] = [];
  let afterSpace = true;
  for (const byte of encodeGoString(text)) {
    if (isSpaceByte(byte)) afterSpace = true;
    else if (afterSpace) {
      letters.push(String.fromCharCode(byte));
      afterSpace = false;
    }
  }
  return letters.join("");
}

/** A text cut to a width in bytes, with `...` where something is missing; `offset` is where it begins. */
export function abbreviate(text: string, offset: number, width: number): string {
  const length = byteLength(text);
  if (text === "" || length <= width) return text;
  const start = Math.min(Math.min(offset, length), length - (width - 3));
  if (start <= 4) return `${byteSlice(text, 0, width - 3)}...`;
  // goutils returns an error here, which Sprig drops.
  if (width < 7) return "";
  if (start + width - 3 >= length) return `...${byteSlice(text, length - (width - 3), length)}`;
  return `...${abbreviate(byteSlice(text, start, length), 0, width - 3)}`;
}

/** How {@link wrap} breaks lines. */
interface Wrapping {
  /** In bytes; below 1 counts as 1. */
  readonly width: number;
  /** Empty for a line feed. */
  readonly lineEnd: string;
  readonly cutsWords: boolean;
}

/** Breaks a text at spaces so that its lines are no longer than the width. */
export function wrap(text: string, wrapping: Wrapping, world: World): string {
  const bytes = encodeGoString(text);
  const width = Math.max(wrapping.width, 1);
  const lineEnd = wrapping.lineEnd === "" ? "\n" : wrapping.lineEnd;
  checkLength(text.length + Math.ceil(bytes.length / width) * lineEnd.length, world);
  const lines: string[] = [];
  let at = 0;
  while (bytes.length - at > width) {
    if (bytes[at] === 0x20) {
      at++;
      continue;
    }
    const space = bytes.subarray(at, at + width + 1).lastIndexOf(0x20);
    if (space < 0 && wrapping.cutsWords) {
      lines.push(decodeGoString(bytes.subarray(at, at + width)));
      at += width;
      continue;
    }
    const end = space < 0 ? bytes.indexOf(0x20, at + width) : at + space;
    if (end < 0) break;
    lines.push(decodeGoString(bytes.subarray(at, end)));
    at = end + 1;
  }
  lines.push(decodeGoString(bytes.subarray(at)));
  return lines.join(lineEnd);
}

function isSeparator(character: string): boolean {
  if (/^[\0-\x7f]$/.test(character)) return !/\w/.test(character);
  return !/[\p{L}\p{Nd}]/u.test(character) && space.test(character);
}

function isSpaceByte(byte: number): boolean {
  return (byte >= 9 && byte <= 13) || byte === 0x20 || byte === 0x85 || byte === 0xa0;
}
