import { DataKey } from "../core/data-key.ts";
import { type KeyGroups, keyId, keyTypes, type MasterKey, type WrappedKey } from "../core/master-key.ts";
import type { Metadata } from "../core/metadata.ts";
import { combineShares, splitSecret } from "../core/shamir.ts";
import { KsealError } from "../errors.ts";
import { type Attempt, NoKeyError, shortKeyId } from "./no-key-error.ts";
import { mapBounded } from "./pool.ts";
import type { KeyContext, KeyProvider } from "./provider.ts";
import { providerFor } from "./registry.ts";

const defaultOrder = ["age", "pgp"];
const dataKeyLength = 32;
// Wraps are network calls for most key types: enough to hide latency, too few to be throttled.
const wrapsInFlight = 8;

type Outcome = { readonly dataKey: DataKey } | { readonly reason: string };

/** Wraps data keys for master keys and opens them again, each wrapped key at most once. */
export class Keyring {
  readonly #context: KeyContext;
  readonly #order: readonly string[];
  readonly #opened = new Map<string, DataKey>();
  readonly #outcomes = new Map<string, Promise<Outcome>>();

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
   * @throws KsealError `ENCRYPT_FAILED` naming every key for which it did not work: nothing is left out silently.
   */
  async wrapAll(
    dataKey: DataKey,
    groups: KeyGroups,
    threshold: number,
  ): Promise<readonly (readonly WrappedKey[])[]> {
    const shares = this.#shares(dataKey, groups, threshold);
    const jobs = groups.flatMap((group, index) => group.map((key) => ({ index, key })));
    const results = await mapBounded(jobs, wrapsInFlight, async ({ index, key }) => {
      try {
        return await this.#wrap(key, shares[index] ?? dataKey);
      } catch (error) {
        return refusal(error);
      }
    });
    refuseUnlessAll(jobs, results);
    return groups.map((_, index) =>
      results.filter(
        (result, i): result is WrappedKey => !(result instanceof KsealError) && jobs[i]?.index === index,
      ),
    );
  }

