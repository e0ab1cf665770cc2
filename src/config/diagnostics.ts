import { KsealError } from "../errors.ts";

/** Where a problem is, counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Something wrong in a configuration file, in the user's words. */
export interface Problem extends Place {
  readonly text: string;
  /** SOPS takes no notice of it, so that a user may be surprised that kseal does. */
  readonly ignoredBySops?: boolean;
}

// A list that scrolls away helps nobody.
const mostShown = 20;

/**
 * All problems of one file as one failure, in the order of the file: the first with its place in `where`, each other
 * one in a line of its own, `file:line:column: problem`.
 */
export function configError(file: string, problems: readonly Problem[]): KsealError {
  const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  const [first] = sorted;
  const prefix = first === undefined ? "" : `${file}:${first.line}:${first.column}: `;
  // A mapping behind an anchor is read once for each of its aliases, but is wrong only once.
  const lines = [...new Set(sorted.map(({ line, column, text }) => `${file}:${line}:${column}: ${text}`))];
  const shown = lines.slice(0, mostShown);
  if (lines.length > shown.length) shown.push(`and ${lines.length - shown.length} more`);
  // Whoever prints an error puts its place in front, so the first line goes without.
  return new KsealError("CONFIG_INVALID", shown.join("\n").slice(prefix.length), {
    hint: problems.some(({ ignoredBySops }) => ignoredBySops)
      ? "sops ignores unknown fields without a word; kseal refuses them, because a rule that is misspelt protects nothing"
      : undefined,
    where: { file, ...(first && { line: first.line, column: first.column }) },
  });
}
