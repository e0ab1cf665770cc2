import { KsealError } from "../src/errors.ts";
import type { JsonObject } from "../src/kube/api.ts";
import { field, objectField } from "../src/sealed/object-fields.ts";
import { type KeyOrder, readSealingKey, type SealingKey } from "../src/sealed/sealing-key.ts";
import { readSecret } from "../src/sealed/secret.ts";
import { type KeySet, keySetOf, type RefusedKey } from "./key-set.ts";
import { keyLabel } from "./names.ts";

export interface KeyStoreOptions {
  /** Where keys are looked for; Secrets elsewhere are none, whatever their labels say. */
  readonly namespace: string;
  /** A Secret of exactly this name is a key without a label, as controllers before 0.9 made one. */
  readonly keyPrefix: string;
  readonly order: KeyOrder;
  /** Told of every new set. */
  readonly onChange?: (set: KeySet, before: KeySet) => void;
}

type Entry = { readonly version: string } & ({ readonly key: SealingKey } | { readonly refused: RefusedKey });

/**
 * The sealing keys, as the Secrets of the cluster come and go (S20). Each change makes another {@link KeySet}; a Secret
 * that is no key is put aside and told of, and keeps none of the others from working (S13).
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

  #put(secret: JsonObject): void {
    const name = nameOf(secret);
    if (!this.#isKey(secret)) {
      this.#entries.delete(name);
      return;
    }
    const metadata = objectField(secret, "metadata", "");
    const version = `${String(field(metadata, "uid"))}/${String(field(metadata, "resourceVersion"))}`;
    // Reading a private key takes time, and every list brings all of them again.
    if (version !== "undefined/undefined" && this.#entries.get(name)?.version === version) return;
    this.#entries.set(name, { version, ...read(secret, name) });
  }

  #isKey(secret: JsonObject): boolean {
    const metadata = objectField(secret, "metadata", "");
    if (field(metadata, "namespace") !== this.#options.namespace) return false;
    const label = field(objectField(metadata, "labels", "metadata"), keyLabel);
    // Any other value takes a key out of use; `compromised` is the custom.
    return label === "active" || (label === undefined && field(metadata, "name") === this.#options.keyPrefix);
  }

  #swap(): void {
    const before = this.#current;
    const entries = [...this.#entries.values()];
    this.#current = keySetOf(
      entries.flatMap((entry) => ("key" in entry ? [entry.key] : [])),
      {
        order: this.#options.order,
        refused: entries.flatMap((entry) => ("refused" in entry ? [entry.refused] : [])),
      },
    );
    if (!saysTheSame(before, this.#current)) this.#options.onChange?.(this.#current, before);
  }
}

function read(secret: JsonObject, name: string): { key: SealingKey } | { refused: RefusedKey } {
  try {
    return { key: readSealingKey(readSecret({ apiVersion: "v1", kind: "Secret", ...secret })) };
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    return { refused: { name, error } };
  }
}

function nameOf(secret: JsonObject): string {
  const metadata = objectField(secret, "metadata", "");
  return `${String(field(metadata, "namespace"))}/${String(field(metadata, "name"))}`;
}

function saysTheSame(a: KeySet, b: KeySet): boolean {
  const text = ({ keys, refused }: KeySet) =>
    JSON.stringify([
      keys.map(({ fingerprint, name }) => [fingerprint, name]),
      refused.map(({ name, error }) => [name, error.message]),
    ]);
  return text(a) === text(b);
}
