import { type Envelope, openWithSessionKey } from "./envelope.ts";
import { compareText } from "./object-meta.ts";
import {
  labelOf,
  noKeyFailure,
  type OpenedItems,
  type OpenedValue,
  readItem,
  readValue,
} from "./open-items.ts";
import type { SealedSecret } from "./sealed-secret.ts";
import type { SealingKey } from "./sealing-key.ts";

/** Opens the RSA part of a sealed value; `undefined` when it is for another key or label. */
export type Unwrap = (
  wrappedKey: Uint8Array,
  place: { readonly key: SealingKey; readonly label: string },
) => Promise<Uint8Array | undefined>;

/** Values of one object that are opened at the same time: as many may find that the key has changed. */
const atOnce = 32;

/**
 * Opens the values of many SealedSecrets at the same time with few RSA operations: there is no name of a key in a sealed
 * value, and trying all keys on each would cost as many operations as there are keys.
 *
 * Keys that have opened something are tried first, the last one before the others, then newest first (S15). While one value searches
 * among the keys that opened nothing yet, the others wait for what it finds.
 */
export class KeySearch {
  readonly #keys: readonly SealingKey[];
  readonly #unwrap: Unwrap;
  /** Latest first. */
  #proven: readonly SealingKey[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  /** A value opened with no key: the others had better not wait for each other. */
  #inVain = false;

  /** @param options.keys - Newest first: {@link newestFirst}. */
  constructor(options: { readonly keys: readonly SealingKey[]; readonly unwrap: Unwrap }) {
    this.#keys = options.keys;
    this.#unwrap = options.unwrap;
  }

  /** As `openItems`; the one sealed value of an object from before 0.7 is the item with an empty name. */
  async openItems(sealed: SealedSecret): Promise<OpenedItems> {
    const label = labelOf(sealed);
    const { v1Data, encryptedData } = sealed;
    const items =
      v1Data === undefined
        ? [...encryptedData]
            .toSorted(([a], [b]) => compareText(a, b))
            .map(([item, text]) => ({ item, read: readItem(text) }))
        : [{ item: "", read: readValue(v1Data) }];
    const results = await inPlaces(items, async ({ item, read }) => {
      const value: OpenedValue =
        "message" in read ? { failure: read, rsaOperations: 0 } : await this.#open(read, label);
      return { item, ...value };
    });
    const opened = results.flatMap(({ item, opened: done }) =>
      done === undefined ? [] : [{ item, ...done }],
    );
    return {
      values: new Map(opened.map(({ item, plaintext }) => [item, plaintext])),
      openers: new Map(opened.map(({ item, key }) => [item, key])),
      failures: results.flatMap(({ item, failure }) => (failure === undefined ? [] : [{ item, ...failure }])),
      last: opened.at(-1)?.key,
      rsaOperations: results.reduce((sum, { rsaOperations }) => sum + rsaOperations, 0),
    };
  }

  async #open(envelope: Envelope, label: string): Promise<OpenedValue> {
    const attempt = new Attempt(envelope, label, this.#unwrap);
    const fits = (keys: readonly SealingKey[]) =>
      keys.find((key) => key.modulusLength === envelope.wrappedKey.length && !attempt.tried.includes(key));
    for (;;) {
      const proven = fits(this.#proven);
      if (proven !== undefined) {
        if (await attempt.with(proven)) break;
      } else if (fits(this.#keys) === undefined) {
        return { failure: noKeyFailure(envelope, attempt.tried), rsaOperations: attempt.tried.length };
      } else if (await this.#searchInTurn(attempt, fits)) break;
    }
    return this.#found(attempt);
  }

  async #searchInTurn(
    attempt: Attempt,
    fits: (keys: readonly SealingKey[]) => SealingKey | undefined,
  ): Promise<boolean> {
    if (this.#inVain) return this.#search(attempt, fits);
    return this.#inTurn(async () => !this.#inVain && (await this.#search(attempt, fits)));
  }

  /** Tries the keys that opened nothing yet, unless somebody else has found one meanwhile. */
  async #search(
    attempt: Attempt,
    fits: (keys: readonly SealingKey[]) => SealingKey | undefined,
  ): Promise<boolean> {
    for (;;) {
      if (fits(this.#proven) !== undefined) return false;
      const key = fits(this.#keys);
      if (key === undefined) {
        this.#inVain = true;
        return false;
      }
      if (!(await attempt.with(key))) continue;
      this.#proven = [key, ...this.#proven];
      return true;
    }
  }

  #found({ opened, tried }: Attempt): OpenedValue {
    if (opened === undefined) throw new TypeError("nothing was opened");
    const { key } = opened;
    if (this.#proven[0] !== key) this.#proven = [key, ...this.#proven.filter((other) => other !== key)];
    return { opened, rsaOperations: tried.length };
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    try {
      await before;
      return await work();
    } finally {
      resolve();
    }
  }
}

/** Works on some at a time, and keeps their order. */
async function inPlaces<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results = new Map<number, R>();
  const waiting = items.entries();
  const worker = async (): Promise<void> => {
    for (const [at, item] of waiting) results.set(at, await work(item));
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return [...results].toSorted(([a], [b]) => a - b).map(([, result]) => result);
}

/** The keys tried on one value. */
class Attempt {
  readonly tried: SealingKey[] = [];
  opened: { readonly plaintext: Uint8Array; readonly key: SealingKey } | undefined;
  readonly #envelope: Envelope;
  readonly #label: string;
  readonly #unwrap: Unwrap;

  constructor(envelope: Envelope, label: string, unwrap: Unwrap) {
    this.#envelope = envelope;
    this.#label = label;
    this.#unwrap = unwrap;
  }

  /** One RSA operation. */
  async with(key: SealingKey): Promise<boolean> {
    this.tried.push(key);
    const sessionKey = await this.#unwrap(this.#envelope.wrappedKey, { key, label: this.#label });
    const plaintext = openWithSessionKey(this.#envelope, sessionKey);
    if (plaintext === undefined) return false;
    this.opened = { plaintext, key };
    return true;
  }
}
