import { Emitter, type PrintedComments } from "./yaml-emitter.ts";
import { canBeLiteral, isStringForSops, quoteDouble, quoteSingle } from "./yaml-quote.ts";
import type { CommentSyntax, MapSyntax, ScalarSyntax, SeqSyntax, Syntax } from "./yaml-syntax.ts";

/** A node of a YAML text, with the text that it stands in. */
export interface ReadNode {
  readonly text: string;
  readonly syntax: Syntax;
}

/** An element of a list: a node that was read, or its text when that is known already, from behind the dash on. */
export type ListElement = ReadNode | { readonly lines: string };

/** What stands behind a key at the top: a plain word, a node, or a list. */
type TopValue = string | ReadNode | readonly ListElement[];

const step = 2;
const noComments: PrintedComments = { head: "", line: "", foot: "" };

/**
 * Prints a mapping of nodes that were read from other texts, as kyaml does: quotes, blocks, brackets, anchors and comments
 * stay as they were read, and only the indentation is new: two spaces, lists at the column of their key.
 */
export function printNodes(entries: readonly (readonly [key: string, value: TopValue])[]): string {
  const out = new Emitter();
  for (const [key, value] of entries) {
    out.startLine(0);
    out.plain(key);
    out.indicator(":", { isTight: true });
    if (typeof value === "string") out.word(value);
    else if ("syntax" in value) {
      new NodePrinter(out, value.text).value(value.syntax, noComments, { indent: 0, parent: "map" });
    } else {
      for (const element of value) {
        out.startLine(0);
        out.indicator("-", { keepsIndentation: true });
        if ("lines" in element) out.lines(element.lines);
        else {
          const { text, syntax } = element;
          new NodePrinter(out, text).value(syntax, noComments, { indent: 0, parent: "seq" });
        }
      }
    }
  }
  out.endDocument();
  return out.text;
}

/** Where a node stands: the column of the block around it. */
interface Position {
  readonly indent: number;
  readonly parent: "map" | "seq";
}

interface Commented<I> {
  readonly item: I;
  readonly head: string;
  readonly line: string;
}

/** Hands the nodes of one text to the emitter. */
class NodePrinter {
  readonly #out: Emitter;
  readonly #text: string;

  constructor(out: Emitter, text: string) {
    this.#out = out;
    this.#text = text;
  }

  value(syntax: Syntax, comments: PrintedComments, position: Position): void {
    const isBlock = (syntax.kind === "map" || syntax.kind === "seq") && !isInBrackets(syntax);
    if (!isBlock) this.#out.load(comments);
    this.#properties(syntax);
    if (!isBlock) {
      this.#leaf(syntax, position);
      this.#out.writeBehind(position.indent);
      return;
    }
    this.#out.writeBehind(position.indent);
    const end = { ...comments, head: "" };
    if (syntax.kind === "map") this.#map(syntax, position.indent + step, end);
    else this.#seq(syntax, position.parent === "map" ? position.indent : position.indent + step, end);
  }

