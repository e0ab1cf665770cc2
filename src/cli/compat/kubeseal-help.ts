import { kubesealFlags, type PflagSpec } from "./kubeseal-flags.ts";

/** The list of flags as `kubeseal --help` prints it, without its first line. */
export function flagUsages(): string {
  const rows = kubesealFlags
    .filter(({ deprecated }) => deprecated === undefined)
    .map((spec) => [flagColumn(spec), usageColumn(spec)] as const);
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `${left.padEnd(width)}   ${right}\n`).join("");
}

/** The first line of the list. */
export const usageHead: string = "Usage of kubeseal:\n";

function flagColumn({ name, shorthand, kind }: PflagSpec): string {
  const names = shorthand === undefined ? `      --${name}` : `  -${shorthand}, --${name}`;
  if (kind === "bool" || kind === "goBool") return names;
  return `${names} ${kind === "scope" ? "string" : kind}`;
}

function usageColumn({ usage, shownDefault }: PflagSpec): string {
  return shownDefault === undefined ? usage : `${usage} (default ${shownDefault})`;
}
