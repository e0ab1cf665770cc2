import type { Comparison, Spread } from "./measure.ts";
import type { Row } from "./rows.ts";

export interface Measured {
  readonly row: Row;
  readonly comparison: Comparison;
}

/** The table of README, as Markdown. */
export function printTable(measured: readonly Measured[]): string {
  const lines = [
    "| work | kseal | other side | ratio (middle half of the pairs) | wanted | peak memory, kseal / other side |",
    "|---|---|---|---|---|---|",
    ...measured.map(
      ({ row, comparison: { ours, theirs, ratio, memory } }) =>
        `| ${row.work} | ${time(ours)} | ${time(theirs)} | **${number(ratio.median)}** (${number(ratio.low)}-${number(ratio.high)}) | ${wanted(row, ratio)} | ${memory === undefined ? "" : memoryText(row, memory)} |`,
    ),
  ];
  return lines.join("\n");
}

/** How time grows with size: the time of one unit at each size, which stays the same when growth is linear. */
export function printGrowth(measured: readonly Measured[]): string {
  const series = Map.groupBy(
    measured.filter(({ row }) => row.series !== undefined),
    ({ row }) => row.series?.name ?? "",
  );
  const lines = [...series].flatMap(([name, rows]) => {
    if (rows.length < 2) return [];
    const cells = rows.map(({ row, comparison }) => {
      const size = row.series?.size ?? 1;
      const each = (side: Spread) => `${((side.median / size) * 1000).toPrecision(3)}`;
      return `${size.toLocaleString("en")}: ${each(comparison.ours)} / ${each(comparison.theirs)}`;
    });
    return [`| ${name} (${rows[0]?.row.series?.unit}) | ${cells.join(" | ")} |`];
  });
  if (lines.length === 0) return "";
  return [
    "| microseconds a unit, kseal / other side | small | middle | large |",
    "|---|---|---|---|",
    ...lines,
  ].join("\n");
}

/** What each side ran, once for each work. */
export function printCommands(measured: readonly Measured[], shorten: (text: string) => string): string {
  return measured
    .map(({ row }) => {
      const sides = [row.ours(), row.theirs()].map(({ commands, atOnce }) => {
        const first = shorten((commands[0] ?? []).join(" "));
        return commands.length === 1
          ? `\`${first}\``
          : `\`${first}\` and ${commands.length - 1} more, ${atOnce ?? 1} at a time`;
      });
      return `- ${row.work}: ${sides.join(" against ")}`;
    })
    .join("\n");
}

function wanted({ target }: Row, ratio: Spread): string {
  if (target === undefined) return "";
  return `<= ${target}${ratio.median <= target ? "" : " (missed)"}`;
}

function memoryText({ memoryTarget }: Row, { ours, theirs }: { ours: number; theirs: number }): string {
  const missed = memoryTarget !== undefined && ours > theirs * memoryTarget ? ", missed" : "";
  return `${Math.round(ours)} / ${Math.round(theirs)} MiB (${number(ours / theirs)}${missed})`;
}

function time({ median }: Spread): string {
  if (median < 1) return `${(median * 1000).toFixed(0)} µs`;
  return median < 1000 ? `${median.toFixed(1)} ms` : `${(median / 1000).toFixed(2)} s`;
}

function number(value: number): string {
  return value.toFixed(2);
}
