import { isBlank, isBreak } from "./yaml-comment-lines.ts";

/** The first offset from `offset` on that is neither blank nor line break nor inside a comment. */
export function skipSpace(text: string, offset: number): number {
  let at = offset;
  while (at < text.length) {
    const unit = text.charCodeAt(at);
    if (unit === 0x23 && (at === 0 || isSpace(text.charCodeAt(at - 1)))) {
      while (at < text.length && !isBreak(text.charCodeAt(at))) at++;
    } else if (isSpace(unit) || unit === 0xfeff) {
      at++;
    } else {
      break;
    }
  }
  return at;
}

/** The first offset from `offset` on that is not blank. */
export function skipBlanks(text: string, offset: number): number {
  let at = offset;
  while (at < text.length && isBlank(text.charCodeAt(at))) at++;
  return at;
}

/** Where the line that holds an offset begins. A byte order mark stands before the first line. */
export function lineStart(text: string, offset: number): number {
  let at = offset;
  while (at > 0 && !isBreak(text.charCodeAt(at - 1))) at--;
  return at === 0 ? Math.min(startOfText(text), offset) : at;
}

/** Where the text begins behind its byte order mark. */
export function startOfText(text: string): number {
  return text.charCodeAt(0) === 0xfeff ? 1 : 0;
}

/** Where the line behind the one that holds an offset begins, or the end of the text. */
export function nextLine(text: string, offset: number): number {
  let at = offset;
  while (at < text.length && !isBreak(text.charCodeAt(at))) at++;
  if (text.charCodeAt(at) === 0x0d && text.charCodeAt(at + 1) === 0x0a) return at + 2;
  return Math.min(at + 1, text.length);
}

/** Whether the last line of a text has its line break. */
export function endsWithBreak(text: string): boolean {
  return isBreak(text.charCodeAt(text.length - 1));
}

/** The end of a stretch of text without the line break that it ends with. */
export function withoutBreak(text: string, end: number): number {
  if (text[end - 1] === "\n") return text[end - 2] === "\r" ? end - 2 : end - 1;
  return text[end - 1] === "\r" ? end - 1 : end;
}

function isSpace(unit: number): boolean {
  return isBlank(unit) || isBreak(unit);
}

/**
 * Where the content of a document may begin: behind `---` when it has one, else behind the document before it and
 * what ends that.
 *
 * @param offset - Where the content of the document before ends.
 */
export function startOfContent(
  text: string,
  offset: number,
  { explicitStart }: { explicitStart: boolean },
): number {
  let at = skipSpace(text, offset);
  while (at < text.length && (isMarker(text, at, "...") || text[at] === "%")) {
    // Nothing but comments stands behind an end marker, and a directive has its line for itself.
    at = skipSpace(text, text[at] === "%" ? nextLine(text, at) : at + 3);
  }
  return explicitStart ? at + 3 : at;
}

/** Whether `---` or `...` stands at an offset. */
export function isMarker(text: string, offset: number, marker: "---" | "..."): boolean {
  if (!text.startsWith(marker, offset) || lineStart(text, offset) !== offset) return false;
  return isSpaceOrEnd(text, offset + 3);
}

/** Whether nothing, a blank or a line break stands at an offset. */
export function isSpaceOrEnd(text: string, offset: number): boolean {
  return offset >= text.length || isSpace(text.charCodeAt(offset));
}
