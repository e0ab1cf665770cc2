import type { Comment, Entry, MapNode, SeqNode, TreeNode } from "../core/tree.ts";
import { pairItems } from "./yaml-align.ts";
import { canBePlain, chooseStyle, quoteDouble } from "./yaml-quote.ts";
import { NoPlace, type Splicing } from "./yaml-slot.ts";
import type { CommentSyntax, ElementSyntax, EntrySyntax, MapSyntax, SeqSyntax } from "./yaml-syntax.ts";

type Item = Entry | Comment | TreeNode;
type ItemSyntax = EntrySyntax | ElementSyntax | CommentSyntax;

/**
 * Changes items between brackets.
 *
 * @throws NoPlace for comments that come or go: on one line there is no room for them.
 */
export function spliceFlow(splicer: Splicing, syntax: MapSyntax | SeqSyntax, next: MapNode | SeqNode): void {
  const items: readonly Item[] = next.items;
  // A pair without brackets in a list, `[a: b]`, has no room for a second one.
  const isPair = syntax.kind === "map" && splicer.text[syntax.start] !== "{";
  if (isPair && items.length !== syntax.items.length) throw new NoPlace();
  const origins = pairItems(syntax.node.items, items);
  const kept = new Set(origins);
  const old: readonly ItemSyntax[] = syntax.items;
  if (old.some((item, index) => item.kind === "comment" && !kept.has(index))) throw new NoPlace();
  removeItems(splicer, syntax, kept);
  let last: ItemSyntax | undefined;
  let waiting = "";
  for (const [index, item] of items.entries()) {
    const origin = origins[index];
    const place = origin === undefined ? undefined : old[origin];
    if (place === undefined) {
      const text = itemText(item);
      // Right behind its colon a comma would become part of the key for SOPS.
      const gap = last && splicer.text[last.end - 1] === ":" ? " " : "";
      if (last) splicer.edits.insert(last.end, `${gap}, ${text}`);
      else waiting += `${text}, `;
      continue;
    }
    if (place.kind !== "comment") {
      if (waiting !== "") splicer.edits.insert(place.start, waiting);
      waiting = "";
      last = place;
    }
    spliceItem(splicer, place, item);
  }
}

/** Items go with the comma behind them, those behind the last one that stays with the comma before. */
function removeItems(
  splicer: Splicing,
  syntax: MapSyntax | SeqSyntax,
  kept: ReadonlySet<number | undefined>,
): void {
  const old: readonly ItemSyntax[] = syntax.items;
  const values = old.flatMap((item, index) =>
    item.kind === "comment" ? [] : [{ item, isKept: kept.has(index) }],
  );
  const lastKept = values.findLastIndex(({ isKept }) => isKept);
  const last = values[lastKept];
  if (!last) throw new NoPlace();
  const remove = (start: number, end: number) => {
    if (old.some((item) => item.kind === "comment" && item.start >= start && item.start < end))
      throw new NoPlace();
    splicer.edits.remove(start, end);
  };
  for (const [index, { item, isKept }] of values.slice(0, lastKept).entries()) {
    if (!isKept) remove(item.start, values[index + 1]?.item.start ?? item.end);
  }
  if (lastKept < values.length - 1) remove(last.item.end, values.at(-1)?.item.end ?? last.item.end);
}

function spliceItem(splicer: Splicing, place: ItemSyntax, item: Item): void {
  if (place.kind === "comment") {
    if (item.kind !== "comment") throw new NoPlace();
    splicer.edits.replace(place.start + 1, place.end, item.text);
    return;
  }
  if (item.kind === "comment") throw new NoPlace();
  const slot = splicer.slotOf(place, { flow: true });
  if (place.kind === "entry" && item.kind === "entry") {
    const isRenamed = place.key.node.kind !== "str" || place.key.node.value !== item.key;
    if (isRenamed) splicer.edits.replace(place.key.start, place.key.end, keyText(item.key));
    splicer.value(place.value, item.value, slot);
  } else if (place.kind === "element" && item.kind !== "entry") {
    splicer.value(place.value, item, slot);
  }
}

function itemText(item: Item): string {
  if (item.kind === "comment") throw new NoPlace();
  return item.kind === "entry" ? `${keyText(item.key)}: ${flowText(item.value)}` : flowText(item);
}

function keyText(key: string): string {
  return canBePlain(key, { flow: true }) ? key : quoteDouble(key, { keepsCharacters: true });
}

/**
 * A node on one line, in brackets.
 *
 * @throws NoPlace for comments.
 */
export function flowText(node: TreeNode): string {
  switch (node.kind) {
    case "map":
      return `{${(node.items as readonly Item[]).map(itemText).join(", ")}}`;
    case "seq":
      return `[${(node.items as readonly Item[]).map(itemText).join(", ")}]`;
    case "str":
      return keyText(node.value);
    default: {
      const { text, tag } = chooseStyle(node, "float");
      return tag === undefined ? text : `${tag} ${text.replaceAll("\n", "")}`;
    }
  }
}
