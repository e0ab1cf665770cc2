import type { Comment, Entry, MapNode, SeqNode, TreeNode } from "../core/tree.ts";
import { sameNode } from "../core/tree-diff.ts";
import { pairItems } from "./yaml-align.ts";
import { isBlank, isBreak } from "./yaml-comment-lines.ts";
import { columnOf } from "./yaml-layout.ts";
import { printBlock } from "./yaml-print.ts";
import { chooseStyle, quoteDouble, quoteSingle } from "./yaml-quote.ts";
import { lineStart, nextLine } from "./yaml-scan.ts";
import { NoPlace, type Splicing } from "./yaml-slot.ts";
import type { CommentSyntax, ElementSyntax, EntrySyntax, MapSyntax, SeqSyntax } from "./yaml-syntax.ts";

type Item = Entry | Comment | TreeNode;
type ItemSyntax = EntrySyntax | ElementSyntax | CommentSyntax;

/**
 * Changes the items of a block: their lines come, go or are rewritten; all other lines stay.
 *
 * @throws NoPlace when nothing is left behind the dash that the block begins behind.
 */
export function spliceBlock(
  splicer: Splicing,
  syntax: MapSyntax | SeqSyntax,
  next: MapNode | SeqNode,
  options: BlockOptions = {},
): void {
  new BlockItems(splicer, syntax, options).become(next);
}

export interface BlockOptions {
  /** Comments that the new items do not have stay. */
  readonly keepsComments?: boolean;
}

class BlockItems {
  readonly #splicer: Splicing;
  readonly #syntax: MapSyntax | SeqSyntax;
  readonly #old: readonly ItemSyntax[];
  readonly #options: BlockOptions;
  readonly #text: string;
  /** What stays, by its index, and what it becomes. */
  readonly #becomes = new Map<number, Item>();
  /** Comments whose lines went away with an item: they have been written anew. */
  readonly #moved = new Set<ItemSyntax>();

  constructor(splicer: Splicing, syntax: MapSyntax | SeqSyntax, options: BlockOptions) {
    this.#splicer = splicer;
    this.#syntax = syntax;
    this.#old = syntax.items;
    this.#options = options;
    this.#text = splicer.text;
  }

