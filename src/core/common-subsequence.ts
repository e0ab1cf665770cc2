/** Indices of an item that two sequences have in common. */
export type Pair = readonly [number, number];

// The exact answer needs a table of this many cells at most; 1,000 x 1,000 take a few milliseconds.
const largestTable = 1_000_000;

/**
 * Items that two sequences of numbers have in common, in the order of both.
 *
 * The longest such subsequence for sequences of ordinary length. For very long ones each occurrence of a number is
 * paired with the same occurrence in the other sequence, and the longest run of pairs in order is taken: the same
 * result unless equal items were moved among each other, in `n log n` steps.
 */
export function commonSubsequence(base: readonly number[], next: readonly number[]): readonly Pair[] {
  if (base.length * next.length <= largestTable) return longest(base, next);
  return longestRising(occurrencePairs(base, next));
}

function longest(base: readonly number[], next: readonly number[]): readonly Pair[] {
  const width = next.length + 1;
  const lengths = new Uint32Array((base.length + 1) * width);
  const length = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = base.length - 1; i >= 0; i--) {
    for (let j = next.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        base[i] === next[j] ? length(i + 1, j + 1) + 1 : Math.max(length(i + 1, j), length(i, j + 1));
    }
  }
  const pairs: Pair[] = [];
  for (let [i, j] = [0, 0]; i < base.length && j < next.length; ) {
    if (base[i] === next[j]) pairs.push([i++, j++]);
    else if (length(i + 1, j) >= length(i, j + 1)) i++;
    else j++;
  }
  return pairs;
}

function occurrencePairs(base: readonly number[], next: readonly number[]): readonly Pair[] {
  const places = new Map<number, { readonly indices: number[]; used: number }>();
  for (const [index, id] of base.entries()) {
    const known = places.get(id);
    if (known) known.indices.push(index);
    else places.set(id, { indices: [index], used: 0 });
  }
  return next.flatMap((id, index): Pair[] => {
    const known = places.get(id);
    const origin = known?.indices[known.used++];
    return origin === undefined ? [] : [[origin, index]];
  });
}

/** The longest run of pairs whose first halves rise too (patience sorting). */
function longestRising(pairs: readonly Pair[]): readonly Pair[] {
  interface Link {
    readonly pair: Pair;
    readonly before: Link | undefined;
  }
  // tops[n] ends the rising run of length n + 1 whose end is lowest.
  const tops: Link[] = [];
  for (const pair of pairs) {
    let [low, high] = [0, tops.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((tops[middle]?.pair[0] ?? 0) < pair[0]) low = middle + 1;
      else high = middle;
    }
    tops[low] = { pair, before: tops[low - 1] };
  }
  const run: Pair[] = [];
  for (let link = tops.at(-1); link !== undefined; link = link.before) run.push(link.pair);
  return run.reverse();
}
