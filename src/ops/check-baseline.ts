import { KsealError } from "../errors.ts";
import type { CheckFinding } from "./check-rules.ts";

/** Findings that are known, by {@link keysOfFindings}. */
export type Baseline = ReadonlySet<string>;

/**
 * What tells findings apart from run to run: rule, file, place in the file and, where several are alike, the how manieth
 * it is. Lines are not in it, for they move with every edit; nothing of the content is.
 */
export function keysOfFindings(findings: readonly CheckFinding[]): readonly string[] {
  const seen = new Map<string, number>();
  return findings.map(({ rule, file, path = "" }) => {
    const key = JSON.stringify([rule, file, path]);
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    return JSON.stringify([rule, file, path, count]);
  });
}

/** @throws KsealError `FORMAT_INVALID` for what is no baseline. */
export function readBaseline(bytes: Uint8Array, file: string): Baseline {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    value = undefined;
  }
  const findings =
    typeof value === "object" && value !== null && "findings" in value ? value.findings : undefined;
  if (!Array.isArray(findings)) {
    throw new KsealError("FORMAT_INVALID", "this is no baseline", {
      hint: `write one: kseal check --baseline ${file} --write-baseline`,
      where: { file },
    });
  }
  return new Set(findings.map((one) => JSON.stringify(one)));
}

/** One finding a line, so that a review shows what was accepted. */
export function printBaseline(findings: readonly CheckFinding[]): string {
  const lines = keysOfFindings(findings).toSorted();
  return `{"version":1,"findings":[\n${lines.map((line) => `  ${line}`).join(",\n")}\n]}\n`;
}

/** The findings that a baseline does not have. */
export function withoutKnown(findings: readonly CheckFinding[], baseline: Baseline): readonly CheckFinding[] {
  const keys = keysOfFindings(findings);
  return findings.filter((_, index) => !baseline.has(keys[index] ?? ""));
}
