import { DataKey } from "../core/data-key.ts";
import { describeKey, type KeyNames, noNames } from "../core/key-names.ts";
import { type KeyGroups, keyId, keyTypes, type MasterKey, type WrappedKey } from "../core/master-key.ts";
import type { Metadata } from "../core/metadata.ts";
import { combineShares, splitSecret } from "../core/shamir.ts";
import { KsealError } from "../errors.ts";
import { GroupAttempt } from "./group-attempt.ts";
import { type Attempt, NoKeyError } from "./no-key-error.ts";
import { openGroups } from "./open-groups.ts";
import { OpenedKeys, type Outcome, reasonOf, refusal } from "./opened-keys.ts";
import { mapBounded } from "./pool.ts";
import type { KeyContext } from "./provider.ts";
import { providerFor } from "./registry.ts";
import { unknownType } from "./unknown-type.ts";

const defaultOrder = ["age", "pgp"];
// Wraps are network calls for most key types: enough to hide latency, too few to be throttled.
const wrapsInFlight = 8;

/** What the user's configuration says about the keys of one file. Each is looked up when it is asked for, if ever. */
export interface KeyLookup {
  /** The keys that the matching creation rule or flags name: see {@link KeyContext.listed}. */
  listed(): Promise<readonly MasterKey[]>;
  names(): Promise<KeyNames>;
}

/** For a file of which no configuration says anything. */
export const noLookup: KeyLookup = { listed: async () => [], names: async () => noNames };

/** Wraps data keys for master keys and opens them again, each wrapped key at most once. */
export class Keyring {
  readonly #context: KeyContext;
  readonly #order: readonly string[];
  readonly #opened = new OpenedKeys();
  readonly #resolved = new Map<string, Promise<MasterKey>>();

  /**
   * @param options.decryptionOrder - Key types to try first; the others follow in the order of the file. Default
   *   `age`, `pgp`.
   * @throws KsealError `ORDER_INVALID` for a type that stands there twice. A type that does not exist is a warning.
   */
  constructor(context: KeyContext, options: { readonly decryptionOrder?: readonly string[] } = {}) {
    this.#context = context;
    this.#order = checkOrder(options.decryptionOrder ?? defaultOrder, context);
  }

