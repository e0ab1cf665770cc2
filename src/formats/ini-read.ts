import type { KsealError } from "../errors.ts";
import { findKey } from "./ini-key.ts";
import { type IniStyle, isQuoted, leadingSpace, trim } from "./ini-value.ts";
import { invalid, linesOf } from "./source-text.ts";

/** A stretch of the text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The comment of a key or section: the lines above it and what stands behind it, as one text. */
export interface IniComment {
  /** Without the first marker; further lines keep theirs. */
  readonly text: string;
  /** The first marker with the blanks behind it: `; `. */
  readonly marker: string;
  readonly above: Span | undefined;
  readonly inline: Span | undefined;
}

/** A key, or the header of a section. */
interface Element {
  readonly name: string;
  readonly comment: IniComment | undefined;
  /** From the end of the element before, so that the chunks of a file make up the whole text. */
  readonly chunk: Span;
  /** Where the element's own line begins. */
  readonly lineStart: number;
}

export interface IniKey extends Element {
  readonly value: string;
  readonly style: IniStyle;
  /** The value with its quotes. */
  readonly valueSpan: Span;
  /** The name with its quotes. */
  readonly nameSpan: Span;
}

/** A section. The first of every file is `DEFAULT`, has no header, and may be empty. */
export interface IniSection extends Element {
  readonly keys: readonly IniKey[];
}

/** Something that SOPS drops silently. */
interface IniLoss {
  readonly offset: number;
  readonly problem: string;
  readonly hint: string | undefined;
}

export interface IniText {
  readonly sections: readonly IniSection[];
  /** The comment at the end of the file, which belongs to nothing. */
  readonly tail: { readonly comment: IniComment | undefined; readonly chunk: Span };
  readonly losses: readonly IniLoss[];
  /** The lines on which keys stand that their section has already. */
  readonly duplicates: readonly { readonly key: string; readonly line: number }[];
  /** The lines with a comment behind a bare value. */
  readonly inlineComments: readonly number[];
}

/**
 * Reads an INI file as SOPS does, which is as `gopkg.in/ini.v1` does: `#` and `;` begin a comment anywhere outside
 * of `` ` `` and `"""`, a backslash at the end continues the line, `=` and `:` separate.
 *
 * @throws KsealError `FORMAT_INVALID` with the line, never with what stands on it.
 */
export function readIni(text: string): IniText {
  return new IniReader(text).readFile();
}

interface OpenSection {
  readonly header: Element;
  readonly keys: Map<string, IniKey>;
}

interface ReadValue {
  readonly value: string;
  readonly style: IniStyle;
  readonly span: Span;
}

