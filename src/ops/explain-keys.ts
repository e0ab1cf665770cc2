import { type MasterKey, matchesListed, sameHolder, type WrappedKey } from "../core/master-key.ts";
import type { Metadata } from "../core/metadata.ts";
import { spelledThreshold } from "../core/metadata.ts";
import type { Outcome } from "../keys/opened-keys.ts";
import { mapBounded } from "../keys/pool.ts";
import { atHand } from "./at-hand.ts";
import type { OpContext } from "./context.ts";
import { keyLookup } from "./key-lookup.ts";

/** A key of a file, and whether you hold it. */
export interface ExplainedKey {
  readonly key: MasterKey;
  /** Its key group, from 1. */
  readonly group: number;
  /** `not-asked`: that takes a key service. Else as `kseal doctor` says it. */
  readonly state: "opens" | "not-asked" | Exclude<Outcome, { dataKey: unknown }>["kind"];
  readonly reason: string | undefined;
  /** Whether the creation rule lists it; `undefined` when none is for the file. */
  readonly isListed: boolean | undefined;
}

/** Which keys open a file, and which of them are at hand. */
export interface ExplainedKeys {
  readonly keys: readonly ExplainedKey[];
  readonly groups: { readonly all: number; readonly needed: number; readonly opened: number };
  /** `unknown`: it may open with keys that nobody asked. */
  readonly opens: "yes" | "no" | "unknown";
  /** Keys that the rule lists and the file has not. */
  readonly missing: readonly MasterKey[];
  /** Identities, programs and names of settings; never a value of one. */
  readonly atHand: readonly string[];
  /** What helps with keys that did not open. */
  readonly nextSteps: readonly string[];
}

// Opening one of these takes nothing but this machine.
const localTypes: ReadonlySet<string> = new Set(["age", "pgp"]);
const probesInFlight = 8;

/**
 * Tries the keys of a file, without asking the user anything; key services only when told to. No value is decrypted.
 *
 * @param name - The file's name, which decides the rule.
 * @param listed - The keys of its creation rule; `undefined` when none is for it, or it lists none.
 */
export async function explainKeys(
  { groups, shamirThreshold }: Metadata,
  about: {
    readonly name: string;
    readonly listed: readonly MasterKey[] | undefined;
    readonly online: boolean;
  },
  context: OpContext,
): Promise<ExplainedKeys> {
  const { listed, online } = about;
  const lookup = keyLookup(about.name, context);
  const all = groups.flatMap((group, index) => group.map((wrapped) => ({ wrapped, group: index + 1 })));
  const isAsked = ({ key }: WrappedKey): boolean => online || localTypes.has(key.type);
  const keys = await mapBounded(all, probesInFlight, async ({ wrapped, group }): Promise<ExplainedKey> => {
    const { key } = wrapped;
    const isListed = listed?.some((one) => matchesListed(key, one) || sameHolder(key, one));
    if (!isAsked(wrapped)) return { key, group, state: "not-asked", reason: undefined, isListed };
    const outcome = await context.keyring.open(wrapped, { quiet: true, lookup });
    if ("dataKey" in outcome) return { key, group, state: "opens", reason: undefined, isListed };
    return { key, group, state: outcome.kind, reason: outcome.reason, isListed };
  });
  const needed = groups.length > 1 ? Math.max(2, spelledThreshold(groups, shamirThreshold)) : 1;
  const having = (isMeant: (key: ExplainedKey) => boolean): number =>
    new Set(keys.filter(isMeant).map(({ group }) => group)).size;
  const opened = having(({ state }) => state === "opens");
  const possible = having(({ state }) => state === "opens" || state === "not-asked");
  const opens = opened >= needed ? "yes" : possible >= needed ? "unknown" : "no";
  const tried = keys.filter(({ state }) => state !== "not-asked");
  const failed = tried.filter(({ state }) => state !== "opens");
  const steps =
    opens === "yes"
      ? []
      : await context.keyring.nextSteps(failed.map(({ key }) => ({ key, hint: undefined })));
  const held = await atHand(
    tried.map(({ key }) => key),
    context,
  );
  return {
    keys,
    groups: { all: groups.length, needed, opened },
    opens,
    missing: (listed ?? []).filter(
      (one) => !all.some(({ wrapped }) => matchesListed(wrapped.key, one) || sameHolder(wrapped.key, one)),
    ),
    atHand: opens === "yes" ? held.filter((line) => line.startsWith("you hold ")) : held,
    nextSteps: steps,
  };
}
