import { decodeGoBase64 } from "../core/go-base64.ts";
import { KsealError } from "../errors.ts";
import { type Envelope, openEnvelope, parseEnvelope } from "./envelope.ts";
import { compareText } from "./object-meta.ts";
import { oaepLabel, scopeOf } from "./scope.ts";
import type { SealedSecret } from "./sealed-secret.ts";
import type { SealingKey } from "./sealing-key.ts";

/** With what sealed values are opened. */
export interface OpenOptions {
  /** Newest first: {@link newestFirst}. */
  readonly keys: readonly SealingKey[];
  /** The key that opened a value last, of this object or the one before; it is tried first (S15). */
  readonly first?: SealingKey | undefined;
}

/** Why an item is not there. */
export interface ItemFailure {
  readonly item: string;
  /** In the words of Sealed Secrets. */
  readonly message: string;
  /** What is known beyond these words, for people. */
  readonly detail?: string;
  /** Fingerprints of the keys that were tried; a key of another size is not. */
  readonly tried: readonly string[];
}

/** What became of the items of a SealedSecret. */
export interface OpenedItems {
  readonly values: ReadonlyMap<string, Uint8Array>;
  /** Which key opened which item. */
  readonly openers: ReadonlyMap<string, SealingKey>;
  readonly failures: readonly ItemFailure[];
  /** For {@link OpenOptions.first} of the next object. */
  readonly last: SealingKey | undefined;
  /** RSA private operations, which is what opening costs. */
  readonly rsaOperations: number;
}

/** What became of one sealed value. */
export interface OpenedValue {
  readonly opened?: { readonly plaintext: Uint8Array; readonly key: SealingKey };
  readonly failure?: Omit<ItemFailure, "item">;
  readonly rsaOperations: number;
}

const noKey = "no key could decrypt secret";

/**
 * Opens every item of a SealedSecret, without a look at its template: one that does not open keeps no other from being
 * tried. The scope is that of the object's own annotations; those of the template say nothing (S2).
 */
export function openItems(sealed: SealedSecret, options: OpenOptions): OpenedItems {
  const values = new Map<string, Uint8Array>();
  const openers = new Map<string, SealingKey>();
  const failures: ItemFailure[] = [];
  let last = options.first;
  let rsaOperations = 0;
  for (const [item, text] of [...sealed.encryptedData].toSorted(([a], [b]) => compareText(a, b))) {
    const result = openRead(readItem(text), labelOf(sealed), { ...options, first: last });
    rsaOperations += result.rsaOperations;
    if (result.failure) failures.push({ item, ...result.failure });
    if (result.opened) {
      values.set(item, result.opened.plaintext);
      openers.set(item, result.opened.key);
      last = result.opened.key;
    }
  }
  return { values, openers, failures, last, rsaOperations };
}

/** The label that the values of a SealedSecret open with. */
export function labelOf({ metadata }: Pick<SealedSecret, "metadata">): string {
  return oaepLabel(scopeOf(metadata.annotations), metadata);
}

/** The parts of a sealed value in base64, or why it has none. */
export function readItem(text: string): Envelope | Omit<ItemFailure, "item"> {
  const decoded = decodeGoBase64(text);
  return "bytes" in decoded ? readValue(decoded.bytes) : { message: decoded.error, tried: [] };
}

/** The parts of a sealed value, or why it has none. */
export function readValue(bytes: Uint8Array): Envelope | Omit<ItemFailure, "item"> {
  try {
    return parseEnvelope(bytes);
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    return { message: noKey, detail: error.message, tried: [] };
  }
}

/** That none of these keys opened a value, or that there was none to try. */
export function noKeyFailure(
  envelope: Envelope,
  candidates: readonly SealingKey[],
): Omit<ItemFailure, "item"> {
  const tried = candidates.map(({ fingerprint }) => fingerprint);
  return { message: noKey, ...detailOf(envelope, tried), tried };
}

/** Opens one sealed value with the first key that does: the last opener, then newest first. */
export function openValue(bytes: Uint8Array, label: string, options: OpenOptions): OpenedValue {
  return openRead(readValue(bytes), label, options);
}

function openRead(
  envelope: Envelope | Omit<ItemFailure, "item">,
  label: string,
  options: OpenOptions,
): OpenedValue {
  if ("message" in envelope) return { failure: envelope, rsaOperations: 0 };
  const candidates = inOrder(options).filter((key) => key.modulusLength === envelope.wrappedKey.length);
  for (const [at, key] of candidates.entries()) {
    const plaintext = openEnvelope(envelope, { privateKey: key.privateKey, label });
    if (plaintext !== undefined) return { opened: { plaintext, key }, rsaOperations: at + 1 };
  }
  return { failure: noKeyFailure(envelope, candidates), rsaOperations: candidates.length };
}

function inOrder({ keys, first }: OpenOptions): readonly SealingKey[] {
  if (first === undefined || !keys.includes(first)) return keys;
  return [first, ...keys.filter((key) => key !== first)];
}

function detailOf({ wrappedKey }: Envelope, tried: readonly string[]): { readonly detail?: string } {
  if (tried.length > 0) return {};
  return {
    detail: `it is sealed for a key of ${wrappedKey.length * 8} bits, and no key at hand has that size`,
  };
}
