import type { MapNode, SeqNode, TreeNode } from "../core/tree.ts";
import { groupComments, headOf, joinHeads } from "./yaml-comment-groups.ts";
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

interface NodeComments {
  readonly head: string;
  readonly line: string;
  readonly foot: string;
}

/** Where a node stands, as far as it changes how it is written. */
interface Position {
  /** The column of the block around it, -1 at the top. */
  readonly indent: number;
  readonly parent: "document" | "map" | "seq";
}

const noComments: NodeComments = { head: "", line: "", foot: "" };

/**
 * Writes YAML like the emitter of libyaml that go-yaml carries: comments wait until a place for them comes, and the
 * state of the line decides where a break is due. Its oddities are kept, since the bytes are to be those of SOPS:
 * the comment behind a mapping or list comes out behind what follows it.
 */
class Printer {
  readonly #layout: YamlLayout;
  readonly #parts: string[] = [];
  #column = 0;
  /** The last character is a blank, or nothing stands on the line yet. */
  #afterSpace = true;
  /** Nothing but indentation and dashes stands on the line yet. */
  #atIndentation = true;
  /** Where a foot comment has just ended: a blank line keeps it apart from what follows at this column. */
  #footColumn = -1;
  #head = "";
  #line = "";
  #foot = "";
  #tail = "";
  #keyLine = "";

  constructor(layout: YamlLayout) {
    this.#layout = layout;
  }

  get text(): string {
    return this.#parts.join("");
  }

  document(node: TreeNode, { isFirst }: { isFirst: boolean }): void {
    if (!isFirst) {
      this.#startLine(0);
      this.#indicator("---");
      this.#startLine(0);
      if (this.#head !== "") {
        this.#writeHead(0);
        this.#break();
      }
    }
    const comments =
      node.kind === "map" || node.kind === "seq" ? { ...noComments, head: headOf(node) } : noComments;
    this.#load(comments);
    this.#writeHead(0);
    this.#node(node, noComments, { indent: -1, parent: "document" });
    this.#footColumn = 0;
    this.#writeFoot(0);
    this.#footColumn = -1;
    this.#startLine(0);
  }

  block(node: MapNode | SeqNode, column: number): void {
    this.#load({ ...noComments, head: headOf(node) });
    if (node.kind === "map") this.#mapItems(node, column, noComments);
    else this.#seqItems(node, column, noComments);
    this.#writeFoot(column);
    this.#startLine(0);
  }

