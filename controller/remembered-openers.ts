import type { SealingKey } from "../src/sealed/sealing-key.ts";
import type { KeySet } from "./key-set.ts";

/**
 * Which key opened which object last (S15): it is tried first, so that an object costs one RSA operation for each value
 * however many keys there are. For an object that was never opened the last opener of all is the best guess: what is
 * reconciled together was often sealed together.
 */
export class RememberedOpeners {
  readonly #byObject = new Map<string, string>();
  #last: string | undefined;

  /** @param noted - What the Secret of the object says: fingerprints with commas between. */
  guess(uid: string, { byFingerprint }: KeySet, noted = ""): SealingKey | undefined {
    const candidates = [this.#byObject.get(uid), ...noted.split(","), this.#last];
    for (const fingerprint of candidates) {
      const key = fingerprint === undefined ? undefined : byFingerprint.get(fingerprint);
      if (key !== undefined) return key;
    }
    return undefined;
  }

  remember(uid: string, key: SealingKey | undefined): void {
    if (key === undefined) return;
    this.#byObject.set(uid, key.fingerprint);
    this.#last = key.fingerprint;
  }

  forget(uid: string): void {
    this.#byObject.delete(uid);
  }
}
