import type { KsealError } from "../src/errors.ts";
import { type KeyOrder, newestFirst, type SealingKey } from "../src/sealed/sealing-key.ts";
import type { ClosedKey } from "../src/sealed/wrapped-key.ts";

/**
 * The sealing keys at one moment. It never changes: another set takes its place, so that whoever works with one sees the
 * same keys until the end (S20).
 */
export interface KeySet {
  /** Newest first: the order in which they are tried (S15). */
  readonly keys: readonly SealingKey[];
  /** The newest with a certificate, for which everybody seals. */
  readonly sealing: SealingKey | undefined;
  readonly byFingerprint: ReadonlyMap<string, SealingKey>;
  readonly refused: readonly RefusedKey[];
  /** Keys in envelopes that do not open, or not yet. */
  readonly closed: readonly UnopenedKey[];
  /** Of all keys, also of those that do not open: what one of them has opened needs no other. */
  readonly fingerprints: ReadonlySet<string>;
}

/** A key in an envelope that does not open now. */
export interface UnopenedKey extends ClosedKey {
  /** Why it did not open at the last attempt; `undefined` before the first. */
  readonly error: KsealError | undefined;
}

/** A Secret that is marked as a key and is none (S13). The others count all the same. */
export interface RefusedKey {
  readonly name: string;
  readonly error: KsealError;
}

/** Makes a set. Of a key that two Secrets hold, the first by name counts; of keys that are as old it comes first. */
export function keySetOf(
  found: readonly SealingKey[],
  options: {
    readonly order: KeyOrder;
    readonly refused?: readonly RefusedKey[];
    readonly closed?: readonly UnopenedKey[];
  },
): KeySet {
  const { order, refused = [] } = options;
  const byName = found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const byFingerprint = new Map(byName.toReversed().map((key) => [key.fingerprint, key]));
  const keys = newestFirst(
    byName.filter((key) => byFingerprint.get(key.fingerprint) === key),
    order,
  );
  const sealing = keys.find(({ certificate }) => certificate !== undefined);
  const closed = (options.closed ?? []).filter(({ fingerprint }) => !byFingerprint.has(fingerprint));
  const fingerprints = new Set([...keys, ...closed].map(({ fingerprint }) => fingerprint));
  return { keys, sealing, byFingerprint, refused, closed, fingerprints };
}

/** When a key counts as made, in the controller's order; milliseconds since 1970. */
function dateOfKey(
  { certificate, createdAt }: Pick<SealingKey, "certificate" | "createdAt">,
  order: KeyOrder,
): number {
  return (order === "CertNotBefore" ? certificate?.notBefore : createdAt) ?? Number.NEGATIVE_INFINITY;
}

export interface RenewalRule {
  readonly order: KeyOrder;
  /** Milliseconds; 0 for never. */
  readonly period: number;
  /** A newest key from before this moment is to be replaced; milliseconds since 1970. */
  readonly cutoff?: number | undefined;
}

/**
 * When the next key is to be made: at once when there is none, or the newest is from before the cutoff, else a period
 * after the newest was made, as the Bitnami controller does. One that does not open counts as made, too: a key service
 * that is away is no reason for another key.
 *
 * @param now - Milliseconds since 1970.
 * @returns Milliseconds since 1970; `undefined` for never. A key from the future, made by a machine whose clock was
 *   wrong, does not put it off by more than a period.
 */
export function renewalTime(
  { keys, sealing, closed }: KeySet,
  rule: RenewalRule,
  now: number,
): number | undefined {
  if (sealing === undefined && closed.length === 0) return now;
  const made = Math.max(...[...keys.slice(0, 1), ...closed].map((key) => dateOfKey(key, rule.order)));
  if (rule.cutoff !== undefined && made < rule.cutoff) return now;
  if (rule.period === 0) return undefined;
  return Math.max(now, Math.min(made, now) + rule.period);
}
