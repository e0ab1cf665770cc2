import { endOfLine, isBlank, isBreak } from "./yaml-comment-lines.ts";
import { isMarker, isSpaceOrEnd, nextLine, skipBlanks, startOfText } from "./yaml-scan.ts";
import type { Span } from "./yaml-syntax.ts";

/**
 * The same text with every bracketed mapping or list, and every quoted text, on one line: line breaks and comments
 * in them become blanks, so that all offsets stay.
 *
 * js-yaml wants each of their lines indented deeper than the key they belong to, closing bracket included. Most
 * people write the bracket below the key, and go-yaml does not care.
 */
export function joinFlowLines(text: string): string {
  const reader = new BlockReader(text);
  reader.run();
  const parts: string[] = [];
  let end = 0;
  for (const span of reader.spaces) {
    parts.push(text.slice(end, span.start), " ".repeat(span.end - span.start));
    end = span.end;
  }
  parts.push(text.slice(end));
  return parts.join("");
}

/** Goes through the lines of a YAML text far enough to know where brackets and quotes are not part of a text. */
class BlockReader {
  readonly spaces: Span[] = [];
  readonly #text: string;
  /** The columns of the keys and dashes that are open, outermost first. */
  readonly #columns: number[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  run(): void {
    this.#at = startOfText(this.#text);
    while (this.#at < this.#text.length) this.#readLine();
  }

  get #parent(): number {
    return this.#columns.at(-1) ?? -1;
  }

  #readLine(): void {
    const start = this.#at;
    if (this.#text[start] === "%") {
      this.#at = nextLine(this.#text, start);
      return;
    }
    if (isMarker(this.#text, start, "---") || isMarker(this.#text, start, "...")) {
      this.#columns.length = 0;
      this.#at += 3;
    }
    this.#at = skipBlanks(this.#text, this.#at);
    if (!isSpaceOrEnd(this.#text, this.#at) && this.#text[this.#at] !== "#") {
      const column = this.#at - start;
      while (this.#parent >= column) this.#columns.pop();
      while (this.#readNode(start));
    }
    this.#at = nextLine(this.#text, this.#at);
  }

  /** Reads one thing of a line. Returns whether another may follow. */
  #readNode(line: number): boolean {
    this.#at = skipBlanks(this.#text, this.#at);
    const start = this.#at;
    const character = this.#text[start] ?? "";
    if (start >= this.#text.length || isBreak(character.charCodeAt(0)) || character === "#") return false;
    if ("-?:".includes(character) && isSpaceOrEnd(this.#text, start + 1)) {
      this.#columns.push(start - line);
      this.#at++;
      return true;
    }
    if (character === "&" || character === "!") {
      while (!isSpaceOrEnd(this.#text, this.#at)) this.#at++;
      return true;
    }
    if (character === "|" || character === ">") return this.#skipBlockScalar();
    if (character === "[" || character === "{") this.#at = readFlow(this.#text, start, this.spaces);
    else if (character === '"' || character === "'") this.#at = readQuoted(this.#text, start, this.spaces);
    else return this.#readPlain(line);
    return this.#readColon(line, start);
  }

  #readColon(line: number, key: number): boolean {
    this.#at = skipBlanks(this.#text, this.#at);
    if (this.#text[this.#at] !== ":" || !isSpaceOrEnd(this.#text, this.#at + 1)) return false;
    this.#columns.push(key - line);
    this.#at++;
    return true;
  }

  #readPlain(line: number): boolean {
    const start = this.#at;
    for (; this.#at < this.#text.length; this.#at++) {
      const unit = this.#text.charCodeAt(this.#at);
      if (isBreak(unit)) break;
      if (unit === 0x23 && isBlank(this.#text.charCodeAt(this.#at - 1))) return false;
      if (unit === 0x3a && isSpaceOrEnd(this.#text, this.#at + 1)) return this.#readColon(line, start);
    }
    this.#skipDeeperLines((at) => this.#text[at] !== "#");
    return false;
  }

  #skipBlockScalar(): false {
    this.#skipDeeperLines(() => true);
    return false;
  }

  /** Goes to the end of the last line that belongs to the text that this line began. */
  #skipDeeperLines(belongs: (at: number) => boolean): void {
    let end = this.#at;
    for (let line = nextLine(this.#text, end); line < this.#text.length; line = nextLine(this.#text, line)) {
      const at = skipBlanks(this.#text, line);
      const isEmpty = isSpaceOrEnd(this.#text, at);
      if (!isEmpty && (at - line <= this.#parent || !belongs(at))) break;
      if (isMarker(this.#text, line, "---") || isMarker(this.#text, line, "...")) break;
      if (!isEmpty) end = at;
    }
    this.#at = end;
  }
}

function readQuoted(text: string, start: number, spaces: Span[]): number {
  const quote = text[start];
  let at = start + 1;
  for (; at < text.length; at++) {
    if (isBreak(text.charCodeAt(at))) spaces.push({ start: at, end: at + 1 });
    else if (quote === '"' && text[at] === "\\" && !isBreak(text.charCodeAt(at + 1))) at++;
    else if (text[at] === quote && (quote === '"' || text[at + 1] !== quote)) return at + 1;
    else if (text[at] === quote) at++;
  }
  return at;
}

function readFlow(text: string, start: number, spaces: Span[]): number {
  let depth = 0;
  let isInPlain = false;
  let at = start;
  while (at < text.length) {
    const character = text[at] ?? "";
    if ("[]{},".includes(character)) {
      isInPlain = false;
      depth += depthChange(character);
      at++;
      if (depth === 0) return at;
    } else if (isSpaceOrEnd(text, at) || startsComment(text, at)) {
      at = skipToNext(text, at, spaces);
    } else if (!isInPlain && (character === '"' || character === "'")) {
      at = readQuoted(text, at, spaces);
    } else {
      // Quotes inside of a text without quotes are a part of it.
      isInPlain =
        character === ":" ? isInPlain && !isColon(text, at + 1) : isInPlain || !"&!*".includes(character);
      at++;
    }
  }
  return at;
}

function depthChange(character: string): number {
  if (character === ",") return 0;
  return character === "[" || character === "{" ? 1 : -1;
}

function startsComment(text: string, at: number): boolean {
  return text[at] === "#" && isSpaceOrEnd(text, at - 1);
}

/** Passes a blank, a line break or a comment. */
function skipToNext(text: string, at: number, spaces: Span[]): number {
  const end = text[at] === "#" ? endOfLine(text, at) : at + 1;
  if (!isBlank(text.charCodeAt(at))) spaces.push({ start: at, end });
  return end;
}

function isColon(text: string, next: number): boolean {
  return isSpaceOrEnd(text, next) || ",[]{}\"'".includes(text[next] ?? "");
}