class IniReader {
  readonly #text: string;
  readonly #losses: IniLoss[] = [];
  readonly #duplicates: { key: string; offset: number }[] = [];
  readonly #inlineComments: number[] = [];
  /** The start of the next line. */
  #at = 0;
  #chunkStart = 0;
  #unnamedKeys = 0;
  #comment = "";
  #above: Span | undefined;
  #inline: Span | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  readFile(): IniText {
    const nowhere = { start: 0, end: 0 };
    const sections: OpenSection[] = [
      {
        header: { name: "DEFAULT", comment: undefined, chunk: nowhere, lineStart: 0 },
        keys: new Map(),
      },
    ];
    if (this.#text.startsWith("\ufeff")) this.#at = this.#chunkStart = 1;
    while (this.#at < this.#text.length) {
      const { start, end } = this.#nextLine();
      const line = this.#text.slice(start, end);
      const skipped = leadingSpace(line);
      const first = line[skipped];
      if (first === "#" || first === ";") this.#addLine(start + skipped, end);
      else if (first === "[") sections.push(this.#readHeader(start, start + skipped, end));
      else if (first !== undefined)
        this.#readKey(sections.at(-1)?.keys ?? new Map(), start, start + skipped, end);
    }
    const chunk = { start: this.#chunkStart, end: this.#text.length };
    const duplicateLines = linesOf(
      this.#text,
      this.#duplicates.map(({ offset }) => offset),
    );
    return {
      sections: sections.map(({ header, keys }) => ({ ...header, keys: [...keys.values()] })),
      tail: { comment: this.#takeComment(), chunk },
      losses: this.#losses,
      duplicates: this.#duplicates.map(({ key }, index) => ({ key, line: duplicateLines[index] ?? 1 })),
      inlineComments: linesOf(this.#text, this.#inlineComments),
    };
  }

  #readHeader(lineStart: number, start: number, end: number): OpenSection {
    const line = this.#text.slice(start, end);
    const close = line.lastIndexOf("]");
    if (close === -1) throw this.#invalid(start, "the section has no closing bracket");
    const name = line.slice(1, close);
    if (name === "") throw this.#invalid(start, "the section has no name");
    this.#addBehind(start + close + 1, end, "the section's closing bracket");
    const header = { name, comment: this.#takeComment(), chunk: this.#takeChunk(), lineStart };
    this.#unnamedKeys = 0;
    return { header, keys: new Map() };
  }

  #readKey(keys: Map<string, IniKey>, lineStart: number, start: number, end: number): void {
    const found = findKey(this.#text.slice(start, end));
    if (typeof found === "string") throw this.#invalid(start, found);
    // A dash is a key without a name, which gets a number.
    const name = found.name === "-" ? `#${++this.#unnamedKeys}` : found.name;
    if (name === "") throw this.#invalid(start, "the key has no name");
    const { value, style, span } = this.#readValue(start + found.valueAt, end);
    if (keys.has(name)) this.#duplicates.push({ key: name, offset: start });
    keys.set(name, {
      name,
      value,
      style,
      valueSpan: span,
      nameSpan: { start, end: start + found.end },
      comment: this.#takeComment(),
      chunk: this.#takeChunk(),
      lineStart,
    });
  }

  #readValue(from: number, end: number): ReadValue {
    const line = this.#text.slice(from, end);
    const skipped = leadingSpace(line);
    if (skipped === line.length) {
      const blanks = /^[ \t]*/.exec(line)?.[0].length ?? 0;
      return { value: "", style: "", span: { start: from + blanks, end: from + blanks } };
    }
    const start = from + skipped;
    const raw = line.slice(skipped);
    if (raw.length > 3 && raw.startsWith('"""')) return this.#readQuoted(start, end, '"""');
    if (raw.startsWith("`")) return this.#readQuoted(start, end, "`");
    const trimmed = trim(raw);
    if (trimmed.endsWith("\\")) return this.#readContinued(start, trimmed);
    const marker = trimmed.search(/[#;]/);
    const bare = marker === -1 ? trimmed : trim(trimmed.slice(0, marker));
    if (marker !== -1) this.#cutAt(start, start + marker, bare, trimmed.length - marker);
    const style = isQuoted(bare, "'") ? "'" : isQuoted(bare, '"') ? '"' : "";
    const value = style === "" ? bare : bare.slice(1, -1);
    return { value, style, span: { start, end: start + bare.length } };
  }

  /** A value that ends at `#` or `;`: a comment when a blank stands before it, and otherwise half a password. */
  #cutAt(start: number, marker: number, bare: string, length: number): void {
    const isApart = leadingSpace(this.#text.charAt(marker - 1)) > 0;
    const isWhole = !/^["']/.test(bare) || isQuoted(bare, bare.charAt(0));
    if (isApart && isWhole) this.#inlineComments.push(marker);
    else {
      this.#lose(start, "the value would be cut at # or ;", "put it between backticks: key = `a#b`");
    }
    this.#comment += this.#text.slice(marker, marker + length);
    this.#inline = { start: marker, end: marker + length };
  }

  /** A value between `` ` `` or `"""`, perhaps over several lines. */
  #readQuoted(start: number, end: number, quote: "`" | '"""'): ReadValue {
    const open = start + quote.length;
    const close = this.#text.slice(open, end).lastIndexOf(quote);
    if (close !== -1) {
      const behind = open + close + quote.length;
      if (trim(this.#text.slice(behind, end)) !== "") {
        this.#lose(
          behind,
          "what stands behind the closing quote would be lost",
          "put it on a line of its own",
        );
      }
      return { value: this.#text.slice(open, open + close), style: quote, span: { start, end: behind } };
    }
    while (this.#at < this.#text.length) {
      const next = this.#nextLine();
      const line = this.#text.slice(next.start, next.end);
      const at = line.lastIndexOf(quote);
      // A backslash behind the quote makes the line go on.
      if (at === -1 || trim(line.slice(at + quote.length)).endsWith("\\")) continue;
      const behind = next.start + at + quote.length;
      this.#addBehind(behind, next.end, "the closing quote");
      return { value: this.#text.slice(open, next.start + at), style: quote, span: { start, end: behind } };
    }
    throw this.#invalid(start, "the value has no closing quote: the file was cut off");
  }

  #readContinued(start: number, firstLine: string): ReadValue {
    let value = firstLine.slice(0, -1);
    let end = start + firstLine.length;
    while (this.#at < this.#text.length) {
      const next = this.#nextLine();
      const line = this.#text.slice(next.start, next.end);
      const part = trim(line);
      if (part === "") break;
      value += part;
      end = next.start + leadingSpace(line) + part.length;
      if (!value.endsWith("\\")) break;
      value = value.slice(0, -1);
    }
    return { value, style: "", span: { start, end } };
  }

  #addLine(start: number, end: number): void {
    this.#comment += this.#text.slice(start, end);
    const last = start + trim(this.#text.slice(start, end)).length;
    this.#above = { start: this.#above?.start ?? start, end: last };
  }

  /** Takes the comment behind a bracket or quote; anything else there is dropped by SOPS. */
  #addBehind(from: number, end: number, place: string): void {
    const rest = this.#text.slice(from, end);
    const marker = rest.search(/[#;]/);
    if (trim(marker === -1 ? rest : rest.slice(0, marker)) !== "") {
      this.#lose(from, `what stands behind ${place} would be lost`, "put it on a line of its own");
    }
    if (marker === -1) return;
    const comment = trim(rest.slice(marker));
    this.#comment += comment;
    this.#inline = { start: from + marker, end: from + marker + comment.length };
  }

  #takeComment(): IniComment | undefined {
    const whole = trim(this.#comment);
    const marker = /^(?:;[; ]*|#[# ]*)/.exec(whole)?.[0] ?? "";
    const comment = { text: whole.slice(marker.length), marker, above: this.#above, inline: this.#inline };
    this.#comment = "";
    this.#above = undefined;
    this.#inline = undefined;
    return whole === "" ? undefined : comment;
  }

  #takeChunk(): Span {
    const chunk = { start: this.#chunkStart, end: this.#at };
    this.#chunkStart = this.#at;
    return chunk;
  }

  #nextLine(): Span {
    const start = this.#at;
    const newline = this.#text.indexOf("\n", start);
    this.#at = newline === -1 ? this.#text.length : newline + 1;
    return { start, end: this.#at };
  }

  #lose(offset: number, problem: string, hint: string): void {
    this.#losses.push({ offset, problem, hint });
  }

  #invalid(offset: number, problem: string): KsealError {
    return invalid(this.#text, offset, problem);
  }
}
