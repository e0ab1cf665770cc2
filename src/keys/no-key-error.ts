import { describeKey, type KeyNames } from "../core/key-names.ts";
import type { MasterKey } from "../core/master-key.ts";
import { KsealError, type Where } from "../errors.ts";
import type { Refusal } from "./opened-keys.ts";

/** How one master key of a file fared. */
export interface Attempt {
  /** Index of the key group. */
  readonly group: number;
  readonly key: MasterKey;
  /** Why it did not open, or `undefined` when it did (a share alone is not enough). */
  readonly reason: string | undefined;
  readonly kind: Refusal["kind"] | undefined;
  readonly hint: string | undefined;
}

export interface NoKeyReport {
  readonly attempts: readonly Attempt[];
  /** How many groups hold a share, how many are needed, how many opened. One group holds the key itself. */
  readonly groups: { readonly all: number; readonly needed: number; readonly opened: number };
  /** What the user has at hand, in public words. */
  readonly holdings: readonly string[];
  /** What the keys are called. */
  readonly names: KeyNames;
  readonly hint?: string | undefined;
}

/**
 * No master key of a file gave up the data key.
 *
 * The message says for every key why not, and what the user has at hand; the same stands in the fields, as data.
 */
export class NoKeyError extends KsealError {
  readonly attempts: readonly Attempt[];
  readonly holdings: readonly string[];
  readonly #report: NoKeyReport;

  constructor(report: NoKeyReport, where?: Where) {
    super("NO_KEY", describe(report), { hint: report.hint, where });
    this.attempts = report.attempts;
    this.holdings = report.holdings;
    this.#report = report;
  }

  override at(where: Where, hint?: string): NoKeyError {
    return new NoKeyError({ ...this.#report, hint: this.hint ?? hint }, { ...where, ...this.where });
  }
}

function describe({ attempts, groups, holdings, names }: NoKeyReport): string {
  const several = groups.all > 1;
  const title = several
    ? `cannot open the data key: ${groups.opened} of ${groups.all} key groups opened, ${groups.needed} are needed`
    : "cannot open the data key: no master key of the file could be used";
  const tried = attempts.map(({ group, key, reason }) => {
    const place = several ? `group ${group}, ` : "";
    return `  ${place}${describeKey(key, names)}: ${reason ?? "opened"}`;
  });
  return [title, ...tried, ...holdings.map((line) => `  ${line}`)].join("\n");
}