  /**
   * Opens the data key of a file.
   *
   * Keys that open without asking the user come first, in every group. With several groups all shares that opened are
   * put together, as SOPS does.
   *
   * @throws NoKeyError with every attempt when too few keys opened.
   */
  async unwrap(metadata: Metadata): Promise<DataKey> {
    const all = metadata.groups.length;
    // One share is never enough, whatever the file says.
    const needed = all > 1 ? Math.max(metadata.shamirThreshold || all, 2) : 1;
    const groups = metadata.groups.map((keys) => new GroupAttempt(this.#sorted(keys), all > 1));
    const opened = (): DataKey[] => groups.flatMap(({ dataKey }) => dataKey ?? []);

    for (const quiet of [true, false]) {
      for (const group of groups) {
        if (quiet || opened().length < needed) await this.#try(group, quiet);
      }
    }
    const shares = opened();
    const [first] = shares;
    if (first === undefined || shares.length < needed) throw await this.#noKey(groups, needed);
    return all > 1 ? combine(shares) : first;
  }

  async #try(group: GroupAttempt, quiet: boolean): Promise<void> {
    for (const wrapped of group.dataKey ? [] : group.keys) {
      if (this.#context.signal?.aborted) throw new KsealError("INTERRUPTED", "interrupted");
      const outcome = await this.#open(wrapped, quiet);
      if ("reason" in outcome) group.reasons.set(wrapped, outcome.reason);
      else if (group.accept(wrapped, outcome.dataKey)) return;
    }
  }

  async #open(wrapped: WrappedKey, quiet: boolean): Promise<Outcome> {
    const known = this.#opened.get(wrapped.enc);
    if (known) return { dataKey: known };
    const provider = await providerFor(wrapped.key.type);
    if (!provider) return { reason: notSupported(wrapped.key) };
    // Without anything to ask, the quiet attempt has already said everything.
    const name = `${provider.mayAsk ? quiet : true} ${wrapped.enc}`;
    let outcome = this.#outcomes.get(name);
    if (!outcome) {
      outcome = openOnce(provider, wrapped, { ...this.#context, quiet: quiet && provider.mayAsk === true });
      this.#outcomes.set(name, outcome);
    }
    const result = await outcome;
    if ("dataKey" in result) this.#opened.set(wrapped.enc, result.dataKey);
    return result;
  }

  async #wrap(key: MasterKey, dataKey: DataKey): Promise<WrappedKey> {
    const provider = await providerFor(key.type);
    if (!provider) throw new KsealError("ENCRYPT_FAILED", notSupported(key));
    const enc = await provider.wrap(key, dataKey, this.#context);
    if (key.type === "age") return { key, enc };
    const now = new Date(this.#context.host.now()).toISOString();
    return { key, enc, createdAt: now.replace(/\.\d+Z$/, "Z") };
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

  #sorted(keys: readonly WrappedKey[]): readonly WrappedKey[] {
    const rank = ({ key }: WrappedKey): number => {
      const place = this.#order.indexOf(key.type);
      return place < 0 ? this.#order.length : place;
    };
    return keys.toSorted((a, b) => rank(a) - rank(b));
  }

  async #noKey(groups: readonly GroupAttempt[], needed: number): Promise<NoKeyError> {
    const attempts = groups.flatMap((group, index) => group.attempts(index));
    const types = new Set(attempts.map(({ key }) => key.type));
    const holdings: string[] = [];
    const hints: string[] = [];
    for (const type of types) {
      const provider = await providerFor(type);
      holdings.push(...((await provider?.holdings?.(this.#context)) ?? []));
      const hint = provider?.nextStep?.(this.#context);
      if (hint) hints.push(hint);
    }
    const opened = groups.filter(({ dataKey }) => dataKey).length;
    const hint = hints.length > 0 ? hints.join("\n") : undefined;
    return new NoKeyError({ attempts, groups: { all: groups.length, needed, opened }, holdings, hint });
  }
}

/** One key group on its way to its share. */
class GroupAttempt {
  readonly keys: readonly WrappedKey[];
  readonly reasons: Map<WrappedKey, string> = new Map();
  dataKey: DataKey | undefined;
  #openedBy: WrappedKey | undefined;
  readonly #holdsShare: boolean;

  constructor(keys: readonly WrappedKey[], holdsShare: boolean) {
    this.keys = keys;
    this.#holdsShare = holdsShare;
  }

  /** Takes what a key opened to, unless it cannot be a data key (or a share of one: one byte longer). */
  accept(wrapped: WrappedKey, dataKey: DataKey): boolean {
    if (dataKey.reveal().length !== dataKeyLength + (this.#holdsShare ? 1 : 0)) {
      const what = this.#holdsShare ? "a share of a data key" : "a data key";
      this.reasons.set(wrapped, `what it opens to is not ${what}`);
      return false;
    }
    this.dataKey = dataKey;
    this.#openedBy = wrapped;
    this.reasons.delete(wrapped);
    return true;
  }

  attempts(group: number): Attempt[] {
    return this.keys
      .filter((wrapped) => wrapped === this.#openedBy || this.reasons.has(wrapped))
      .map((wrapped) => ({ group, key: wrapped.key, reason: this.reasons.get(wrapped) }));
  }
}

async function openOnce(provider: KeyProvider, wrapped: WrappedKey, context: KeyContext): Promise<Outcome> {
  try {
    const dataKey = await provider.unwrap(wrapped, context);
    return dataKey ? { dataKey } : { reason: "nothing at hand opens it" };
  } catch (error) {
    return { reason: refusal(error).message };
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

function notSupported(key: MasterKey): string {
  const type = key.type === "unknown" ? key.name : key.type;
  return `kseal does not open ${type} keys yet`;
}

function refuseUnlessAll(
  jobs: readonly { readonly key: MasterKey }[],
  results: readonly (WrappedKey | KsealError)[],
): void {
  const lines: string[] = [];
  const hints = new Set<string>();
  for (const [i, { key }] of jobs.entries()) {
    const result = results[i];
    if (!(result instanceof KsealError)) continue;
    lines.push(`  ${shortKeyId(keyId(key))}: ${result.message}`);
    if (result.hint !== undefined) hints.add(result.hint);
  }
  if (lines.length === 0) return;
  const title = `cannot wrap the data key for ${lines.length} of ${jobs.length} master keys`;
  const hint = hints.size > 0 ? [...hints].join("\n") : undefined;
  throw new KsealError("ENCRYPT_FAILED", [title, ...lines].join("\n"), { hint });
}

// Anything but a KsealError is a bug of kseal and must come out as one.
function refusal(error: unknown): KsealError {
  if (error instanceof KsealError && error.code !== "INTERRUPTED") return error;
  throw error;
}
