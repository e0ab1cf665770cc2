import { KsealError } from "../errors.ts";
import type { OptionSpec } from "./command.ts";
import { since } from "./shared-options.ts";

const formats = ["text", "json", "sarif", "github", "gitlab", "junit"] as const;

/** A form of the report of `check`. */
export type CheckFormat = (typeof formats)[number];

/** Where a report goes; to standard output without a file. */
export interface CheckTarget {
  readonly format: CheckFormat;
  readonly file: string | undefined;
}

/** The flags of `check`. */
export const checking: readonly OptionSpec[] = [
  { flags: "--staged", summary: "what is staged, as it is in the index: for a Git hook" },
  since,
  {
    flags: "--clean <file>",
    summary: "pass this file from standard input on, or refuse it in clear: Git's clean filter",
  },
  {
    flags: "--expect <count>",
    summary: "judge what a build gave instead: so many of a kind, nothing encrypted; 'secrets>=3'",
    repeatable: true,
  },
  { flags: "--with-keys", summary: "also open the encrypted files and compare their MACs" },
  { flags: "--baseline <file>", summary: "report only what this file does not have" },
  { flags: "--write-baseline", summary: "make what is found now the baseline" },
  {
    flags: "-o, --output <format>",
    summary: `${formats.join(", ")}; FORMAT=FILE writes to a file, and it may be given several times`,
    repeatable: true,
  },
];

/**
 * Where the reports go.
 *
 * @param words - `sarif`, `junit=report.xml`, ...; text without any, and on GitHub annotations besides.
 * @throws KsealError `USAGE` for an unknown format, and for two reports on standard output.
 */
export function targetsOf(
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): readonly CheckTarget[] {
  if (words.length === 0) {
    const text: CheckTarget = { format: "text", file: undefined };
    return env["GITHUB_ACTIONS"] === "true" ? [text, { format: "github", file: undefined }] : [text];
  }
  const targets = words.map((word): CheckTarget => {
    const [name, ...rest] = word.split("=");
    const format = formats.find((known) => known === name);
    const file = rest.length === 0 ? undefined : rest.join("=");
    if (format !== undefined && file !== "") return { format, file };
    throw new KsealError("USAGE", `unknown output ${JSON.stringify(word)}`, {
      hint: `choose one of ${formats.join(", ")}, or FORMAT=FILE`,
    });
  });
  // GitHub reads its commands out of any text.
  const shown = targets.filter(({ file, format }) => file === undefined && format !== "github");
  if (shown.length <= 1) return targets;
  throw new KsealError("USAGE", "two reports cannot share standard output", {
    hint: "send one to a file: -o text -o sarif=kseal.sarif",
  });
}
