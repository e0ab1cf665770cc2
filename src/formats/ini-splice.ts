import type { ContentKey, ContentSection, IniContent } from "./ini-content.ts";
import { printComment, printSection, spelledKey, spelledValue } from "./ini-print.ts";
import type { IniComment, IniKey, IniSection, IniText, Span } from "./ini-read.ts";

/** Writes `next` in place of what the text holds: only changed values and comments and the metadata change. */
export function spliceIni(
  text: string,
  base: IniText,
  next: IniContent,
  metadata: ContentSection | undefined,
): string {
  return new Splicer(text, base).splice(next, metadata);
}

interface Edit extends Span {
  readonly text: string;
}

class Splicer {
  readonly #text: string;
  readonly #base: IniText;
  readonly #newline: string;
  readonly #mark: string;
  readonly #parts: string[] = [];

  constructor(text: string, base: IniText) {
    this.#text = text;
    this.#base = base;
    this.#newline = /\r?\n/.exec(text)?.[0] ?? "\n";
    this.#mark = text.startsWith("\ufeff") ? "\ufeff" : "";
  }

  splice(next: IniContent, metadata: ContentSection | undefined): string {
    const { sections, tail } = this.#base;
    const metadataAt = sections.findIndex(({ name }) => name === "sops");
    const loose = [...next.loose];
    const origins = originsOf(sections, next.sections);
    let metadataIsOpen = metadataAt !== -1;
    for (const [index, section] of next.sections.entries()) {
      const origin = origins[index];
      if (metadataIsOpen && origin !== undefined && origin > metadataAt) {
        this.#metadata(sections[metadataAt], metadata, loose);
        metadataIsOpen = false;
      }
      this.#section(origin === undefined ? undefined : sections[origin], section);
    }
    if (metadataIsOpen) this.#metadata(sections[metadataAt], metadata, loose);
    this.#chunk(tail.chunk, this.#commentEdits(tail.comment, loose.shift(), tail.chunk.end));
    if (metadataAt === -1 && metadata) this.#newSection(metadata);
    const isUnfinished = this.#text !== "" && !this.#text.endsWith("\n");
    if (isUnfinished) this.#dropNewline();
    return this.#mark + this.#parts.join("");
  }

