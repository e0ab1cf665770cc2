import type { MasterKey, WrappedKey } from "../core/master-key.ts";
import type { Outcome } from "../keys/opened-keys.ts";
import { mapBounded } from "../keys/pool.ts";
import type { OpContext } from "./context.ts";
import { keyLookup } from "./key-lookup.ts";

/** How one master key fared. */
export interface KeyCheck {
  readonly key: MasterKey;
  /** `opens`, why it does not (a refusal's kind), or `untried`: a rule lists the key and no file has it. */
  readonly state: "opens" | Exclude<Outcome, { dataKey: unknown }>["kind"] | "untried";
  readonly reason?: string | undefined;
  /** What to type next. */
  readonly hint?: string | undefined;
  /** How long its source took. */
  readonly milliseconds?: number | undefined;
  /** The files that have the key, as the user named them. */
  readonly files: readonly string[];
}

/** A file, and the wrapped keys in it. */
export interface KeyedFile {
  readonly file: string;
  /** What decides which rule is for it. */
  readonly name: string;
  readonly groups: readonly (readonly WrappedKey[])[];
  /** How many groups have to open, as the file says it; 0 for all. */
  readonly threshold: number;
  /** Why it could not be read. */
  readonly problem?: string | undefined;
}

interface Probe {
  readonly key: MasterKey;
  readonly entries: readonly { readonly wrapped: WrappedKey; readonly of: KeyedFile }[];
}

const probesInFlight = 16;
// A key that works opens the first one. Several are tried when that one may be at fault, and not the key.
const mostEntries = 5;
const mayBeTheEntry: ReadonlySet<string> = new Set(["mismatch", "broken", "untrusted"]);

/**
 * Opens one wrapped key of every distinct master key in some files. What does not ask the user comes first; they are
 * asked only for keys of files that stay closed without them.
 */
export async function probeKeys(
  files: readonly KeyedFile[],
  isOpen: (file: KeyedFile, checks: readonly KeyCheck[]) => boolean,
  context: OpContext,
): Promise<readonly KeyCheck[]> {
  const probes = distinctKeys(files);
  const checks = await mapBounded(probes, probesInFlight, (probe) => check(probe, true, context));
  for (const [index, probe] of probes.entries()) {
    const closed = probe.entries.some(({ of }) => !isOpen(of, checks));
    if (checks[index]?.state === "opens" || !closed) continue;
    checks[index] = await check(probe, false, context);
  }
  return checks;
}

/** Tells keys apart as metadata does: one AWS key with two contexts is two. */
export function keyedBy(key: MasterKey): string {
  return JSON.stringify(key);
}

function distinctKeys(files: readonly KeyedFile[]): readonly Probe[] {
  const entries = files.flatMap((of) => of.groups.flat().map((wrapped) => ({ wrapped, of })));
  return [...Map.groupBy(entries, ({ wrapped }) => keyedBy(wrapped.key)).values()].flatMap((entries) => {
    const key = entries[0]?.wrapped.key;
    return key === undefined ? [] : [{ key, entries }];
  });
}

async function check({ key, entries }: Probe, quiet: boolean, context: OpContext): Promise<KeyCheck> {
  const { host, keyring } = context;
  const files = [...new Set(entries.map(({ of }) => of.file))];
  let last: KeyCheck = { key, state: "untried", files };
  for (const { wrapped, of } of entries.slice(0, mostEntries)) {
    const start = host.now();
    const outcome = await keyring.open(wrapped, { quiet, lookup: keyLookup(of.name, context) });
    const milliseconds = host.now() - start;
    if ("dataKey" in outcome) return { key, state: "opens", milliseconds, files };
    last = { key, state: outcome.kind, reason: outcome.reason, hint: outcome.hint, milliseconds, files };
    if (!mayBeTheEntry.has(outcome.kind)) break;
  }
  return last;
}
