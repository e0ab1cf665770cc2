import { alignItems, type Item, sameNode } from "../core/tree-diff.ts";
import { isSealed } from "../core/value.ts";

/**
 * Finds for every new item the old one whose text it takes over, in the order of both.
 *
 * Beyond what {@link alignItems} knows, items that only changed stay where they are: a comment that was encrypted, a
 * key that was renamed, an item of a list of ciphertext.
 */
export function pairItems(base: readonly Item[], next: readonly Item[]): readonly (number | undefined)[] {
  if (isSealedInPlace(base, next)) return next.map((_, index) => index);
  const origins = keepOrder(alignItems(base, next));
  let [baseStart, nextStart] = [0, 0];
  for (let index = 0; index <= next.length; index++) {
    const origin = index === next.length ? base.length : origins[index];
    if (origin === undefined) continue;
    pairGap({ base, next, origins }, { baseStart, baseEnd: origin, nextStart, nextEnd: index });
    [baseStart, nextStart] = [origin + 1, index + 1];
  }
  return origins;
}

/** Encrypting and decrypting change every leaf and move none; looking for what moved would take long. */
function isSealedInPlace(base: readonly Item[], next: readonly Item[]): boolean {
  return (
    base.length === next.length &&
    base.every((item, index) => {
      const other = next[index];
      return other !== undefined && (item === other || changesSealing(item, other));
    })
  );
}

function changesSealing(a: Item, b: Item): boolean {
  if (a.kind === "entry") return b.kind === "entry" && a.key === b.key;
  if (a.kind === "map" || a.kind === "seq") return a.kind === b.kind && a.items.length === b.items.length;
  if (isContainer(b)) return false;
  return isSealedItem(a) !== isSealedItem(b) || sameNode(a, b);
}

function isContainer({ kind }: Item): boolean {
  return kind === "map" || kind === "seq" || kind === "entry";
}

function isSealedItem(item: Item): boolean {
  if (item.kind === "comment") return isSealed(item.text);
  return item.kind === "str" && isSealed(item.value);
}

interface Pairing {
  readonly base: readonly Item[];
  readonly next: readonly Item[];
  readonly origins: (number | undefined)[];
}

/** Items between two pairs are pairs too when there are as many of the same sorts on both sides. */
function pairGap(
  { base, next, origins }: Pairing,
  gap: { baseStart: number; baseEnd: number; nextStart: number; nextEnd: number },
): void {
  const length = gap.nextEnd - gap.nextStart;
  if (length === 0 || length !== gap.baseEnd - gap.baseStart) return;
  for (let offset = 0; offset < length; offset++) {
    const old = base[gap.baseStart + offset];
    const item = next[gap.nextStart + offset];
    if (!old || !item || !isSameSort(old, item)) return;
  }
  for (let offset = 0; offset < length; offset++) origins[gap.nextStart + offset] = gap.baseStart + offset;
}

function isSameSort(old: Item, item: Item): boolean {
  if (old.kind === "comment" || item.kind === "comment") {
    // SOPS keeps an encrypted comment of a list as an item of it.
    return old.kind === item.kind || isSealedItem(old) || isSealedItem(item);
  }
  return true;
}

/** Drops origins that would have to move: the longest rising sequence stays. */
function keepOrder(origins: readonly (number | undefined)[]): (number | undefined)[] {
  const ends: number[] = [];
  const before: number[] = [];
  for (const [index, origin] of origins.entries()) {
    if (origin === undefined) continue;
    const length = lowerBound(ends, (end) => (origins[end] ?? 0) < origin);
    before[index] = ends[length - 1] ?? -1;
    ends[length] = index;
  }
  const kept: (number | undefined)[] = new Array(origins.length).fill(undefined);
  for (let index = ends.at(-1) ?? -1; index >= 0; index = before[index] ?? -1) kept[index] = origins[index];
  return kept;
}

/** How many elements at the start of a sorted list are below. */
function lowerBound(list: readonly number[], isBelow: (element: number) => boolean): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBelow(list[middle] ?? 0)) low = middle + 1;
    else high = middle;
  }
  return low;
}
