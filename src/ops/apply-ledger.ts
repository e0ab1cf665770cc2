import { KsealError } from "../errors.ts";

/** What a run has done so far, also for whoever is told when it ends too early. */
export interface ApplyProgress {
  /** How many objects are to be written in all. */
  readonly total: number;
  /** What was written, in the order in which the answers came: `Secret prod/db`. */
  readonly done: readonly string[];
  /** What was sent and has no answer: nobody knows whether it was written. */
  readonly underWay: readonly string[];
}

/** Keeps a list of what is done, and does so many things at a time. */
export class Ledger {
  readonly #done: string[] = [];
  readonly #underWay = new Set<string>();
  readonly #signal: AbortSignal | undefined;
  readonly #onProgress: ((done: number, total: number) => void) | undefined;
  readonly #total: number;

  constructor(options: {
    readonly total: number;
    readonly signal: AbortSignal | undefined;
    readonly onProgress: ((done: number, total: number) => void) | undefined;
  }) {
    this.#total = options.total;
    this.#signal = options.signal;
    this.#onProgress = options.onProgress;
  }

  get progress(): ApplyProgress {
    return { total: this.#total, done: [...this.#done], underWay: [...this.#underWay] };
  }

  /**
   * Works on items, a few at a time, in their order, and starts nothing more once one has failed: what refuses one object
   * often refuses all that follow.
   *
   * @throws The first failure, after what was under way has ended.
   */
  async each<T>(
    items: readonly T[],
    titleOf: (item: T) => string,
    work: (item: T) => Promise<void>,
  ): Promise<void> {
    let failure: { readonly error: unknown } | undefined;
    const waiting = items.values();
    const worker = async (): Promise<void> => {
      for (const item of waiting) {
        if (this.#signal?.aborted) failure ??= { error: new KsealError("INTERRUPTED", "interrupted") };
        if (failure !== undefined) return;
        const title = titleOf(item);
        this.#underWay.add(title);
        try {
          await work(item);
          this.#done.push(title);
          this.#onProgress?.(this.#done.length, this.#total);
        } catch (error) {
          failure ??= { error };
        } finally {
          this.#underWay.delete(title);
        }
      }
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
    if (failure !== undefined) throw failure.error;
  }
}

// As many as the API server answers at a time without others waiting; it has two cores or more.
const concurrency = 16;
