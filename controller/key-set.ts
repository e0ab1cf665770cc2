import type { KsealError } from "../src/errors.ts";
import { type KeyOrder, newestFirst, type SealingKey } from "../src/sealed/sealing-key.ts";

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
}

/** A Secret that is marked as a key and is none (S13). The others count all the same. */
export interface RefusedKey {
  readonly name: string;
  readonly error: KsealError;
}

/** Makes a set. Of a key that two Secrets hold, the first by name counts. */
export function keySetOf(
  found: readonly SealingKey[],
  { order, refused = [] }: { readonly order: KeyOrder; readonly refused?: readonly RefusedKey[] },
): KeySet {
  const byName = found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const byFingerprint = new Map(byName.toReversed().map((key) => [key.fingerprint, key]));
  const keys = newestFirst([...byFingerprint.values()], order);
  const sealing = keys.find(({ certificate }) => certificate !== undefined);
  return { keys, sealing, byFingerprint, refused };
}

/** When a key counts as made, in the controller's order; milliseconds since 1970. */
function dateOfKey({ certificate, createdAt }: SealingKey, order: KeyOrder): number | undefined {
  return order === "CertNotBefore" ? certificate?.notBefore : createdAt;
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
 * after the newest was made, as the Bitnami controller does.
 *
 * @param now - Milliseconds since 1970.
 * @returns Milliseconds since 1970; `undefined` for never. A key from the future, made by a machine whose clock was
 *   wrong, does not put it off by more than a period.
 */
export function renewalTime({ keys, sealing }: KeySet, rule: RenewalRule, now: number): number | undefined {
  const newest = keys[0];
  if (newest === undefined || sealing === undefined) return now;
  const made = dateOfKey(newest, rule.order) ?? Number.NEGATIVE_INFINITY;
  if (rule.cutoff !== undefined && made < rule.cutoff) return now;
  if (rule.period === 0) return undefined;
  return Math.max(now, Math.min(made, now) + rule.period);
}
