import { KsealError } from "../src/errors.ts";
import type { JsonObject } from "../src/kube/api.ts";
import { field, objectField } from "../src/sealed/object-fields.ts";
import { type KeyOrder, readSealingKey, type SealingKey } from "../src/sealed/sealing-key.ts";
import { readSecret, type Secret } from "../src/sealed/secret.ts";
import { type ClosedKey, isInUse, isWrapped, readClosedKey } from "../src/sealed/wrapped-key.ts";
import { type Backoff, backoffDelay } from "./backoff.ts";
import { type KeySet, keySetOf, type RefusedKey } from "./key-set.ts";
import { keyLabel } from "./names.ts";
import { pause, type Timer } from "./timer.ts";

export interface KeyStoreOptions {
  /** Where keys are looked for; Secrets elsewhere are none, whatever their labels say. */
  readonly namespace: string;
  /** A Secret of exactly this name is a key without a label, as controllers before 0.9 made one. */
  readonly keyPrefix: string;
  readonly order: KeyOrder;
  /** Told of every new set. */
  readonly onChange?: (set: KeySet, before: KeySet) => void;
  /** Without it keys in envelopes stay closed. */
  readonly envelopes?: EnvelopeOptions | undefined;
}

/** How keys are taken out of their envelopes. */
interface EnvelopeOptions {
  /** @throws what says why it does not open. */
  readonly open: (secret: Secret) => Promise<Secret>;
  readonly timer: Timer;
  /** From 0 to 1. */
  readonly chance: () => number;
  /** Ends the attempts. */
  readonly signal: AbortSignal;
}

/** What a Secret turned out to be. */
type Found = { readonly key: SealingKey } | { readonly refused: RefusedKey } | Closed;

interface Closed {
  readonly closed: ClosedKey;
  readonly error: KsealError | undefined;
  /** The same key from before it was wrapped: it goes on while the envelope is tried. */
  readonly stillOpen: SealingKey | undefined;
}

interface Entry {
  /** What the key was read from. */
  readonly content: string;
  readonly found: Found;
}

// The identity may be mounted later, and a key service comes back.
const backoff: Backoff = { first: 1000, longest: 60_000 };

/**
 * The sealing keys, as the Secrets of the cluster come and go (S20). Each change makes another {@link KeySet}; a Secret
 * that is no key is put aside and told of, and keeps none of the others from working (S13). Keys in envelopes are opened
 * as they are found, and tried again for as long as it takes.
 */
export class KeyStore {
  readonly #options: KeyStoreOptions;
  readonly #entries = new Map<string, Entry>();
  #current: KeySet;

  constructor(options: KeyStoreOptions) {
    this.#options = options;
    this.#current = keySetOf([], options);
  }

  /** The keys now. */
  get current(): KeySet {
    return this.#current;
  }

  /** Whether every key in an envelope was tried: before that objects would be called closed that are not. */
  get isSettled(): boolean {
    return this.#current.closed.every(({ error }) => error !== undefined);
  }

  /** Takes all Secrets of a list for everything there is: those that are missing in it are gone. */
  replace(secrets: readonly JsonObject[]): void {
    const names = new Set(secrets.map(nameOf));
    for (const name of this.#entries.keys()) if (!names.has(name)) this.#entries.delete(name);
    for (const secret of secrets) this.#put(secret);
    this.#swap();
  }

  /** A Secret that was added or changed. One that lost its label is no key any more. */
  put(secret: JsonObject): void {
    this.#put(secret);
    this.#swap();
  }

  /** A Secret that was deleted. */
  remove(secret: JsonObject): void {
    this.#entries.delete(nameOf(secret));
    this.#swap();
  }

  #put(object: JsonObject): void {
    const name = nameOf(object);
    if (!this.#isKey(object)) {
      this.#entries.delete(name);
      return;
    }
    // Reading a private key takes time, and opening an envelope a request: notes at the Secret are no reason for it.
    const content = contentOf(object);
    const before = this.#entries.get(name);
    if (before?.content === content) return;
    const found = read(object, { name, before: before?.found });
    const entry = { content, found };
    this.#entries.set(name, entry);
    if ("closed" in found) void this.#open(name, entry, found, object);
  }

