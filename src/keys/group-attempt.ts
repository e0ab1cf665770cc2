import type { DataKey } from "../core/data-key.ts";
import type { WrappedKey } from "../core/master-key.ts";
import type { Attempt } from "./no-key-error.ts";
import type { Refusal } from "./opened-keys.ts";

const dataKeyLength = 32;

/** One key group on its way to the data key, or to its share of it. */
export class GroupAttempt {
  /** In the order in which they are tried. */
  readonly keys: readonly WrappedKey[];
  readonly #refusals = new Map<WrappedKey, Refusal>();
  readonly #holdsShare: boolean;
  #openedBy: { readonly wrapped: WrappedKey; readonly dataKey: DataKey } | undefined;

  constructor(keys: readonly WrappedKey[], holdsShare: boolean) {
    this.keys = keys;
    this.#holdsShare = holdsShare;
  }

  /** What the group opened to, if it did. */
  get dataKey(): DataKey | undefined {
    return this.#openedBy?.dataKey;
  }

  /** Takes what a key opened to, unless it cannot be a data key (or a share of one: one byte longer). */
  accept(wrapped: WrappedKey, dataKey: DataKey): void {
    if (dataKey.reveal().length === dataKeyLength + (this.#holdsShare ? 1 : 0)) {
      this.#openedBy = { wrapped, dataKey };
      this.#refusals.delete(wrapped);
      return;
    }
    const what = this.#holdsShare ? "a share of a data key" : "a data key";
    this.refuse(wrapped, { kind: "broken", reason: `what it opens to is not ${what}`, hint: undefined });
  }

  refuse(wrapped: WrappedKey, refusal: Refusal): void {
    this.#refusals.set(wrapped, refusal);
  }

  /** How every key that was tried fared. */
  attempts(group: number): readonly Attempt[] {
    return this.keys
      .filter((wrapped) => wrapped === this.#openedBy?.wrapped || this.#refusals.has(wrapped))
      .map((wrapped) => {
        const refusal = this.#refusals.get(wrapped);
        return { group, key: wrapped.key, reason: refusal?.reason, kind: refusal?.kind, hint: refusal?.hint };
      });
  }
}