  #section(base: IniSection | undefined, next: ContentSection): void {
    if (base === undefined) {
      // The default section of a tree that names it, in a file that has nothing in it.
      if (next.name === "DEFAULT" && next.keys.length === 0) return;
      this.#newSection(next);
      return;
    }
    // The last bracket of a header's line ends its name, even one in the comment behind it.
    const staysOnLine = next.comment?.includes("]") !== true;
    this.#chunk(base.chunk, this.#commentEdits(base.comment, next.comment, base.lineStart, { staysOnLine }));
    const baseKeys = new Map(base.keys.map((key) => [key.name, key]));
    let neighbour = base.keys[0];
    for (const key of next.keys) {
      const baseKey = baseKeys.get(key.name);
      if (baseKey === undefined) this.#newKey(neighbour, key, next.name);
      else this.#key(baseKey, key, next.name);
      neighbour = baseKey ?? neighbour;
    }
  }

  #key(base: IniKey, next: ContentKey, section: string): void {
    const edits: Edit[] = [];
    if (base.value !== next.value) edits.push(this.#valueEdit(base, next, section));
    const staysOnLine = !base.value.includes("\n") || !/^["`]/.test(base.style);
    edits.push(...this.#commentEdits(base.comment, next.comment, base.lineStart, { staysOnLine }));
    this.#chunk(base.chunk, edits);
  }

  #valueEdit(base: IniKey, next: ContentKey, section: string): Edit {
    const { start, end } = base.valueSpan;
    const text = spelledValue(next, section, base.style);
    const separator = this.#text.charAt(start - 1);
    const needsBlank = start === end && /[=:]/.test(separator) && this.#text.charAt(start - 2) === " ";
    return { start, end, text: needsBlank ? ` ${text}` : text };
  }

  /** What makes a comment another one. It keeps its place and marker; with several lines it stands above. */
  #commentEdits(
    base: IniComment | undefined,
    next: string | undefined,
    lineStart: number,
    { staysOnLine } = { staysOnLine: true },
  ): Edit[] {
    if (base?.text === next) return [];
    const inline = base?.inline;
    const fits = staysOnLine && base?.above === undefined && next !== undefined && !next.includes("\n");
    if (base && inline && fits) return [{ ...inline, text: base.marker + next }];
    const edits: Edit[] = [];
    const lines = next === undefined ? undefined : this.#commentLines(next, base?.marker);
    if (base?.above) {
      const { start, end } = base.above;
      edits.push(
        lines === undefined ? { ...this.#wholeLines(base.above), text: "" } : { start, end, text: lines },
      );
    } else if (lines !== undefined) {
      const indentation = /[ \t]*/y.exec(this.#text.slice(lineStart))?.[0] ?? "";
      edits.push({ start: lineStart, end: lineStart, text: indentation + lines + this.#newline });
    }
    if (inline) {
      const blanks = /[ \t]*$/.exec(this.#text.slice(lineStart, inline.start))?.[0].length ?? 0;
      edits.push({ start: inline.start - blanks, end: inline.end, text: "" });
    }
    return edits;
  }

  #commentLines(text: string, marker = "; "): string {
    const [first = "", ...others] = text.split("\n");
    // Further lines of a comment that was read bring their markers.
    const rest = others.map((line) => (/^\s*[#;]/.test(line) ? line : `; ${line}`));
    return [marker + first, ...rest].join("\n");
  }

  #wholeLines({ start, end }: Span): Span {
    const newline = this.#text.indexOf("\n", end);
    return {
      start: this.#text.lastIndexOf("\n", start - 1) + 1,
      end: newline === -1 ? this.#text.length : newline + 1,
    };
  }

  /** A key that the section did not have, spaced like its neighbour. */
  #newKey(neighbour: IniKey | undefined, key: ContentKey, section: string): void {
    this.#startLine();
    const name = spelledKey(key, section);
    const value = spelledValue(key, section);
    const { indentation, separator } = this.#spacing(neighbour, name.length);
    const comment = printComment(key.comment, this.#newline);
    this.#push(`${comment}${indentation}${name}${separator}${value}${this.#newline}`);
  }

  #spacing(neighbour: IniKey | undefined, width: number): { indentation: string; separator: string } {
    if (neighbour === undefined) return { indentation: "", separator: " = " };
    const { lineStart, nameSpan, valueSpan } = neighbour;
    const indentation = this.#text.slice(lineStart, nameSpan.start).replace("\ufeff", "");
    const between = this.#text.slice(nameSpan.end, valueSpan.start);
    const [whole, before = "", delimiter = "=", after = ""] = /^([ \t]*)([=:])([ \t]*)$/.exec(between) ?? [];
    if (whole === undefined) return { indentation, separator: " = " };
    const column = nameSpan.end - nameSpan.start + before.length;
    // Where the neighbour's delimiter is aligned with others, so is this one.
    const blanks = before === "" ? "" : " ".repeat(Math.max(1, column - width));
    return { indentation, separator: blanks + delimiter + (after === "" && before !== "" ? " " : after) };
  }

  #newSection(section: ContentSection): void {
    this.#startLine();
    const gap = this.#parts.length === 0 ? "" : this.#newline;
    this.#push(gap + printSection(section, { newline: this.#newline, header: true }));
  }

  /** The section `sops` in its old place: printed anew, or left out with the empty line above it. */
  #metadata(base: IniSection | undefined, metadata: ContentSection | undefined, loose: string[]): void {
    if (base === undefined) return;
    const above = { start: base.chunk.start, end: base.lineStart };
    const edits = this.#commentEdits(withoutInline(base.comment), loose.shift(), base.lineStart);
    this.#chunk(above, edits);
    if (metadata) {
      this.#startLine();
      this.#push(printSection({ ...metadata, comment: undefined }, { newline: this.#newline, header: true }));
    } else if (/(?:^|\n)\r?\n$/.test(this.#text.slice(above.start, above.end))) {
      this.#dropNewline();
    }
  }

  #chunk({ start, end }: Span, edits: readonly Edit[]): void {
    if (start === end && edits.length === 0) return;
    this.#startLine();
    let at = start;
    for (const edit of edits.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
      this.#push(this.#text.slice(at, edit.start) + edit.text);
      at = edit.end;
    }
    this.#push(this.#text.slice(at, end));
  }

  /** What comes next needs a line of its own: the file's last line may have had no end. */
  #startLine(): void {
    if (this.#parts.at(-1)?.endsWith("\n") === false) this.#push(this.#newline);
  }

  #dropNewline(): void {
    const last = this.#parts.pop() ?? "";
    this.#push(last.replace(/\r?\n$/, ""));
  }

  #push(text: string): void {
    if (text !== "") this.#parts.push(text);
  }
}

/** For every section of `next` the one it continues: of several with one name the first the first. */
function originsOf(
  base: readonly IniSection[],
  next: readonly ContentSection[],
): readonly (number | undefined)[] {
  const places = new Map<string, number[]>();
  for (const [index, { name }] of base.entries()) {
    const known = places.get(name);
    if (known) known.push(index);
    else if (name !== "sops") places.set(name, [index]);
  }
  return next.map(({ name }) => places.get(name)?.shift());
}

function withoutInline(comment: IniComment | undefined): IniComment | undefined {
  return comment?.above ? { ...comment, inline: undefined } : undefined;
}
