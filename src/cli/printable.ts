/**
 * One line of a report: names of files and keys come from the repository, and may hold what a terminal takes for
 * commands, or a line break that makes up a line of the report.
 */
export function printable(line: string): string {
  return line.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{fffd}");
}