  become(next: MapNode | SeqNode): void {
    const items: readonly Item[] = next.items;
    const origins = pairItems(this.#syntax.node.items, items);
    for (const [index, origin] of origins.entries()) {
      const item = items[index];
      if (origin !== undefined && item) this.#becomes.set(origin, item);
    }
    this.#removeOthers();
    let last: ItemSyntax | undefined;
    let added: Item[] = [];
    for (const [index, item] of items.entries()) {
      const origin = origins[index];
      const place = origin === undefined ? undefined : this.#old[origin];
      if (place === undefined) {
        added.push(item);
        continue;
      }
      this.#insert(added, last);
      added = [];
      if (!this.#moved.has(place) && !this.#lift(place, item, origin)) this.#change(place, item);
      if (place.start >= (last?.start ?? 0) && !this.#standsInside(place, origin)) last = place;
    }
    this.#insert(added, last);
  }

  /** Whether a comment stands on a line of the item that follows it in the list of items. */
  #standsInside(place: ItemSyntax, index: number | undefined): boolean {
    if (place.kind !== "comment" || index === undefined) return false;
    const holder = this.#old[this.#nextValue(index)];
    return holder !== undefined && holder.start < place.start;
  }

  /**
   * Moves the comment behind a value above it, where it would get into the mapping or list that takes the place of
   * the value.
   */
  #lift(place: ItemSyntax, item: Item, origin: number | undefined): boolean {
    if (origin === undefined || place.kind !== "comment" || item.kind !== "comment") return false;
    const index = this.#nextValue(origin);
    const holder = this.#old[index];
    const becomes = this.#becomes.get(index);
    if (!becomes || !holder || holder.kind === "comment" || holder.start > place.start) return false;
    if (!swallowsComment(holder, becomes)) return false;
    const { edits, layout } = this.#splicer;
    const line = lineStart(this.#text, holder.start);
    if (!isIndentation(this.#text, line, holder.start)) throw new NoPlace();
    let from = place.start;
    while (isBlank(this.#text.charCodeAt(from - 1))) from--;
    edits.remove(from, place.end);
    edits.insert(line, `${this.#text.slice(line, holder.start)}#${item.text}${layout.newline}`);
    return true;
  }

  #change(place: ItemSyntax, item: Item): void {
    const { edits } = this.#splicer;
    if (place.kind === "comment") {
      if (item.kind === "comment") this.#retext(place, item.text);
      else edits.replace(place.start, place.end, this.#print([item]).trim());
      return;
    }
    if (item.kind === "comment") {
      // What SOPS keeps as an item of a list is a comment again.
      edits.replace(place.start, place.end, `#${item.text}`);
      return;
    }
    const slot = this.#splicer.slotOf(place, { flow: false });
    if (place.kind === "entry" && item.kind === "entry") {
      if (place.key.node.kind !== "str" || place.key.node.value !== item.key) {
        edits.replace(place.key.start, place.key.end, keyText(item.key));
      }
      this.#splicer.value(place.value, item.value, slot);
    } else if (place.kind === "element" && item.kind !== "entry") {
      this.#splicer.value(place.value, item, slot);
    }
  }

  #retext({ start, end }: CommentSyntax, text: string): void {
    if (this.#text.slice(start + 1, end) !== text) this.#splicer.edits.replace(start + 1, end, text);
  }

  #print(items: readonly Item[]): string {
    const { layout } = this.#splicer;
    const node = { kind: this.#syntax.kind, items } as MapNode | SeqNode;
    const isOnlyComments = items.every(({ kind }) => kind === "comment");
    const column = columnOf(this.#text, this.#syntax.start);
    const printed = isOnlyComments
      ? commentLines(items, column)
      : printBlock(node, column, { ...layout, floats: "float" });
    return printed.replaceAll("\n", layout.newline);
  }

  /** Adds lines behind an item, or before all of them. */
  #insert(items: readonly Item[], last: ItemSyntax | undefined): void {
    if (items.length === 0) return;
    const printed = this.#print(items);
    const { edits, layout } = this.#splicer;
    if (last === undefined) {
      this.#insertFirst(printed);
      return;
    }
    const end = last.end;
    const at = nextLine(this.#text, end);
    if (isBreak(this.#text.charCodeAt(at - 1)) && at > end) edits.insert(at, printed);
    else edits.insert(at, layout.newline + withoutLastBreak(printed));
  }

  #insertFirst(printed: string): void {
    const [first] = this.#old;
    const start = Math.min(this.#syntax.start, first?.start ?? this.#syntax.start);
    const line = lineStart(this.#text, start);
    if (isIndentation(this.#text, line, start)) {
      this.#splicer.edits.insert(line, printed);
      return;
    }
    if (first?.kind === "comment" && first.start === start) {
      // Behind the `---` of the document.
      this.#splicer.edits.insert(nextLine(this.#text, start), printed);
      return;
    }
    const margin = " ".repeat(columnOf(this.#text, start));
    this.#splicer.edits.insert(start, printed.trimStart() + margin);
  }

  #removeOthers(): void {
    for (const [index, item] of this.#old.entries()) {
      if (this.#becomes.has(index)) continue;
      if (item.kind !== "comment") this.#removeItem(item, index);
      else if (this.#options.keepsComments !== true) this.#removeComment(item, index);
    }
  }

  #removeItem(item: EntrySyntax | ElementSyntax, index: number): void {
    const { edits, layout } = this.#splicer;
    const line = lineStart(this.#text, item.start);
    const end = nextLine(this.#text, item.end);
    if (!isIndentation(this.#text, line, item.start)) {
      // The first item behind a dash: the next one moves up to it.
      const following = this.#old.find(
        (other, at) => at > index && this.#becomes.has(at) && other.start >= end,
      );
      if (!following) throw new NoPlace();
      edits.remove(item.start, following.start);
      return;
    }
    const comments = this.#commentsOn(index, { start: item.start, end });
    if (comments.length === 0) {
      edits.remove(line, end);
      return;
    }
    const column = columnOf(this.#text, item.start);
    edits.replace(line, end, commentLines(comments, column).replaceAll("\n", layout.newline));
  }

  /** Comments of the block that stay although the lines they stand on go. */
  #commentsOn(index: number, { start, end }: { start: number; end: number }): Comment[] {
    // They stand right before the item in the list of items, or right behind it.
    const comments: Comment[] = [];
    const take = (at: number): boolean => {
      const item = this.#old[at];
      if (item?.kind !== "comment") return false;
      const becomes = this.#becomes.get(at);
      const text = this.#options.keepsComments ? this.#text.slice(item.start + 1, item.end) : undefined;
      const kept = becomes?.kind === "comment" ? becomes.text : text;
      if (kept !== undefined && item.start >= start && item.end <= end) {
        comments.push({ kind: "comment", text: kept, inline: false });
        this.#moved.add(item);
      }
      return true;
    };
    let first = index;
    while (this.#old[first - 1]?.kind === "comment") first--;
    for (let at = first; at < index; at++) take(at);
    for (let at = index + 1; take(at); ) at++;
    return comments;
  }

  #removeComment({ start, end }: CommentSyntax, index: number): void {
    const line = lineStart(this.#text, start);
    if (isIndentation(this.#text, line, start)) {
      this.#splicer.edits.remove(line, nextLine(this.#text, end));
      return;
    }
    // When the item on its line goes too, the line takes the comment with it.
    const holder = this.#nextValue(index);
    const held = this.#old[holder];
    if (held && held.start < start && !this.#becomes.has(holder)) return;
    let from = start;
    while (isBlank(this.#text.charCodeAt(from - 1))) from--;
    this.#splicer.edits.remove(from, end);
  }

  #nextValue(index: number): number {
    let at = index + 1;
    while (this.#old[at]?.kind === "comment") at++;
    return at;
  }
}

function swallowsComment({ kind, value }: EntrySyntax | ElementSyntax, becomes: Item): boolean {
  const next = becomes.kind === "entry" ? becomes.value : becomes;
  if (next.kind !== "map" && next.kind !== "seq") return false;
  if (value.kind === "map" || value.kind === "seq" || sameNode(value.node, next)) return false;
  return kind === "element" || next.items.length === 0;
}

function keyText(key: string): string {
  const { text, style } = chooseStyle({ kind: "str", value: key }, "float");
  if (style === "plain") return text;
  return style === "single" ? quoteSingle(text) : quoteDouble(text, { keepsCharacters: true });
}

function commentLines(items: readonly Item[], column: number): string {
  const margin = " ".repeat(column);
  return items.map((item) => (item.kind === "comment" ? `${margin}#${item.text}\n` : "")).join("");
}

function isIndentation(text: string, line: number, offset: number): boolean {
  for (let at = line; at < offset; at++) {
    if (text.charCodeAt(at) !== 0x20) return false;
  }
  return true;
}

function withoutLastBreak(text: string): string {
  return text.replace(/\r?\n$/, "");
}
