import type { MapNode, Scalar, SeqNode, TreeNode } from "../core/tree.ts";
import { sameNode } from "../core/tree-diff.ts";
import { isSealed } from "../core/value.ts";
import { spliceBlock } from "./yaml-block-items.ts";
import { endOfLine, isBreak } from "./yaml-comment-lines.ts";
import type { YamlEdits } from "./yaml-edits.ts";
import { flowText, spliceFlow } from "./yaml-flow-items.ts";
import { columnOf, type FileLayout } from "./yaml-layout.ts";
import { printBlock } from "./yaml-print.ts";
import { canBePlain } from "./yaml-quote.ts";
import { rewriteBlock, type ScalarPlace, writeScalar } from "./yaml-rewrite.ts";
import { lineStart, nextLine, skipBlanks } from "./yaml-scan.ts";
import { NoPlace, type Slot, type Splicing } from "./yaml-slot.ts";
import {
  type AliasSyntax,
  type ElementSyntax,
  type EntrySyntax,
  type MapSyntax,
  reachOf,
  type ScalarSyntax,
  type SeqSyntax,
  type Syntax,
} from "./yaml-syntax.ts";

/** Turns the difference between a syntax tree and a new tree into edits of the text. */
export class YamlSplicer implements Splicing {
  readonly text: string;
  readonly layout: FileLayout;
  readonly edits: YamlEdits;
  /** Aliases that may stay as they are, with the places where they stand. */
  readonly keptAliases: { readonly alias: AliasSyntax; readonly slot: Slot }[] = [];

  constructor(text: string, layout: FileLayout, edits: YamlEdits) {
    this.text = text;
    this.layout = layout;
    this.edits = edits;
  }

  /** Makes a value into another one. */
  value(syntax: Syntax, next: TreeNode, slot: Slot): void {
    if (syntax.kind === "alias") {
      if (sameNode(syntax.node, next)) this.keptAliases.push({ alias: syntax, slot });
      else this.replace(syntax, next, slot);
    } else if (syntax.kind === "scalar") {
      if (next.kind === "map" || next.kind === "seq") this.replace(syntax, next, slot);
      else if (!sameNode(syntax.node, next)) this.#scalar(syntax, next, slot);
    } else if (syntax.kind === next.kind) {
      this.#items(syntax, next as MapNode & SeqNode, slot);
    } else {
      this.replace(syntax, next, slot);
    }
  }

  #items(syntax: MapSyntax | SeqSyntax, next: MapNode | SeqNode, slot: Slot): void {
    if (!isSplicable(syntax, next)) {
      if (sameNode(syntax.node, next) || this.#comments(syntax, next)) return;
      this.replace(syntax, next, slot);
      return;
    }
    const mark = this.edits.mark();
    const aliases = this.keptAliases.length;
    try {
      if (syntax.flow) spliceFlow(this, syntax, next);
      else spliceBlock(this, syntax, next);
    } catch (error) {
      // Brackets inside of brackets have no other place: the outermost are replaced.
      if (!(error instanceof NoPlace) || slot.flow) throw error;
      this.edits.rewind(mark);
      this.keptAliases.length = aliases;
      this.replace(syntax, next, slot);
    }
  }

