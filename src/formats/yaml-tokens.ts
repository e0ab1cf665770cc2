import { type Event, SCALAR_STYLE, type ScalarEvent } from "js-yaml";
import { type CommentGroup, endOfLine, isBlank, isBreak, splitGap } from "./yaml-comment-lines.ts";
import { NodeEvents } from "./yaml-node-events.ts";
import { isSpaceOrEnd, startOfText } from "./yaml-scan.ts";
import { wordEnd } from "./yaml-word.ts";

/** A token as far as comments care: where it stands, and which node begins, ends or is there. */
export interface Token {
  readonly kind:
    | "block-start"
    | "block-end"
    | "flow-start"
    | "flow-end"
    | "scalar"
    | "dash"
    | "colon"
    | "comma"
    | "other"
    | "document-start"
    | "document-end"
    | "stream-end";
  readonly start: number;
  readonly event: Event | undefined;
}

interface Block {
  readonly indent: number;
  readonly event: Event | undefined;
}

/**
 * Goes through a text that js-yaml has accepted once more, token by token, and collects the comments between tokens
 * with the token each belongs to. js-yaml's events tell where the scalars are and carry no comments.
 */
export class TokenWalk {
  readonly tokens: Token[] = [];
  readonly comments: CommentGroup[] = [];
  readonly #text: string;
  readonly #firstBreak: number;
  readonly #hasCrlf: boolean;
  readonly #events: NodeEvents;
  #at = 0;
  #newlines = 0;
  #searched = 0;
  #lineStart = 0;
  readonly #indents: Block[] = [];
  #flowLevel = 0;

  constructor(text: string, events: readonly Event[]) {
    this.#text = text;
    this.#firstBreak = endOfLine(text, 0);
    this.#hasCrlf = text.includes("\r\n");
    this.#lineStart = startOfText(text);
    this.#events = new NodeEvents(text, events);
  }

  /** Reads to the end of the text. */
  run(): void {
    while (this.#at < this.#text.length || this.tokens.length === 0) {
      const gapStart = this.#at;
      this.#skipGap(gapStart);
      const isAtEnd = this.#at >= this.#text.length;
      // At the end the last key of an encrypted file would begin a line.
      this.#endBlocks(isAtEnd ? 0 : this.#columnOf(this.#at), gapStart);
      if (isAtEnd) break;
      this.#readToken();
    }
    this.#endBlocks(-1, this.#text.length);
    this.#push("stream-end", this.#text.length);
  }

