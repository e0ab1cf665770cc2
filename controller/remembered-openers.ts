import type { SealingKey } from "../src/sealed/sealing-key.ts";
import type { KeySet } from "./key-set.ts";

/** An object whose values are to be opened. */
export interface ToOpen {
  readonly uid: string;
  readonly set: KeySet;
  /** What the Secret of the object says: fingerprints with commas between. */
  readonly noted?: string | undefined;
}

/**
 * Which key opened which object last (S15): it is tried first, so that an object costs one RSA operation for each value
 * however many keys there are. For an object that was never opened the last opener of all is the best guess: what is
 * reconciled together was often sealed together.
 */
export class RememberedOpeners {
  readonly #byObject = new Map<string, string>();
  #last: string | undefined;
  /** Of those that search among all keys. */
  #turn: Promise<unknown> = Promise.resolve();
  /** A search came to nothing: the others had better not wait for each other. */
  #inVain = false;

  /**
   * Opens an object with the best guess. Right after a start there is none: then one object at a time searches among
   * all keys, and the others wait for what it finds.
   *
   * @param open - Is given the key to try first. What it throws is thrown.
   */
  async open<T extends { readonly last: SealingKey | undefined }>(
    object: ToOpen,
    open: (first: SealingKey | undefined) => T | Promise<T>,
  ): Promise<T> {
    const first = this.#guess(object);
    if (first !== undefined || this.#inVain || object.set.keys.length < 2) {
      return this.#remember(object, await open(first));
    }
    const search = this.#turn.then(async () => {
      const found = this.#guess(object);
      if (found !== undefined || this.#inVain) return undefined;
      try {
        return this.#remember(object, await open(undefined));
      } catch (error) {
        this.#inVain = true;
        throw error;
      }
    });
    this.#turn = search.catch(() => {});
    return (await search) ?? this.#remember(object, await open(this.#guess(object)));
  }

  forget(uid: string): void {
    this.#byObject.delete(uid);
  }

  #guess({ uid, set: { byFingerprint }, noted = "" }: ToOpen): SealingKey | undefined {
    const candidates = [this.#byObject.get(uid), ...noted.split(","), this.#last];
    for (const fingerprint of candidates) {
      const key = fingerprint === undefined ? undefined : byFingerprint.get(fingerprint);
      if (key !== undefined) return key;
    }
    return undefined;
  }

  #remember<T extends { readonly last: SealingKey | undefined }>({ uid }: ToOpen, opened: T): T {
    const { last } = opened;
    if (last === undefined) return opened;
    this.#byObject.set(uid, last.fingerprint);
    this.#last = last.fingerprint;
    return opened;
  }
}