  /** Tries until it opens, or the Secret is another. */
  async #open(name: string, entry: Entry, { closed }: Closed, object: JsonObject): Promise<void> {
    const { envelopes } = this.#options;
    let now = entry;
    const put = (found: Found): void => {
      now = { ...now, found };
      this.#entries.set(name, now);
      this.#swap();
    };
    const isOver = (): boolean => this.#entries.get(name) !== now || envelopes?.signal.aborted === true;
    for (let failures = 1; ; failures += 1) {
      try {
        if (envelopes === undefined) throw new Error("there is nothing to open envelopes with");
        const key = readSealingKey(await envelopes.open(secretOf(object)));
        if (!isOver()) put({ key });
        return;
      } catch (error) {
        if (isOver()) return;
        put({ closed, error: asKsealError(error), stillOpen: undefined });
        if (envelopes === undefined) return;
        await pause(backoffDelay(backoff, failures, envelopes.chance()), envelopes);
        if (isOver()) return;
      }
    }
  }

  #isKey(secret: JsonObject): boolean {
    const metadata = objectField(secret, "metadata", "");
    if (field(metadata, "namespace") !== this.#options.namespace) return false;
    const label = field(objectField(metadata, "labels", "metadata"), keyLabel);
    // Any other value takes a key out of use; `compromised` is the custom.
    return isInUse(label) || (label === undefined && field(metadata, "name") === this.#options.keyPrefix);
  }

  #swap(): void {
    const before = this.#current;
    const found = [...this.#entries.values()].map((entry) => entry.found);
    this.#current = keySetOf(
      found.flatMap((one) => keyIn(one) ?? []),
      {
        order: this.#options.order,
        refused: found.flatMap((one) => ("refused" in one ? [one.refused] : [])),
        closed: found.flatMap((one) => ("closed" in one ? [{ ...one.closed, error: one.error }] : [])),
      },
    );
    if (!saysTheSame(before, this.#current)) this.#options.onChange?.(this.#current, before);
  }
}

function read(
  object: JsonObject,
  from: { readonly name: string; readonly before: Found | undefined },
): Found {
  const { name, before } = from;
  try {
    const secret = secretOf(object);
    if (!isWrapped(secret)) return { key: readSealingKey(secret) };
    const closed = readClosedKey(secret);
    const known = before === undefined ? undefined : keyIn(before);
    const stillOpen = known?.fingerprint === closed.fingerprint ? known : undefined;
    return { closed, error: undefined, stillOpen };
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    return { refused: { name, error } };
  }
}

function keyIn(found: Found): SealingKey | undefined {
  if ("key" in found) return found.key;
  return "closed" in found ? found.stillOpen : undefined;
}

function secretOf(object: JsonObject): Secret {
  return readSecret({ apiVersion: "v1", kind: "Secret", ...object });
}

function asKsealError(error: unknown): KsealError {
  if (error instanceof KsealError) return error;
  return new KsealError("DECRYPT_FAILED", error instanceof Error ? error.message : String(error));
}

function contentOf(object: JsonObject): string {
  const metadata = objectField(object, "metadata", "");
  const label = field(objectField(metadata, "labels", "metadata"), keyLabel);
  return JSON.stringify([
    field(metadata, "uid"),
    field(metadata, "creationTimestamp"),
    label,
    object["data"],
  ]);
}

function nameOf(secret: JsonObject): string {
  const metadata = objectField(secret, "metadata", "");
  return `${String(field(metadata, "namespace"))}/${String(field(metadata, "name"))}`;
}

function saysTheSame(a: KeySet, b: KeySet): boolean {
  const text = ({ keys, refused, closed }: KeySet) =>
    JSON.stringify([
      keys.map(({ fingerprint, name }) => [fingerprint, name]),
      refused.map(({ name, error }) => [name, error.message]),
      closed.map(({ name, error }) => [name, error?.message]),
    ]);
  return text(a) === text(b);
}