  get #indent(): number {
    return this.#indents.at(-1)?.indent ?? -1;
  }

  #push(kind: Token["kind"], start: number, event?: Event): void {
    this.tokens.push({ kind, start, event });
  }

  #unit(offset: number = this.#at): number {
    return offset < this.#text.length ? this.#text.charCodeAt(offset) : 0;
  }

  /** Columns are asked for from left to right, so that the text is searched for line breaks only once. */
  #columnOf(offset: number): number {
    for (; this.#searched < offset; this.#searched++) {
      if (isBreak(this.#text.charCodeAt(this.#searched))) this.#lineStart = this.#searched + 1;
    }
    return offset - this.#lineStart;
  }

  /** Passes blanks, line breaks and comments. */
  #skipGap(gapStart: number): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const unit = this.#unit();
      if (unit === 0x23) this.#readComments(gapStart);
      else if (isBreak(unit)) this.#countBreak(unit);
      else if (!isBlank(unit) && unit !== 0xfeff) return;
    }
  }

  #countBreak(unit: number): void {
    if (unit === 0x0d && this.#unit(this.#at + 1) === 0x0a) return;
    this.#newlines++;
  }

  #readComments(gapStart: number): void {
    const last = this.tokens.at(-1);
    const token = last?.kind === "comma" ? this.tokens.at(-2) : last;
    const { groups, end } = splitGap(this.#text, this.#at, {
      start: gapStart,
      onFirstLine: gapStart <= this.#firstBreak,
      newlines: this.#newlines,
      column: this.#columnOf(this.#at),
      indent: this.#indent,
      inFlow: this.#flowLevel > 0,
      hasCrlf: this.#hasCrlf,
      token: token?.start ?? 0,
      afterColon: token?.kind === "colon",
    });
    this.comments.push(...groups);
    this.#newlines = 0;
    // The caller steps on by one.
    this.#at = end - 1;
  }

  /**
   * Closes the blocks that are deeper than a column. A block reaches to the comments at its own column that stand
   * in the gap before the next token, so that these do not become part of the blocks around it.
   */
  #endBlocks(column: number, gapStart: number): void {
    if (this.#flowLevel > 0) return;
    let end = gapStart - 1;
    for (let block = this.#indents.at(-1); block && block.indent > column; block = this.#indents.at(-1)) {
      let reach = end;
      for (let index = this.comments.length - 1; index >= 0; index--) {
        const group = this.comments[index];
        if (!group || group.kind === "line" || group.gapEnd < reach) break;
        if (group.column === block.indent) end = group.lines[0]?.start ?? end;
        reach = group.gapStart;
      }
      this.#push("block-end", end, block.event);
      this.#indents.pop();
    }
  }

  #readToken(): void {
    const start = this.#at;
    const before = this.tokens.at(-1);
    const kind = this.#step(start);
    if (kind === "dash" || kind === "marker") return;
    const joins = this.#flowLevel > 0 ? "comma" : "colon";
    this.#readLineComment(kind === joins ? (before?.start ?? start) : start);
  }

  #step(start: number): Token["kind"] | "marker" {
    this.#startBlocks(start);
    const scalar = this.#events.takeScalarAt(start);
    if (scalar) return this.#readScalar(scalar, start);
    const unit = this.#unit();
    const column = this.#columnOf(start);
    if (column === 0 && unit === 0x25) return this.#readMarker(endOfLine(this.#text, start), "other");
    if (column === 0 && isSpaceOrEnd(this.#text, start + 3)) {
      const word = this.#text.slice(start, start + 3);
      if (word === "---") return this.#readMarker(start + 3, "document-start");
      if (word === "...") return this.#readMarker(start + 3, "document-end");
    }
    this.#newlines = 0;
    switch (unit) {
      case 0x5b:
      case 0x7b:
        this.#flowLevel++;
        return this.#take("flow-start", 1, this.#events.takeFlow());
      case 0x5d:
      case 0x7d:
        this.#flowLevel--;
        return this.#take("flow-end", 1);
      case 0x2c:
        return this.#take("comma", 1);
      case 0x2d:
        return this.#take("dash", 1);
      case 0x3a:
        return this.#take("colon", 1);
      case 0x3f:
        return this.#take("other", 1);
      case 0x2a:
        return this.#take("scalar", this.#wordLength(), this.#events.takeAlias());
      case 0x7c:
      case 0x3e:
        return this.#readBlockScalar(start);
      default:
        return this.#take("other", this.#wordLength());
    }
  }

  #take(kind: Token["kind"], length: number, event?: Event): Token["kind"] {
    this.#push(kind, this.#at, event);
    this.#at += length;
    return kind;
  }

  #wordLength(): number {
    return wordEnd(this.#text, this.#at, { inFlow: this.#flowLevel > 0 }) - this.#at;
  }

  #readMarker(end: number, kind: Token["kind"]): "marker" {
    if (kind !== "other") this.#endBlocks(-1, this.#at);
    this.#push(kind, this.#at);
    this.#at = end;
    this.#newlines = 0;
    return "marker";
  }

  #startBlocks(start: number): void {
    const block = this.#events.takeBlockAt(start);
    if (block === undefined) return;
    const column = this.#columnOf(start);
    // A list at its key's column opens no block of its own.
    if (this.#indent >= column) return;
    this.#indents.push({ indent: column, event: block });
    this.#push("block-start", start, block);
  }

  #readScalar(scalar: ScalarEvent, start: number): "scalar" {
    this.#push("scalar", start, scalar);
    this.#newlines = 0;
    const isPlain = scalar.style === SCALAR_STYLE.PLAIN;
    this.#at = scalar.valueEnd + (isPlain ? 0 : 1);
    if (isPlain) this.#passBlanks();
    return "scalar";
  }

  #readBlockScalar(start: number): "scalar" {
    const scalar = this.#events.takeBlockScalar();
    this.#push("scalar", start, scalar);
    const header = endOfLine(this.#text, start);
    while (this.#at < header && this.#unit() !== 0x23) this.#at++;
    this.#readLineComment(start);
    let end = Math.max(scalar?.valueEnd ?? header, this.#at);
    while (end > this.#at && (isBlank(this.#unit(end - 1)) || isBreak(this.#unit(end - 1)))) end--;
    this.#at = end;
    this.#newlines = 0;
    this.#passBlanks();
    return "scalar";
  }

  /** The scanner of go-yaml reads on behind a plain or block scalar to see whether it goes on. */
  #passBlanks(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const unit = this.#unit();
      if (isBreak(unit)) this.#countBreak(unit);
      else if (!isBlank(unit)) return;
    }
  }

  #readLineComment(from: number): void {
    if (this.#newlines > 0) return;
    let at = this.#at;
    while (isBlank(this.#unit(at))) at++;
    if (this.#unit(at) !== 0x23) return;
    const end = endOfLine(this.#text, at);
    const lines = [{ kind: "comment", start: at, end, inline: false }] as const;
    this.comments.push({ kind: "line", lines, from, column: 0, gapStart: at, gapEnd: end });
    this.#at = end;
  }
}
