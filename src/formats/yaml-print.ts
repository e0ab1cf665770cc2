import type { MapNode, SeqNode, TreeNode } from "../core/tree.ts";
import { groupComments, headOf, joinHeads } from "./yaml-comment-groups.ts";
import { Emitter, type PrintedComments } from "./yaml-emitter.ts";
import { chooseStyle, type FloatSpelling, quoteDouble, quoteSingle, type ScalarText } from "./yaml-quote.ts";

export interface YamlLayout {
  /** Spaces a level. */
  readonly indent: number;
  readonly floats: FloatSpelling;
  /** Lists stand at the column of their key. SOPS indents them. */
  readonly flatLists?: boolean;
  /** Texts of several lines are quoted on one: no line that follows can be taken for a part of them. */
  readonly quotesLines?: boolean;
}

/** The indentation SOPS takes: 4 unless told, and 2 for what its emitter has no digit for. */
export function indentOf(indent: number | undefined): number {
  const wanted = indent === undefined || indent === 0 ? 4 : indent;
  return wanted < 2 || wanted > 9 ? 2 : wanted;
}

/** Prints documents as SOPS does, byte for byte, comments included. */
export function printDocuments(branches: readonly MapNode[], layout: YamlLayout): string {
  const printer = new Printer(layout);
  for (const [index, branch] of branches.entries()) printer.document(branch, { isFirst: index === 0 });
  return printer.text;
}

/** Prints a single value as SOPS does for `--extract`. */
export function printValue(node: TreeNode, layout: YamlLayout): string {
  const printer = new Printer(layout);
  printer.document(node, { isFirst: true });
  return printer.text;
}

/**
 * Prints a mapping or list as block lines, as it stands below a key.
 *
 * @param column - Where its keys or dashes stand.
 */
export function printBlock(node: MapNode | SeqNode, column: number, layout: YamlLayout): string {
  const printer = new Printer(layout);
  printer.block(node, column);
  return printer.text;
}

const noComments: PrintedComments = { head: "", line: "", foot: "" };

/** Where a node stands, as far as it changes how it is written. */
interface Position {
  /** The column of the block around it, -1 at the top. */
  readonly indent: number;
  readonly parent: "document" | "map" | "seq";
}

/** Walks a tree and hands what it holds to the emitter. */
class Printer {
  readonly #layout: YamlLayout;
  readonly #out = new Emitter();

  constructor(layout: YamlLayout) {
    this.#layout = layout;
  }

  get text(): string {
    return this.#out.text;
  }

  document(node: TreeNode, { isFirst }: { isFirst: boolean }): void {
    if (!isFirst) this.#out.startDocument();
    const comments =
      node.kind === "map" || node.kind === "seq" ? { ...noComments, head: headOf(node) } : noComments;
    this.#out.load(comments);
    this.#out.writeHead(0);
    this.#node(node, noComments, { indent: -1, parent: "document" });
    this.#out.endDocument();
  }

  block(node: MapNode | SeqNode, column: number): void {
    this.#out.load({ ...noComments, head: headOf(node) });
    if (node.kind === "map") this.#mapItems(node, column, noComments);
    else this.#seqItems(node, column, noComments);
    this.#out.writeFoot(column);
    this.#out.startLine(0);
  }