  #load({ head, line, foot }: NodeComments): void {
    if (head !== "") this.#head = head;
    if (line !== "") this.#line = line;
    if (foot !== "") this.#foot = foot;
  }

  /** Writes a value; what waits behind it is written as soon as it has begun. */
  #node(node: TreeNode, comments: NodeComments, position: Position): void {
    if (node.kind === "map" || node.kind === "seq") {
      this.#collection(node, comments, position);
      return;
    }
    this.#load(comments);
    this.#scalar(chooseStyle(node, this.#layout.floats), position);
    this.#writeBehind(position.indent);
  }

  #writeBehind(indent: number): void {
    this.#writeLine(indent);
    this.#writeFoot(indent);
  }

  #collection(node: MapNode | SeqNode, comments: NodeComments, position: Position): void {
    const end = { ...comments, head: "" };
    const isEmpty = node.items.every(({ kind }) => kind === "comment");
    // In a list it stands above the dash, and at the top above everything: there it has been written.
    if (position.parent === "map") this.#load({ ...noComments, head: headOf(node) });
    this.#writeBehind(position.indent);
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

  #emptyCollection(node: MapNode | SeqNode, end: NodeComments, position: Position): void {
    this.#indicator(node.kind === "map" ? "{" : "[");
    this.#afterSpace = true;
    this.#load(end);
    if (node.kind === "map")
      this.#writeHead(position.indent < 0 ? this.#layout.indent : this.#deeper(position));
    this.#indicator(node.kind === "map" ? "}" : "]", { isTight: true });
    this.#writeBehind(position.indent);
  }

  #mapItems({ items }: MapNode, indent: number, end: NodeComments): void {
    const grouped = groupComments(items);
    for (const { item, head, line } of grouped.entries) {
      if (item.kind !== "entry") continue;
      this.#load({ ...noComments, head });
      this.#writeHead(indent);
      this.#startLine(indent);
      this.#key(item.key, indent);
      this.#value(item.value, { ...noComments, line }, indent);
    }
    this.#tail = grouped.foot;
    this.#load(end);
    this.#writeHead(indent);
  }

  #key(key: string, indent: number): void {
    if (this.#line !== "") {
      this.#keyLine = this.#line;
      this.#line = "";
    }
    const text = chooseStyle({ kind: "str", value: key }, "float");
    const isMultiLine = /[\n\r\x85\u2028\u2029]/.test(key);
    const tagLength = text.tag === undefined ? 0 : text.tag.length;
    if (!isMultiLine && (key.length < shortKey || utf8Length(key) + tagLength <= longestSimpleKey)) {
      this.#scalar(text, { indent, parent: "map" });
      this.#indicator(":", { isTight: true });
      return;
    }
    this.#indicator("?", { keepsIndentation: true });
    this.#scalar(text, { indent, parent: "map" });
    this.#startLine(indent);
    this.#indicator(":", { keepsIndentation: true });
  }

  #value(value: TreeNode, comments: NodeComments, indent: number): void {
    const isCollection = value.kind === "map" || value.kind === "seq";
    if (this.#keyLine !== "" && isCollection) {
      [this.#line, this.#keyLine] = [this.#keyLine, this.#line];
      this.#writeLine(indent);
      [this.#line, this.#keyLine] = [this.#keyLine, this.#line];
    } else if (this.#keyLine !== "" && comments.line === "" && this.#line === "") {
      this.#line = this.#keyLine;
      this.#keyLine = "";
    }
    this.#node(value, comments, { indent, parent: "map" });
  }

  #seqItems({ items }: SeqNode, indent: number, end: NodeComments): void {
    const grouped = groupComments(items);
    for (const [index, { item, head, line }] of grouped.entries.entries()) {
      if (item.kind === "entry" || item.kind === "comment") continue;
      const foot = index === grouped.entries.length - 1 ? grouped.foot : "";
      const isCollection = item.kind === "map" || item.kind === "seq";
      const own = isCollection ? joinHeads(headOf(item), head) : head;
      this.#load({ ...noComments, head: own });
      this.#writeHead(indent);
      this.#startLine(indent);
      this.#indicator("-", { keepsIndentation: true });
      this.#node(item, { head: "", line, foot }, { indent, parent: "seq" });
    }
    this.#load(end);
  }

  #scalar({ text, style, tag }: ScalarText, position: Position): void {
    if (tag) this.#word(tag);
    switch (style) {
      case "plain":
        if (text !== "") this.#word(text);
        this.#atIndentation = false;
        return;
      case "single":
        this.#word(quoteSingle(text));
        return;
      case "double":
        this.#word(quoteDouble(text));
        return;
      case "literal":
      case "folded":
        if (this.#layout.quotesLines && tag === undefined) this.#word(quoteDouble(text));
        else this.#literal(text, position);
    }
  }

  #literal(text: string, position: Position): void {
    const indent = position.indent < 0 ? this.#layout.indent : this.#deeper(position);
    // libyaml writes the step here, which is wrong where a list has moved the block by two.
    const digit = /^[ \n]/.test(text) ? String(indent - Math.max(position.indent, 0)) : "";
    this.#word(`|${digit}${chompingOf(text)}`);
    if (this.#line === "") this.#break();
    else this.#writeLine(indent);
    this.#afterSpace = true;
    const margin = " ".repeat(indent);
    const lines = text.split("\n");
    const last = lines.pop() ?? "";
    const written = lines.map((line) => (line === "" ? "\n" : `${margin}${line}\n`)).join("");
    this.#parts.push(written);
    this.#column = 0;
    this.#atIndentation = true;
    this.#footColumn = -1;
    if (last === "") return;
    this.#parts.push(margin, last);
    this.#column = indent + last.length;
    this.#atIndentation = false;
  }

  #word(word: string): void {
    if (!this.#afterSpace) this.#put(" ");
    this.#put(word);
    this.#afterSpace = false;
    this.#atIndentation = false;
  }

  #indicator(mark: string, { isTight = false, keepsIndentation = false } = {}): void {
    if (!isTight && !this.#afterSpace) this.#put(" ");
    this.#put(mark);
    this.#afterSpace = false;
    this.#atIndentation &&= keepsIndentation;
  }

  #put(text: string): void {
    this.#parts.push(text);
    this.#column += text.length;
  }

  #break(): void {
    this.#parts.push("\n");
    this.#column = 0;
    this.#atIndentation = true;
  }

  #startLine(indent: number): void {
    const column = Math.max(indent, 0);
    const isStarted = !this.#atIndentation || this.#column > column;
    if (isStarted || (this.#column === column && !this.#afterSpace)) this.#break();
    if (this.#footColumn === column) this.#break();
    if (this.#column < column) this.#put(" ".repeat(column - this.#column));
    this.#afterSpace = true;
    this.#footColumn = -1;
  }

  #writeHead(indent: number): void {
    if (this.#tail !== "") {
      this.#comment(this.#tail, indent);
      this.#tail = "";
      this.#footColumn = Math.max(indent, 0);
    }
    if (this.#head === "") return;
    this.#comment(this.#head, indent);
    this.#head = "";
  }

  #writeFoot(indent: number): void {
    if (this.#foot === "") return;
    this.#comment(this.#foot, indent);
    this.#foot = "";
    this.#footColumn = Math.max(indent, 0);
  }

  #writeLine(indent: number): void {
    if (this.#line === "") return;
    if (!this.#afterSpace) this.#put(" ");
    this.#commentLines(this.#line, indent);
    this.#line = "";
  }

  #comment(text: string, indent: number): void {
    this.#startLine(indent);
    this.#commentLines(text, indent);
  }

  #commentLines(text: string, indent: number): void {
    for (const [index, line] of text.split("\n").entries()) {
      if (index > 0) this.#startLine(indent);
      this.#put(line);
      this.#atIndentation = false;
      this.#break();
    }
    this.#afterSpace = true;
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