  #leaf(syntax: Syntax, position: Position): void {
    if (syntax.kind === "scalar" && isBlockScalar(syntax)) this.#literal(syntax, position);
    else this.#out.plain(this.#oneLine(syntax, position.indent));
  }

  #map({ items }: MapSyntax, indent: number, end: PrintedComments): void {
    const { entries, foot } = this.#withComments(items);
    for (const { item, head, line } of entries) {
      this.#out.load({ ...noComments, head });
      this.#out.writeHead(indent);
      this.#out.startLine(indent);
      this.#out.startKey();
      this.#properties(item.key);
      this.#out.plain(this.#oneLine(item.key, indent));
      this.#out.indicator(":", { isTight: true });
      const isBlock = (item.value.kind === "map" || item.value.kind === "seq") && !isInBrackets(item.value);
      this.#out.endKey(indent, isBlock ? undefined : line);
      this.value(item.value, { ...noComments, line }, { indent, parent: "map" });
    }
    this.#out.loadTail(foot);
    this.#out.load(end);
    this.#out.writeHead(indent);
  }

  #seq({ items }: SeqSyntax, indent: number, end: PrintedComments): void {
    const { entries, foot } = this.#withComments(items);
    for (const [index, { item, head, line }] of entries.entries()) {
      this.#out.load({ ...noComments, head });
      this.#out.writeHead(indent);
      this.#out.startLine(indent);
      this.#out.indicator("-", { keepsIndentation: true });
      const last = index === entries.length - 1 ? foot : "";
      this.value(item.value, { head: "", line, foot: last }, { indent, parent: "seq" });
    }
    this.#out.load(end);
  }

  /** Hangs every comment on the item that it stands before, the first too: go-yaml takes it for that of the key. */
  #withComments<I extends { readonly kind: "entry" | "element" }>(
    items: readonly (I | CommentSyntax)[],
  ): { readonly entries: readonly Commented<I>[]; readonly foot: string } {
    const entries: Commented<I>[] = [];
    let head: string[] = [];
    let line: string[] = [];
    for (const item of items) {
      if (item.kind === "comment") {
        const comment = item as CommentSyntax;
        (comment.inline ? line : head).push(this.#text.slice(comment.start, comment.end));
        continue;
      }
      entries.push({ item: item as I, head: head.join("\n"), line: line.join("\n") });
      head = [];
      line = [];
    }
    return { entries, foot: [...head, ...line].join("\n") };
  }

  #properties({ kind, properties }: Syntax): void {
    if (kind === "alias" || properties === undefined) return;
    const { anchor, tag } = properties;
    if (anchor) this.#out.word(this.#text.slice(anchor.start, anchor.end));
    const name = tag && this.#text.slice(tag.start, tag.end);
    // That it is a text is said by quotes.
    if (name !== undefined && name !== "!!str" && name !== "!") this.#out.word(name);
  }

  /** A node without line breaks: a scalar, an alias, or what stands in brackets. */
  #oneLine(syntax: Syntax, indent: number): string {
    switch (syntax.kind) {
      case "alias":
        return this.#text.slice(syntax.start, syntax.end);
      case "scalar":
        return this.#scalar(syntax, indent);
      case "map":
        return `{${syntax.items.flatMap((item) => (item.kind === "entry" ? [`${this.#inBrackets(item.key, indent)}: ${this.#inBrackets(item.value, indent)}`] : [])).join(", ")}}`;
      case "seq":
        return `[${syntax.items.flatMap((item) => (item.kind === "element" ? [this.#inBrackets(item.value, indent)] : [])).join(", ")}]`;
    }
  }

  #inBrackets(syntax: Syntax, indent: number): string {
    const properties = new Emitter();
    new NodePrinter(properties, this.#text).#properties(syntax);
    const before = properties.text === "" ? "" : `${properties.text} `;
    return before + this.#oneLine(syntax, indent);
  }

  #scalar(syntax: ScalarSyntax, indent: number): string {
    const { node, style } = syntax;
    if (node.kind !== "str") return this.#text.slice(syntax.start, syntax.end);
    const { value } = node;
    switch (style) {
      case "plain":
        return this.#plain(value, syntax);
      case "single":
        return singleQuoted(value, indent + step);
      case "double":
      case "literal":
      case "folded":
        return quoteDouble(value);
    }
  }

  #plain(value: string, { properties }: ScalarSyntax): string {
    // kyaml writes the merge key with its tag, wherever it stands.
    if (value === "<<" && properties === undefined) return "!!merge <<";
    const isTagged = properties?.tag !== undefined && !isStringForSops(value);
    return isTagged || value.includes("\n") ? quoteDouble(value) : value;
  }

  #literal({ node }: ScalarSyntax, { indent, parent }: Position): void {
    const value = node.kind === "str" ? node.value : "";
    const column = indent + step;
    // libyaml writes the step here, which is wrong where a list has moved the block by two.
    const digit = /^[ \n]/.test(value) ? String(parent === "map" ? step : column - indent) : "";
    const chomping = !value.endsWith("\n") ? "-" : value === "\n" || value.endsWith("\n\n") ? "+" : "";
    this.#out.literal(`|${digit}${chomping}`, value, column);
  }
}

function isInBrackets({ flow, items }: MapSyntax | SeqSyntax): boolean {
  return flow || items.length === 0;
}

function isBlockScalar({ style, node }: ScalarSyntax): boolean {
  const isBlock = style === "literal" || style === "folded" || (style === "plain" && node.kind === "str");
  return isBlock && node.kind === "str" && isLongText(node.value, style) && canBeLiteral(node.value);
}

/** go-yaml makes a block of a text without quotes that has line breaks. */
function isLongText(value: string, style: ScalarSyntax["style"]): boolean {
  return style === "plain" ? value.includes("\n") : value !== "";
}

/** A text in single quotes, which may have line breaks: each is written with one more than it has. */
function singleQuoted(value: string, column: number): string {
  if (/ \n|\n /.test(value)) return quoteDouble(value);
  return quoteSingle(value).replaceAll(/\n+/g, (breaks) => `\n${breaks}${" ".repeat(column)}`);
}
