/** One line of the table. */
export interface ResultRow {
  readonly work: string;
  readonly ours: string;
  readonly theirs: string;
  /** What was reached, in words: `12.3 x faster`. */
  readonly reached: string;
  readonly wanted: string;
  readonly isMet: boolean;
}

/** The table of README, as Markdown. */
export function printRows(rows: readonly ResultRow[]): string {
  return [
    "| work | kseal | Bitnami controller | reached | wanted | |",
    "|---|---|---|---|---|---|",
    ...rows.map(
      ({ work, ours, theirs, reached, wanted, isMet }) =>
        `| ${work} | ${ours} | ${theirs} | **${reached}** | ${wanted} | ${isMet ? "met" : "missed"} |`,
    ),
  ].join("\n");
}

/** @param milliseconds - From 0. */
export function timeText(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds.toFixed(0)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** @param mebibytes - From 0. */
export function memoryText(mebibytes: number): string {
  return `${mebibytes.toFixed(0)} MiB`;
}

/** A ratio, and whether it is at least, or at most, what is wanted. */
export function ratioOf(
  ratio: number,
  wanted: { readonly atLeast: number } | { readonly atMost: number },
): Pick<ResultRow, "reached" | "wanted" | "isMet"> {
  const reached = `${ratio.toPrecision(3)} x`;
  return "atLeast" in wanted
    ? { reached, wanted: `>= ${wanted.atLeast} x`, isMet: ratio >= wanted.atLeast }
    : { reached, wanted: `<= ${wanted.atMost} x`, isMet: ratio <= wanted.atMost };
}
