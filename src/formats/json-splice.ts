import type { Comment, Entry, MapNode, SeqNode, TreeNode } from "../core/tree.ts";
import { alignItems, sameNode } from "../core/tree-diff.ts";
import { type JsonLayout, printJson, printJsonText } from "./json-print.ts";
import { isEscaped, type JsonMember, type JsonSpan } from "./json-read.ts";

/** A JSON text as it was read: what a splice starts from. */
export interface JsonSource {
  readonly text: string;
  /** Everything in the file, the metadata included. */
  readonly root: MapNode;
  readonly span: JsonSpan;
}

/** Writes `next` in place of what the source holds. Text of members that stay the same stays, byte for byte. */
export function spliceJson(source: JsonSource, next: MapNode): string {
  const { text, root, span } = source;
  const parts = [text.slice(0, span.start)];
  const layout = layoutOf(source);
  new Splicer(text, layout, parts).node({ node: root, span }, next, "");
  parts.push(text.slice(span.end));
  return parts.join("");
}

/** The layout that new members take: that of the first member of the file. */
function layoutOf({ text, span }: JsonSource): JsonLayout {
  const [first] = span.members;
  if (first === undefined) return { newline: text.includes("\r\n") ? "\r\n" : "\n", unit: "\t", colon: ": " };
  const gap = text.slice(span.start + 1, first.start);
  const [newline = ""] = /\r?\n/.exec(gap) ?? [];
  const colon = text.slice(endOfKey(text, first.start), first.span.start);
  return { newline, unit: newline === "" ? "" : lastLine(gap), colon: /[\r\n]/.test(colon) ? ": " : colon };
}

interface Spanned {
  readonly node: TreeNode;
  readonly span: JsonSpan;
}

class Splicer {
  readonly #text: string;
  readonly #layout: JsonLayout;
  readonly #parts: string[];

  constructor(text: string, layout: JsonLayout, parts: string[]) {
    this.#text = text;
    this.#layout = layout;
    this.#parts = parts;
  }

  node(base: Spanned, next: TreeNode, indentation: string): void {
    if (base.node.kind === "map" && next.kind === "map") {
      this.#members(base.node, base.span, next, indentation);
    } else if (base.node.kind === "seq" && next.kind === "seq") {
      this.#members(base.node, base.span, next, indentation);
    } else if (sameNode(base.node, next)) {
      this.#keep(base.span.start, base.span.end);
    } else {
      this.#parts.push(printJson(next, this.#layout, indentation));
    }
  }

  #members(
    base: MapNode | SeqNode,
    { start, end, members }: JsonSpan,
    next: MapNode | SeqNode,
    indentation: string,
  ): void {
    const items = (next.items as readonly (Entry | Comment | TreeNode)[]).filter((item) => !isComment(item));
    if (items.length === 0) {
      if (members.length === 0) this.#keep(start, end);
      else this.#parts.push(base.kind === "map" ? "{}" : "[]");
      return;
    }
    const gaps = this.#gapsOf(base, { start, end, members }, indentation);
    const origins = alignItems(base.items, items);
    this.#keep(start, start + 1);
    this.#parts.push(gaps.before);
    for (const [index, item] of items.entries()) {
      const origin = origins[index];
      if (index > 0) this.#parts.push(this.#separator(members, origins[index - 1], origin) ?? gaps.between);
      this.#member(base, members, origin, item, gaps.indentation);
    }
    this.#parts.push(gaps.after);
    this.#keep(end - 1, end);
  }

  #member(
    base: MapNode | SeqNode,
    members: readonly JsonMember[],
    origin: number | undefined,
    item: Entry | TreeNode,
    indentation: string,
  ): void {
    const member = origin === undefined ? undefined : members[origin];
    const baseItem = origin === undefined ? undefined : base.items[origin];
    const value = item.kind === "entry" ? item.value : item;
    if (member === undefined || baseItem === undefined || isComment(baseItem)) {
      if (item.kind === "entry") this.#parts.push(printJsonText(item.key), this.#layout.colon);
      this.#parts.push(printJson(value, this.#layout, indentation));
      return;
    }
    this.#keep(member.start, member.span.start);
    const node = baseItem.kind === "entry" ? baseItem.value : baseItem;
    this.node({ node, span: member.span }, value, lineIndentation(this.#text, member.start) ?? indentation);
  }

  /** What stood between two members that were neighbours before. */
  #separator(
    members: readonly JsonMember[],
    a: number | undefined,
    b: number | undefined,
  ): string | undefined {
    if (a === undefined || b !== a + 1) return undefined;
    const [first, second] = [members[a], members[b]];
    return first && second && this.#text.slice(first.span.end, second.start);
  }

  /** How the container spaces its members, or would. */
  #gapsOf(
    base: MapNode | SeqNode,
    { start, end, members }: JsonSpan,
    indentation: string,
  ): { before: string; between: string; after: string; indentation: string } {
    const { newline, unit } = this.#layout;
    const first = members[0];
    const last = members.at(-1);
    if (first === undefined || last === undefined) {
      const inner = newline === "" ? "" : newline + indentation + unit;
      const after = newline === "" ? "" : newline + indentation;
      return { before: inner, between: `,${inner}`, after, indentation: indentation + unit };
    }
    const before = this.#text.slice(start + 1, first.start);
    const after = this.#text.slice(last.span.end, end - 1);
    const between = this.#separator(members, base.items.length - 2, base.items.length - 1) ?? `,${before}`;
    return { before, between, after, indentation: before.includes("\n") ? lastLine(before) : indentation };
  }

  #keep(start: number, end: number): void {
    this.#parts.push(this.#text.slice(start, end));
  }
}

function isComment(item: Entry | Comment | TreeNode): item is Comment {
  return item.kind === "comment";
}

function lastLine(text: string): string {
  return text.slice(text.lastIndexOf("\n") + 1);
}

/** The white space a line begins with, when nothing else stands before `offset` on it. */
function lineIndentation(text: string, offset: number): string | undefined {
  const before = text.slice(text.lastIndexOf("\n", offset - 1) + 1, offset);
  return /^[ \t]*$/.test(before) ? before : undefined;
}

function endOfKey(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end + 1;
}