  /** Writes a value; what waits behind it is written as soon as it has begun. */
  #node(node: TreeNode, comments: PrintedComments, position: Position): void {
    if (node.kind === "map" || node.kind === "seq") {
      this.#collection(node, comments, position);
      return;
    }
    this.#out.load(comments);
    this.#scalar(chooseStyle(node, this.#layout.floats), position);
    this.#out.writeBehind(position.indent);
  }

  #collection(node: MapNode | SeqNode, comments: PrintedComments, position: Position): void {
    const end = { ...comments, head: "" };
    const isEmpty = node.items.every(({ kind }) => kind === "comment");
    // In a list it stands above the dash, and at the top above everything: there it has been written.
    if (position.parent === "map") this.#out.load({ ...noComments, head: headOf(node) });
    this.#out.writeBehind(position.indent);
    if (isEmpty) {
      this.#emptyCollection(node, end, position);
    } else if (node.kind === "map") {
      this.#mapItems(node, this.#deeper(position), end);
    } else {
      this.#seqItems(node, this.#listColumn(position), end);
    }
  }

  #deeper({ indent, parent }: Position): number {
    if (indent < 0) return 0;
    if (parent === "seq") return indent + 2;
    const step = this.#layout.indent;
    return step * Math.floor((indent + step) / step);
  }

  #listColumn(position: Position): number {
    const isFlat = this.#layout.flatLists === true && position.parent === "map";
    return isFlat ? position.indent : this.#deeper(position);
  }

  #emptyCollection(node: MapNode | SeqNode, end: PrintedComments, position: Position): void {
    this.#out.openBracket(node.kind === "map" ? "{" : "[");
    this.#out.load(end);
    if (node.kind === "map")
      this.#out.writeHead(position.indent < 0 ? this.#layout.indent : this.#deeper(position));
    this.#out.indicator(node.kind === "map" ? "}" : "]", { isTight: true });
    this.#out.writeBehind(position.indent);
  }

  #mapItems({ items }: MapNode, indent: number, end: PrintedComments): void {
    const grouped = groupComments(items);
    for (const { item, head, line } of grouped.entries) {
      if (item.kind !== "entry") continue;
      this.#out.load({ ...noComments, head });
      this.#out.writeHead(indent);
      this.#out.startLine(indent);
      this.#key(item.key, indent);
      this.#value(item.value, { ...noComments, line }, indent);
    }
    this.#out.loadTail(grouped.foot);
    this.#out.load(end);
    this.#out.writeHead(indent);
  }

  #key(key: string, indent: number): void {
    this.#out.startKey();
    const text = chooseStyle({ kind: "str", value: key }, "float");
    const isMultiLine = /[\n\r\x85\u2028\u2029]/.test(key);
    const tagLength = text.tag === undefined ? 0 : text.tag.length;
    if (!isMultiLine && (key.length < shortKey || utf8Length(key) + tagLength <= longestSimpleKey)) {
      this.#scalar(text, { indent, parent: "map" });
      this.#out.indicator(":", { isTight: true });
      return;
    }
    this.#out.indicator("?", { keepsIndentation: true });
    this.#scalar(text, { indent, parent: "map" });
    this.#out.startLine(indent);
    this.#out.indicator(":", { keepsIndentation: true });
  }

  #value(value: TreeNode, comments: PrintedComments, indent: number): void {
    const isCollection = value.kind === "map" || value.kind === "seq";
    this.#out.endKey(indent, isCollection ? undefined : comments.line);
    this.#node(value, comments, { indent, parent: "map" });
  }

  #seqItems({ items }: SeqNode, indent: number, end: PrintedComments): void {
    const grouped = groupComments(items);
    for (const [index, { item, head, line }] of grouped.entries.entries()) {
      if (item.kind === "entry" || item.kind === "comment") continue;
      const foot = index === grouped.entries.length - 1 ? grouped.foot : "";
      const isCollection = item.kind === "map" || item.kind === "seq";
      const own = isCollection ? joinHeads(headOf(item), head) : head;
      this.#out.load({ ...noComments, head: own });
      this.#out.writeHead(indent);
      this.#out.startLine(indent);
      this.#out.indicator("-", { keepsIndentation: true });
      this.#node(item, { head: "", line, foot }, { indent, parent: "seq" });
    }
    this.#out.load(end);
  }

  #scalar({ text, style, tag }: ScalarText, position: Position): void {
    if (tag) this.#out.word(tag);
    switch (style) {
      case "plain":
        this.#out.plain(text);
        return;
      case "single":
        this.#out.word(quoteSingle(text));
        return;
      case "double":
        this.#out.word(quoteDouble(text));
        return;
      case "literal":
      case "folded":
        if (this.#layout.quotesLines && tag === undefined) this.#out.word(quoteDouble(text));
        else this.#literal(text, position);
    }
  }

  #literal(text: string, position: Position): void {
    const indent = position.indent < 0 ? this.#layout.indent : this.#deeper(position);
    // libyaml writes the step here, which is wrong where a list has moved the block by two.
    const digit = /^[ \n]/.test(text) ? String(indent - Math.max(position.indent, 0)) : "";
    this.#out.literal(`|${digit}${chompingOf(text)}`, text, indent);
  }
}

// In bytes, tag included. A key of `shortKey` UTF-16 units is below it in any script.
const longestSimpleKey = 128;
const shortKey = 40;

function chompingOf(text: string): string {
  if (!text.endsWith("\n")) return "-";
  return text === "\n" || text.endsWith("\n\n") ? "+" : "";
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
