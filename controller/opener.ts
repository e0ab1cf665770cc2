import { KeySearch, type Unwrap } from "../src/sealed/key-search.ts";
import type { OpenedItems } from "../src/sealed/open-items.ts";
import type { SealedSecret } from "../src/sealed/sealed-secret.ts";
import type { SealingKey } from "../src/sealed/sealing-key.ts";
import type { Unsealed } from "../src/sealed/unseal-secret.ts";
import { unwrapHere, unwrapOnCores } from "../src/sealed/unwrap-on-cores.ts";
import { threadPerObject } from "./template-thread.ts";
import { unsealRendered } from "./unseal-rendered.ts";

export interface OpenerOptions {
  /** RSA operations that may run at the same time, beside the main thread; 0 runs them on it. */
  readonly workers: number;
  readonly acceptV1: boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly random: (length: number) => Uint8Array;
}

/** Opens sealed values; neither the RSA operations nor templates hold up anything else. */
export class Opener {
  readonly #options: OpenerOptions;
  readonly #unwrap: Unwrap;
  readonly #apart = threadPerObject();

  constructor(options: OpenerOptions) {
    this.#options = options;
    this.#unwrap = options.workers === 0 ? unwrapHere : unwrapOnCores(options.workers);
  }

  /**
   * The values alone: no template is run.
   *
   * @param keys - Newest first.
   * @param first - Is tried before them.
   */
  async open(
    sealed: SealedSecret,
    keys: readonly SealingKey[],
    first?: SealingKey | undefined,
  ): Promise<OpenedItems> {
    const order = first === undefined ? keys : [first, ...keys.filter((key) => key !== first)];
    return new KeySearch({ keys: order, unwrap: this.#unwrap }).openItems(sealed);
  }

  /** The whole Secret. @throws KsealError `SEALED_*`, with a message that holds no value; BusyError. */
  async unseal(
    sealed: SealedSecret,
    keys: readonly SealingKey[],
    first: SealingKey | undefined,
  ): Promise<Unsealed> {
    const opened = await this.open(sealed, keys, first);
    const { acceptV1, now, random } = this.#options;
    return unsealRendered(sealed, opened, { acceptV1, now, random, apart: this.#apart });
  }
}