  /**
   * Wraps a data key for every master key. With several groups each group gets a Shamir share of it.
   *
   * @param threshold - How many groups must come together; 0 means all of them. Of no meaning with one group.
   * @returns The wrapped keys in the order of the keys, each with the key as it was used ({@link Keyring.resolve}).
   * @throws KsealError `ENCRYPT_FAILED` naming every key for which it did not work: nothing is left out silently.
   */
  async wrapAll(
    dataKey: DataKey,
    groups: KeyGroups,
    threshold: number,
    lookup: KeyLookup = noLookup,
  ): Promise<readonly (readonly WrappedKey[])[]> {
    const shares = this.#shares(dataKey, groups, threshold);
    const context = { ...this.#context, listed: () => lookup.listed() };
    const jobs = groups.flatMap((group, index) => group.map((key) => ({ index, key })));
    const results = await mapBounded(jobs, wrapsInFlight, async ({ index, key }) => {
      try {
        return await this.#wrap(key, shares[index] ?? dataKey, context);
      } catch (error) {
        return refusal(error);
      }
    });
    await refuseUnlessAll(jobs, results, lookup);
    return groups.map((_, index) =>
      results.filter(
        (result, i): result is WrappedKey => !(result instanceof KsealError) && jobs[i]?.index === index,
      ),
    );
  }

  /**
   * Opens the data key of a file.
   *
   * @throws NoKeyError with every attempt when too few keys opened.
   */
  async unwrap(metadata: Metadata, lookup: KeyLookup = noLookup): Promise<DataKey> {
    const all = metadata.groups.length;
    // One share is never enough, whatever the file says.
    const needed = all > 1 ? Math.max(metadata.shamirThreshold || all, 2) : 1;
    const groups = metadata.groups.map((keys) => new GroupAttempt(this.#sorted(keys), all > 1));
    await openGroups(groups, {
      needed: Math.min(needed, all),
      rankOf: ({ key }) => this.#rankOf(key),
      open: (wrapped, { quiet }) => this.open(wrapped, { quiet, lookup }),
    });
    const shares = groups.flatMap(({ dataKey }) => dataKey ?? []);
    const [first] = shares;
    if (first === undefined || shares.length < needed) throw await this.#noKey(groups, needed, lookup);
    return all > 1 ? combine(shares) : first;
  }

  /**
   * Opens one wrapped key, unless this run has done so already, and says why it did not open.
   *
   * @param options.quiet - Tries only what opens without asking the user.
   */
  async open(
    wrapped: WrappedKey,
    { quiet, lookup }: { readonly quiet: boolean; readonly lookup: KeyLookup },
  ): Promise<Outcome> {
    if (this.#context.signal?.aborted) throw new KsealError("INTERRUPTED", "interrupted");
    return await this.#opened.open(wrapped, { ...this.#context, quiet, listed: () => lookup.listed() });
  }

  /** A key as it is wrapped for: what a rule leaves open (the version of an Azure key) is asked for, once a run. */
  async resolve(key: MasterKey): Promise<MasterKey> {
    // No other type leaves anything open, and its provider need not be loaded to say so.
    if (key.type !== "azure_kv" || key.version !== "") return key;
    const id = keyId(key);
    const known = this.#resolved.get(id) ?? this.#resolve(key);
    this.#resolved.set(id, known);
    return await known;
  }

  async #resolve(key: MasterKey): Promise<MasterKey> {
    const provider = await providerFor(key.type);
    return (await provider?.resolve?.(key, this.#context)) ?? key;
  }

  /** What is at hand to open keys of some types, in public words. */
  async holdings(types: Iterable<MasterKey["type"]>): Promise<readonly string[]> {
    const holdings: string[] = [];
    for (const type of new Set(types)) {
      const provider = await providerFor(type);
      holdings.push(...((await provider?.holdings?.(this.#context)) ?? []));
    }
    return holdings;
  }

  /** What the user can do when keys did not open: what their sources said, else what helps with keys of the type. */
  async nextSteps(attempts: readonly Pick<Attempt, "key" | "hint">[]): Promise<readonly string[]> {
    const steps = new Set(attempts.flatMap(({ hint }) => hint ?? []));
    for (const type of new Set(attempts.map(({ key }) => key.type))) {
      if (attempts.some(({ key, hint }) => key.type === type && hint !== undefined)) continue;
      const step = (await providerFor(type))?.nextStep?.(this.#context);
      if (step) steps.add(step);
    }
    return [...steps];
  }

  async #wrap(key: MasterKey, dataKey: DataKey, context: KeyContext): Promise<WrappedKey> {
    const provider = await providerFor(key.type);
    if (!provider) throw unknownType(key);
    const resolved = await this.resolve(key);
    const enc = await provider.wrap(resolved, dataKey, context);
    if (key.type === "age") return { key, enc };
    const now = new Date(this.#context.host.now()).toISOString();
    return { key: resolved, enc, createdAt: now.replace(/\.\d+Z$/, "Z") };
  }

  #shares(dataKey: DataKey, groups: KeyGroups, threshold: number): readonly DataKey[] {
    if (groups.length === 0) throw new KsealError("NO_MASTER_KEYS", "no master key to wrap the data key for");
    const empty = groups.findIndex((group) => group.length === 0);
    if (empty >= 0) {
      throw new KsealError(
        "NO_MASTER_KEYS",
        `key group ${empty} of ${groups.length}, counted from 0, holds no master key`,
      );
    }
    if (groups.length === 1) return [dataKey];
    const needed = threshold || groups.length;
    if (!Number.isInteger(needed) || needed < 2 || needed > groups.length || groups.length > 255) {
      const range = groups.length > 255 ? "at most 255 groups" : `between 2 and ${groups.length}`;
      throw new KsealError(
        "USAGE",
        `the Shamir threshold ${threshold} does not fit ${groups.length} key groups`,
        {
          hint: `choose ${range}, or 0 for all groups`,
        },
      );
    }
    const random = (length: number): Uint8Array => this.#context.host.random(length);
    const shares = splitSecret(dataKey.reveal(), { shares: groups.length, threshold: needed, random });
    return shares.map((share) => new DataKey(share));
  }

  #rankOf({ type }: MasterKey): number {
    const place = this.#order.indexOf(type);
    return place < 0 ? this.#order.length : place;
  }

  #sorted(keys: readonly WrappedKey[]): readonly WrappedKey[] {
    return keys.toSorted((a, b) => this.#rankOf(a.key) - this.#rankOf(b.key));
  }

  async #noKey(groups: readonly GroupAttempt[], needed: number, lookup: KeyLookup): Promise<NoKeyError> {
    const attempts = groups.flatMap((group, index) => group.attempts(index));
    const failed = attempts.filter(({ reason }) => reason !== undefined);
    const steps = await this.nextSteps(failed);
    return new NoKeyError({
      attempts,
      groups: { all: groups.length, needed, opened: groups.filter(({ dataKey }) => dataKey).length },
      holdings: await this.holdings(attempts.map(({ key }) => key.type)),
      names: await lookup.names(),
      hint: steps.length > 0 ? steps.join("\n") : undefined,
    });
  }
}

function combine(shares: readonly DataKey[]): DataKey {
  return new DataKey(combineShares(shares.map((share) => share.reveal())));
}

function checkOrder(order: readonly string[], { log }: KeyContext): readonly string[] {
  for (const [index, type] of order.entries()) {
    if (order.indexOf(type) !== index) {
      throw new KsealError("ORDER_INVALID", `the decryption order names ${type} twice`);
    }
    if (!keyTypes.some((known) => known === type)) {
      log.warn(`the decryption order names ${type}, which is no key type (they are ${keyTypes.join(", ")})`);
    }
  }
  return order;
}

async function refuseUnlessAll(
  jobs: readonly { readonly key: MasterKey }[],
  results: readonly (WrappedKey | KsealError)[],
  lookup: KeyLookup,
): Promise<void> {
  const failed = jobs.flatMap(({ key }, index) => {
    const error = results[index];
    return error instanceof KsealError ? [{ key, error }] : [];
  });
  if (failed.length === 0) return;
  const names = await lookup.names();
  const lines = failed.map(({ key, error }) => `  ${describeKey(key, names)}: ${reasonOf(error)}`);
  const title = `cannot wrap the data key for ${failed.length} of ${jobs.length} master keys`;
  const hints = new Set(failed.flatMap(({ error }) => error.hint ?? []));
  throw new KsealError("ENCRYPT_FAILED", [title, ...lines].join("\n"), {
    hint: hints.size > 0 ? [...hints].join("\n") : undefined,
    cause: failed[0]?.error,
  });
}
