import { commonSubsequence } from "./common-subsequence.ts";
import { deepest, tooDeep } from "./depth.ts";
import { scalarBytes } from "./scalar-text.ts";
import type { Comment, Entry, TreeNode } from "./tree.ts";

/** What stands in a map or a list. */
export type Item = Entry | Comment | TreeNode;

/**
 * Finds what became of the items of a container.
 *
 * Entries continue the entry with their key, of several the one of the same rank, wherever it stands now. All other
 * items follow the longest common subsequence; what is left between its members is taken in order, comments for
 * comments and values for values. Equal beginnings and ends cost linear time.
 *
 * @returns For every item of `next` the index of the item of `base` that it continues, if any; no index twice.
 */
export function alignItems(base: readonly Item[], next: readonly Item[]): readonly (number | undefined)[] {
  const isMap = base.some(isEntry) || next.some(isEntry);
  const same = isMap ? sameKeyOrComment : sameNode;
  const origins: (number | undefined)[] = new Array(next.length).fill(undefined);
  // A list with one item is not compared: lists in lists in lists would be compared again at every level.
  const compared = isMap || base.length > 1 || next.length > 1 ? Math.min(base.length, next.length) : 0;
  let start = 0;
  while (start < compared && same(at(base, start), at(next, start))) {
    origins[start] = start;
    start++;
  }
  let [baseEnd, nextEnd] = [base.length, next.length];
  while (base.length - baseEnd < compared - start && same(at(base, baseEnd - 1), at(next, nextEnd - 1))) {
    origins[--nextEnd] = --baseEnd;
  }
  const middle = { base: base.slice(start, baseEnd), next: next.slice(start, nextEnd) };
  const aligned = isMap ? alignMap(middle) : alignList(middle);
  for (const [index, origin] of aligned.entries()) {
    if (origin !== undefined) origins[start + index] = start + origin;
  }
  return origins;
}

interface Middle {
  readonly base: readonly Item[];
  readonly next: readonly Item[];
}

function alignMap({ base, next }: Middle): readonly (number | undefined)[] {
  const places = new Map<string, number[]>();
  for (const [index, item] of [...base.entries()].reverse()) {
    const label = labelOf(item);
    const known = places.get(label);
    if (known) known.push(index);
    else places.set(label, [index]);
  }
  const origins = next.map((item) => places.get(labelOf(item))?.pop());
  return alignChangedComments({ base, next }, origins);
}

// A comment with another text continues the comment that stood behind the same item.
function alignChangedComments(
  { base, next }: Middle,
  origins: (number | undefined)[],
): readonly (number | undefined)[] {
  const taken = new Set(origins);
  for (const [index, item] of next.entries()) {
    if (item.kind !== "comment" || origins[index] !== undefined) continue;
    const place = index === 0 ? 0 : (origins[index - 1] ?? Number.NaN) + 1;
    if (base[place]?.kind !== "comment" || taken.has(place)) continue;
    origins[index] = place;
    taken.add(place);
  }
  return origins;
}

function alignList({ base, next }: Middle): readonly (number | undefined)[] {
  const origins: (number | undefined)[] = new Array(next.length).fill(undefined);
  const { baseIds, nextIds } = base.length > 1 || next.length > 1 ? contentIds({ base, next }) : noIds;
  let [i, j] = [0, 0];
  const pairs = commonSubsequence(baseIds, nextIds);
  for (const [baseIndex, nextIndex] of [...pairs, [base.length, next.length] as const]) {
    for (; i < baseIndex && j < nextIndex; i++, j++) {
      if ((base[i]?.kind === "comment") === (next[j]?.kind === "comment")) origins[j] = i;
    }
    if (nextIndex < next.length) origins[nextIndex] = baseIndex;
    [i, j] = [baseIndex + 1, nextIndex + 1];
  }
  return origins;
}

const noIds = { baseIds: [], nextIds: [] };

// Equal items get the same number, so that the subsequence compares numbers and not trees.
function contentIds({ base, next }: Middle): { baseIds: number[]; nextIds: number[] } {
  const ids = new Map<string, number>();
  const idOf = (item: Item): number => {
    const content = contentOf(item, 0);
    const id = ids.get(content) ?? ids.size;
    ids.set(content, id);
    return id;
  };
  return { baseIds: base.map(idOf), nextIds: next.map(idOf) };
}

function contentOf(item: Item, depth: number): string {
  if (depth > deepest) throw tooDeep();
  switch (item.kind) {
    case "entry":
      return `${JSON.stringify(item.key)}:${contentOf(item.value, depth + 1)}`;
    case "comment":
      return `#${item.inline}${JSON.stringify(item.text)}`;
    case "map":
    case "seq":
      return `${item.kind}(${item.items.map((inner) => contentOf(inner, depth + 1)).join()})`;
    case "bytes":
      return `bytes${item.value.join()}`;
    case "float":
      return `float${Object.is(item.value, -0) ? "-0" : item.value}`;
    case "null":
      return "null";
    default:
      return `${item.kind}${JSON.stringify(String(item.value))}`;
  }
}

/** Whether two items are equal: values, types, order, comments. Text and the bytes of the same text are equal. */
export function sameNode(a: Item, b: Item): boolean {
  return sameItem(a, b, 0);
}

function sameItem(a: Item, b: Item, depth: number): boolean {
  if (a === b) return true;
  if (depth > deepest) throw tooDeep();
  switch (a.kind) {
    case "entry":
      return b.kind === "entry" && a.key === b.key && sameItem(a.value, b.value, depth);
    case "comment":
      return b.kind === "comment" && a.text === b.text && a.inline === b.inline;
    case "map":
    case "seq":
      return a.kind === b.kind && sameItems(a.items, b.items, depth + 1);
    case "null":
      return b.kind === "null";
    case "float":
      return b.kind === "float" && Object.is(a.value, b.value);
    case "bytes":
      return (b.kind === "bytes" || b.kind === "str") && sameBytes(a.value, scalarBytes(b));
    case "str":
      return b.kind === "bytes"
        ? sameBytes(scalarBytes(a), b.value)
        : b.kind === "str" && a.value === b.value;
    case "int":
    case "bool":
    case "time":
      return a.kind === b.kind && a.value === b.value;
  }
}

function sameItems(a: readonly Item[], b: readonly Item[], depth: number): boolean {
  return a.length === b.length && a.every((item, index) => sameItem(item, at(b, index), depth));
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

function sameKeyOrComment(a: Item, b: Item): boolean {
  return a.kind === "entry" && b.kind === "entry" ? a.key === b.key : sameNode(a, b);
}

function labelOf(item: Item): string {
  return item.kind === "entry" ? `k${item.key}` : item.kind === "comment" ? `c${item.text}` : "";
}

function isEntry(item: Item): boolean {
  return item.kind === "entry";
}

function at(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new RangeError("no item at this index");
  return item;
}
