import type { CommentSyntax } from "./yaml-syntax.ts";

/** Lines of comments; `undefined` stands for blank lines between them. */
export type CommentLines = readonly (CommentSyntax | undefined)[];

/**
 * Comments that stand together, and the place from which on they may be claimed: the first token that starts at
 * `from` or later takes them.
 */
export interface CommentGroup {
  readonly kind: "head" | "line" | "foot";
  readonly lines: CommentLines;
  readonly from: number;
  /** The column of the first `#`, from 0. */
  readonly column: number;
  /** The gap between tokens that the group was found in, as far as it had not been claimed by an earlier group. */
  readonly gapStart: number;
  readonly gapEnd: number;
}

/** What is known about the place of a comment when it is met: the text before it has been read. */
export interface GapState {
  /** Where the gap begins: behind the token before it. */
  readonly start: number;
  /** The gap begins on the first line of the file. */
  readonly onFirstLine: boolean;
  /** Line breaks since the last character that is not blank. */
  readonly newlines: number;
  /** The column of the first `#`, from 0. */
  readonly column: number;
  /** The indentation of the innermost block. */
  readonly indent: number;
  readonly inFlow: boolean;
  /** Lines of the file end with CRLF; so will its last one when more comes behind it. */
  readonly hasCrlf: boolean;
  /** The start of the token that a foot comment belongs to. */
  readonly token: number;
  /** The token before is the colon of a mapping: nothing below it can be its foot. */
  readonly afterColon: boolean;
}

export function isBlank(unit: number): boolean {
  return unit === 0x20 || unit === 0x09;
}

export function isBreak(unit: number): boolean {
  return unit === 0x0a || unit === 0x0d;
}

/** Where the line that holds an offset ends, without its break. */
export function endOfLine(text: string, offset: number): number {
  let end = offset;
  while (end < text.length && !isBreak(text.charCodeAt(end))) end++;
  return end;
}

/**
 * Splits the comments of one gap between tokens as go-yaml does, because the additional data of an encrypted comment
 * is the path of the mapping or list that go-yaml puts it into:
 *
 *     key: value
 *     # right below the value and before a blank line: a foot of the value
 *
 *     # everything else is the head of what follows,
 *       # unless a line is indented otherwise than what follows: then it ends with a foot
 *     key: value
 *
 * Its rules are kept with their edges: in a file with CRLF every comment counts as followed by a blank line. Only the
 * end of the file is taken for a key at the left margin, which go-yaml takes for a blank line: when the file gets
 * encrypted a key will stand there, and the comments above must not belong elsewhere then.
 *
 * @param offset - Where the first `#` stands.
 * @returns The groups in the order of the text, and the end of the last comment.
 */
export function splitGap(
  text: string,
  offset: number,
  gap: GapState,
): { groups: CommentGroup[]; end: number } {
  return new GapReader(text, gap).read(offset);
}

const hash = 0x23;

class GapReader {
  readonly #text: string;
  readonly #gap: GapState;
  readonly #indent: number;
  readonly #groups: CommentGroup[] = [];
  #lines: (CommentSyntax | undefined)[] = [];
  #from: number;
  #gapStart: number;
  #groupStart = 0;
  #groupColumn = 0;
  #groupLine = 0;
  #unbroken: boolean;

  constructor(text: string, gap: GapState) {
    this.#text = text;
    this.#gap = gap;
    this.#indent = Math.max(gap.indent, 0);
    this.#from = gap.token;
    this.#gapStart = gap.start;
    this.#unbroken = gap.newlines <= 1;
  }

  read(offset: number): { groups: CommentGroup[]; end: number } {
    let at = offset;
    let column = this.#gap.column;
    // Lines count from the first comment. The line of a later group is that of the comment above it.
    let line = 0;
    let actualLine = 0;
    for (;;) {
      if (this.#lines.length === 0) this.#startGroup(at, column, line);
      const end = endOfLine(this.#text, at);
      this.#lines.push({ kind: "comment", start: at, end, inline: false });
      line = actualLine;
      const next = this.#skipToNext(end);
      if (!next.comment) {
        this.#close("head", next.at - 1, this.#groupStart);
        return { groups: this.#groups, end };
      }
      actualLine += countBreaks(this.#text, end, next.at);
      if (next.blankLines > 0) line += next.blankLines;
      ({ at, column } = next);
    }
  }

  #startGroup(at: number, column: number, line: number): void {
    this.#groupStart = at;
    this.#groupColumn = column;
    this.#groupLine = line;
  }

  #skipToNext(end: number): { comment: boolean; at: number; column: number; blankLines: number } {
    let column = -1;
    let blankLines = 0;
    if (end === this.#text.length && this.#gap.hasCrlf) {
      this.#meetBlank(end, false);
      this.#unbroken = false;
      blankLines++;
    }
    // The break behind the comment is not looked at, only what follows its first unit.
    for (let at = end + 1; ; at++) {
      column++;
      const unit = at < this.#text.length ? this.#text.charCodeAt(at) : 0;
      if (isBlank(unit)) continue;
      const closesFlow = this.#gap.inFlow && (unit === 0x5d || unit === 0x7d);
      if (blankLines === 0 || closesFlow) this.#meetEnd(at, unit, closesFlow);
      if (!isBreak(unit)) return this.#meetContent({ at, column, blankLines }, unit);
      this.#unbroken = false;
      blankLines++;
      column = -1;
    }
  }

  #meetEnd(at: number, unit: number, closesFlow: boolean): void {
    if (closesFlow || isBreak(unit)) this.#meetBlank(at, closesFlow);
  }

  #meetContent(
    place: { at: number; column: number; blankLines: number },
    unit: number,
  ): { comment: boolean; at: number; column: number; blankLines: number } {
    const isElsewhere = place.column < this.#indent && place.column !== this.#groupColumn;
    if (this.#lines.length > 0 && isElsewhere) this.#close("foot", place.at, this.#from);
    return { comment: unit === hash, ...place };
  }

  #meetBlank(at: number, closesFlow: boolean): void {
    const dedented = this.#groupColumn < this.#indent;
    const belowToken = this.#groupLine === this.#footLine() && !this.#gap.afterColon;
    if (closesFlow || (this.#unbroken && (belowToken || dedented))) {
      this.#close("foot", at, dedented ? this.#groupStart : this.#from);
    } else if (this.#lines.length > 0) {
      this.#lines.push(undefined);
    }
  }

  /** The line on which a comment must begin to be a foot, counted from the first comment of the gap. */
  #footLine(): number {
    const { newlines, column, onFirstLine } = this.#gap;
    if (onFirstLine) return Number.NaN;
    return 1 - newlines + (newlines === 0 && column > 1 ? 1 : 0);
  }

  #close(kind: "head" | "foot", end: number, from: number): void {
    if (this.#lines.length === 0) return;
    this.#groups.push({
      kind,
      lines: this.#lines,
      from,
      column: this.#groupColumn,
      gapStart: this.#gapStart,
      gapEnd: end,
    });
    this.#lines = [];
    this.#gapStart = end;
    this.#from = end;
  }
}

function countBreaks(text: string, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0x0a || (unit === 0x0d && text.charCodeAt(at + 1) !== 0x0a)) count++;
  }
  return count;
}
