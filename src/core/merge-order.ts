import { alignItems, type Item, sameNode } from "./tree-diff.ts";

/** One item in the versions that have it. Without `base` it was added. */
export interface OrderedItem<T> {
  readonly base?: T | undefined;
  readonly ours?: T | undefined;
  readonly theirs?: T | undefined;
  /** Both sides added something else at this place. */
  readonly clash: boolean;
}

interface Lists<T> {
  readonly base: readonly T[];
  readonly ours: readonly T[];
  readonly theirs: readonly T[];
}

/** How items are told from each other. */
interface Identity<T> {
  itemOf(item: T): Item;
  /** What makes an item the same one wherever it stands: the key of an entry. */
  nameOf(item: T): string | undefined;
}

/**
 * Puts the items of three versions of a container next to each other.
 *
 * @returns Every item that a side has, once, in our order; what only they have stands behind what it stands behind in
 *   their version, and behind what we added there.
 */
export function mergeOrder<T>(
  { base, ours, theirs }: Lists<T>,
  identity: Identity<T>,
): readonly OrderedItem<T>[] {
  const ourOrigins = placesIn(base, ours, identity);
  const theirOrigins = placesIn(base, theirs, identity);
  const theirPlaces = new Map(
    theirOrigins.flatMap((origin, at) => (origin === undefined ? [] : [[origin, at]])),
  );
  const additions = new Additions(theirs, theirOrigins, identity);
  const ourPlaces = new Map<number, number>();
  const gapOf = gapFinder();
  const order = ours.map((item, at): OrderedItem<T> => {
    const origin = ourOrigins[at];
    const gap = gapOf(origin);
    const their = origin === undefined ? additions.take(item, gap) : theirPlaces.get(origin);
    if (their !== undefined) ourPlaces.set(their, at);
    return { base: itemAt(base, origin), ours: item, theirs: itemAt(theirs, their), clash: false };
  });
  return withTheirs(order, behind({ base, theirs, theirOrigins, ourPlaces }));
}

/** Their items that are not ours, each behind the one of ours that stands before it; -1 is the beginning. */
function behind<T>(known: {
  readonly base: readonly T[];
  readonly theirs: readonly T[];
  readonly theirOrigins: readonly (number | undefined)[];
  readonly ourPlaces: ReadonlyMap<number, number>;
}): ReadonlyMap<number, readonly OrderedItem<T>[]> {
  const buckets = new Map<number, OrderedItem<T>[]>();
  let last = -1;
  for (const [at, item] of known.theirs.entries()) {
    const place = known.ourPlaces.get(at);
    if (place !== undefined) {
      last = place;
      continue;
    }
    const bucket = buckets.get(last) ?? [];
    bucket.push({ base: itemAt(known.base, known.theirOrigins[at]), theirs: item, clash: false });
    buckets.set(last, bucket);
  }
  return buckets;
}

function withTheirs<T>(
  order: readonly OrderedItem<T>[],
  buckets: ReadonlyMap<number, readonly OrderedItem<T>[]>,
): readonly OrderedItem<T>[] {
  const result: OrderedItem<T>[] = [];
  let ourAdditions: OrderedItem<T>[] = [];
  let pending = buckets.get(-1) ?? [];
  const emit = (): void => {
    const clash = ourAdditions.length > 0 && pending.some(({ base }) => base === undefined);
    for (const item of [...ourAdditions, ...pending])
      result.push({ ...item, clash: clash && item.base === undefined });
    ourAdditions = [];
    pending = [];
  };
  for (const [at, item] of order.entries()) {
    if (item.base === undefined && item.theirs === undefined) {
      ourAdditions.push(item);
      continue;
    }
    emit();
    result.push(item);
    pending = buckets.get(at) ?? [];
  }
  emit();
  return result;
}

/** What they added, found again by name, or in the same gap by content. */
class Additions<T> {
  readonly #identity: Identity<T>;
  readonly #named = new Map<string, number[]>();
  readonly #inGap = new Map<number, { readonly at: number; readonly item: T }[]>();

  constructor(theirs: readonly T[], origins: readonly (number | undefined)[], identity: Identity<T>) {
    this.#identity = identity;
    const gapOf = gapFinder();
    for (const [at, item] of theirs.entries()) {
      const gap = gapOf(origins[at]);
      if (origins[at] !== undefined) continue;
      const name = identity.nameOf(item);
      if (name === undefined) append(this.#inGap, gap, { at, item });
      else append(this.#named, name, at);
    }
  }

  /** The place of the same addition in their version, which is not given again. */
  take(item: T, gap: number): number | undefined {
    const name = this.#identity.nameOf(item);
    if (name !== undefined) return this.#named.get(name)?.shift();
    const others = this.#inGap.get(gap) ?? [];
    const { itemOf } = this.#identity;
    const found = others.findIndex((other) => sameNode(itemOf(other.item), itemOf(item)));
    return found < 0 ? undefined : others.splice(found, 1)[0]?.at;
  }
}

/** Tells behind which item of the base an item stands; -1 is the beginning. */
function gapFinder(): (origin: number | undefined) => number {
  let gap = -1;
  return (origin) => {
    gap = origin ?? gap;
    return gap;
  };
}

function placesIn<T>(
  base: readonly T[],
  next: readonly T[],
  identity: Identity<T>,
): readonly (number | undefined)[] {
  const names = [base, next].map((items) => new Set(items.map((item) => identity.nameOf(item) ?? "")));
  const areNamed = [base, next].every((items, at) => names[at]?.size === items.length && !names[at]?.has(""));
  if (areNamed) {
    const places = new Map(base.map((item, at) => [identity.nameOf(item), at]));
    return next.map((item) => places.get(identity.nameOf(item)));
  }
  const items = (some: readonly T[]): readonly Item[] => some.map((item) => identity.itemOf(item));
  return alignItems(items(base), items(next));
}

function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const known = lists.get(key);
  if (known) known.push(value);
  else lists.set(key, [value]);
}

function itemAt<T>(items: readonly T[], at: number | undefined): T | undefined {
  return at === undefined ? undefined : items[at];
}