  /** Changes comments where there is nothing else. */
  #comments(syntax: MapSyntax | SeqSyntax, next: MapNode | SeqNode): boolean {
    if (syntax.items.length !== next.items.length || !isOnlyComments(syntax.node) || !isOnlyComments(next))
      return false;
    for (const [index, item] of next.items.entries()) {
      const place = syntax.items[index];
      if (place && item.kind === "comment") this.edits.replace(place.start + 1, place.end, item.text);
    }
    return true;
  }

  /** Writes a value anew where another one stood. */
  replace(syntax: Syntax, next: TreeNode, slot: Slot): void {
    if (slot.flow) {
      const start = syntax.properties?.start ?? syntax.start;
      this.#putOver(syntax, start, this.#lead(start, slot) + flowText(next));
      return;
    }
    const { line, lines } =
      next.kind === "map" || next.kind === "seq"
        ? this.collectionText(next, slot)
        : writeScalar(next, "plain", this.#place(slot, "safe"));
    const start = this.#startOf(syntax, slot);
    const end = Math.max(reachOf(syntax), start);
    const from = this.#behindHolder(start, slot);
    const ownLine = lineStart(this.text, start);
    if (from === start && ownLine > slot.holder.start && line !== "") {
      // A comment stands behind the key or dash: the value goes below it.
      this.#putOver(syntax, ownLine, " ".repeat(slot.indent + 2) + line);
    } else {
      this.#putOver(syntax, from, this.#lead(from, slot).trimEnd() + (line === "" ? "" : ` ${line}`));
    }
    this.#putLines(end, lines);
  }

  /** Where a value begins: with its anchor and tag, and with the comments at its top that belong to it. */
  #startOf(syntax: Syntax, { holder }: Slot): number {
    let { start } = syntax;
    if (syntax.kind === "map" || syntax.kind === "seq") {
      for (const item of syntax.items) {
        if (item.kind === "comment" && item.start > holder.start) start = Math.min(start, item.start);
      }
    }
    if (!syntax.properties) return start;
    const { start: first, end } = syntax.properties;
    if (lineStart(this.text, start) <= first) return first;
    // A comment may stand between, which belongs to the key.
    this.edits.remove(first, skipBlanks(this.text, end));
    return start;
  }

  /** Where the space before a value begins: behind the colon or dash, unless a comment stands between. */
  #behindHolder(start: number, { holder }: Slot): number {
    let at = start;
    while (at > holder.start + 1 && /\s/.test(this.text[at - 1] ?? "")) at--;
    const line = this.text.slice(lineStart(this.text, at), at);
    // A comment that ends here must keep its line.
    return at === start || !/(?:^|\s)#/.test(line) ? at : start;
  }

  /** A mapping or list as it is written behind a key or dash: what comes on its line, and the lines below. */
  collectionText(next: MapNode | SeqNode, slot: Slot): { line: string; lines: readonly string[] } {
    const isEmpty = isOnlyComments(next);
    const isElement = slot.holder.kind === "element";
    const column = isElement ? slot.indent + 2 : this.#blockColumn(slot.indent, next.kind);
    if (isEmpty) return emptyText(next, column);
    const lines = printBlock(next, column, { ...this.layout, floats: "float" })
      .trimEnd()
      .split("\n");
    const isInline = isElement && !lines[0]?.trimStart().startsWith("#");
    const first = isInline ? (lines.shift() ?? "").slice(column) : "";
    return { line: first, lines };
  }

  #blockColumn(indent: number, kind: "map" | "seq"): number {
    if (kind === "seq" && this.layout.flatLists && indent >= 0) return indent;
    return nextColumn(indent, this.layout.indent);
  }

  #place(slot: Slot, plain: ScalarPlace["plain"]): ScalarPlace {
    const { flow, indent, holder } = slot;
    const blockColumn = holder.kind === "element" ? indent + 2 : nextColumn(indent, this.layout.indent);
    return { flow, indent, blockColumn, plain, quotesLines: this.layout.quotesLines === true };
  }

  #scalar(syntax: ScalarSyntax, next: Scalar, slot: Slot): void {
    const place = this.#place(slot, this.#keepTag(syntax, next));
    if (next.kind === "str" && syntax.block && this.#block(syntax, next.value, place)) return;
    const { line, lines } = writeScalar(next, syntax.style, place);
    const mark = needsPlainMark(syntax, next, slot) ? "! " : "";
    this.#putOver(syntax, syntax.start, this.#lead(syntax.start, slot) + mark + line);
    this.#putLines(syntax.end, lines);
  }

  /** Writes over a value. The comment in the header of a block stays, its lines go. */
  #putOver(syntax: Syntax, start: number, text: string): void {
    const end = Math.max(reachOf(syntax), start);
    if (syntax.kind !== "scalar" || !syntax.block) {
      this.#put(start, end, text);
      return;
    }
    const headerEnd = syntax.start + headerOf(this.text, syntax).length;
    const lineEnd = endOfLine(this.text, syntax.start);
    this.#put(start, headerEnd, text);
    if (end > lineEnd) this.edits.remove(lineEnd, end);
  }

  /** Removes a tag that would change what the new text means. Returns what the new text may then look like. */
  #keepTag({ properties, node }: ScalarSyntax, next: Scalar): ScalarPlace["plain"] {
    if (!properties?.tag) return "safe";
    const { start, end } = properties.tag;
    const tag = this.text.slice(start, end);
    if (next.kind === "str" && (tag === "!!str" || /^![^!<]/.test(tag))) return "any";
    const isMark = tag === "!" && isSealedScalar(node) && !isSealedScalar(next);
    if (tag === "!" && !isMark) return "safe";
    this.edits.remove(start, skipBlanks(this.text, end));
    return isMark ? "strings" : "safe";
  }

  #block(syntax: ScalarSyntax, text: string, place: ScalarPlace): boolean {
    const header = headerOf(this.text, syntax);
    const rewrite = rewriteBlock(text, { header, syntax }, place);
    if (!rewrite || !syntax.block || (this.layout.quotesLines && text.includes("\n"))) return false;
    if (rewrite.header !== header) {
      this.edits.replace(syntax.start, syntax.start + header.length, rewrite.header);
    }
    const { body } = syntax.block;
    if (syntax.end >= body) {
      const end = this.#endOfText(syntax, text);
      this.edits.replace(body, end, rewrite.lines.join(this.layout.newline));
      this.#shortenBlankLines(end, rewrite.lines);
      return true;
    }
    // An empty body: the lines go below the header.
    this.#putLines(syntax.start, rewrite.lines);
    return true;
  }

  /** Blank lines at the end of a block that keeps them stay, where an encrypted value has taken the place. */
  #endOfText({ block, end }: ScalarSyntax, text: string): number {
    if (!block || block.column < 0 || block.chomping !== "keep" || !text.startsWith("ENC[")) return end;
    let last = end;
    while (last > block.body && /[ \r\n]/.test(this.text[last - 1] ?? "")) last--;
    return last;
  }

  /** What must stand between a key or dash and a value that had no text. */
  #lead(start: number, { holder, indent, flow }: Slot): string {
    const before = this.text[start - 1] ?? "";
    if (holder.kind === "entry" && start === holder.key.end) {
      return flow ? ": " : `\n${" ".repeat(Math.max(indent, 0))}: `;
    }
    return before === ":" || before === "-" || !/\s/.test(before) ? (/[[{,]/.test(before) ? "" : " ") : "";
  }

  #put(start: number, end: number, text: string): void {
    this.edits.replace(start, end, text.replaceAll("\n", this.layout.newline));
  }

  /** Adds lines below the one that a value ends on. */
  #putLines(end: number, lines: readonly string[]): void {
    if (lines.length === 0) return;
    const { newline } = this.layout;
    this.edits.insert(endOfLine(this.text, end), lines.map((line) => newline + line).join(""));
    this.#shortenBlankLines(end, lines);
  }

  /** Blank lines below a block that are longer than its margin would become part of it. */
  #shortenBlankLines(end: number, lines: readonly string[]): void {
    const margin = /^ */.exec(lines.at(-1) ?? "")?.[0].length ?? 0;
    for (let line = nextLine(this.text, end); line < this.text.length; line = nextLine(this.text, line)) {
      const blank = skipBlanks(this.text, line);
      if (blank < this.text.length && !isBreak(this.text.charCodeAt(blank))) return;
      if (blank - line > margin) this.edits.remove(line + margin, blank);
      else if (this.text.slice(line, blank).includes("\t")) this.edits.remove(line, blank);
    }
  }

  /** The slot of an item of a block. */
  slotOf(holder: EntrySyntax | ElementSyntax, { flow }: { flow: boolean }): Slot {
    return { holder, flow, indent: flow ? -1 : columnOf(this.text, holder.start) };
  }
}

