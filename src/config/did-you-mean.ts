/** The known word that the user most likely meant: the same but for case and separators, or a slip of the finger away. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const plain = bare(word);
  const same = known.find((candidate) => bare(candidate) === plain);
  if (same !== undefined) return same;
  const [best] = known
    .map((candidate) => ({ candidate, distance: editDistance(plain, bare(candidate)) }))
    .filter(({ candidate, distance }) => distance <= slips(candidate))
    .sort((a, b) => a.distance - b.distance);
  return best?.candidate;
}

// Two slips in a long word, one in a short one.
function slips(candidate: string): number {
  return candidate.length > 6 ? 2 : 1;
}

function bare(word: string): string {
  return word.toLowerCase().replaceAll(/[_\s-]/g, "");
}

/** Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other. */
function editDistance(from: string, to: string): number {
  // Whatever is this much longer is no slip, and the table stays small.
  if (Math.abs(from.length - to.length) > 2) return Number.POSITIVE_INFINITY;
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 1; i <= from.length; i++) {
    const row: number[] = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = at(last, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1);
      const swapped =
        from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1] ? at(beforeLast, j - 2) + 1 : Infinity;
      row.push(Math.min(replaced, swapped, at(last, j) + 1, at(row, j - 1) + 1));
    }
    beforeLast = last;
    last = row;
  }
  return at(last, to.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