function isSealedScalar(scalar: Scalar): boolean {
  return scalar.kind === "str" && isSealed(scalar.value);
}

/**
 * Whether the ciphertext of a text gets the empty tag `!`, which says nothing to anybody but kseal: that the text was
 * one like `yes`, which is a string for SOPS and true for readers of YAML 1.1, and stood there without quotes. Without
 * the mark such a text comes back in quotes, since SOPS takes the quotes off what it encrypts.
 */
function needsPlainMark({ style, node, properties }: ScalarSyntax, next: Scalar, { flow }: Slot): boolean {
  if (style !== "plain" || flow || properties?.tag || node.kind !== "str" || isSealedScalar(node))
    return false;
  return isSealedScalar(next) && !canBePlain(node.value, { flow: false });
}

/** The indicator of a block with its digit and chomping mark. */
function headerOf(text: string, { start }: ScalarSyntax): string {
  return /^[|>][-+0-9]*/.exec(text.slice(start, start + 3))?.[0] ?? "|";
}

/** A container keeps its text when something is left in it and something was there. */
function isSplicable(syntax: MapSyntax | SeqSyntax, next: MapNode | SeqNode): boolean {
  return !isOnlyComments(syntax.node) && !isOnlyComments(next);
}

function isOnlyComments({ items }: MapNode | SeqNode): boolean {
  return items.every(({ kind }) => kind === "comment");
}

function nextColumn(indent: number, step: number): number {
  return indent < 0 ? 0 : step * Math.floor((indent + step) / step);
}

/** Only brackets can hold nothing, or nothing but comments. */
function emptyText(next: MapNode | SeqNode, column: number): { line: string; lines: readonly string[] } {
  const [open, close] = next.kind === "map" ? ["{", "}"] : ["[", "]"];
  if (next.items.length === 0) return { line: open + close, lines: [] };
  const margin = " ".repeat(column);
  const comments = next.items.flatMap((item) => (item.kind === "comment" ? [`${margin}#${item.text}`] : []));
  return { line: open, lines: [...comments, `${margin}${close}`] };
}
