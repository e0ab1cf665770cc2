import { type Backoff, backoffDelay } from "./backoff.ts";
import type { Timer } from "./timer.ts";

/** `new` goes first: somebody waits for it. A re-sync waits for nobody. */
export type Priority = "new" | "resync";

/** What became of the work on a key. A number: work on it again in so many milliseconds, without it having failed. */
export type WorkResult = "done" | "failed" | number;

export interface WorkQueueOptions {
  /** How many keys are worked on at the same time; never one key twice. */
  readonly concurrency: number;
  readonly backoff: Backoff;
  readonly timer: Timer;
  /** From 0 to 1. */
  readonly chance: () => number;
  /** Does the work. A rejection counts as a failure. */
  readonly work: (key: string) => Promise<WorkResult>;
  /** Told how long a key waited, from the time it was due; milliseconds. */
  readonly onStart?: (key: string, waited: number, priority: Priority) => void;
  /** Told of an error that the work did not expect. */
  readonly onError?: (key: string, error: unknown) => void;
}

interface Waiting {
  readonly since: number;
  readonly priority: Priority;
}

/**
 * Keys to work on. A key stands in it once, however often it is added; one that is added while it is worked on is worked
 * on again afterwards. What fails comes back, for ever, later and later.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #waiting: Readonly<Record<Priority, Map<string, Waiting>>> = { new: new Map(), resync: new Map() };
  readonly #running = new Map<string, Priority>();
  /** Keys that were added while they were worked on. */
  readonly #again = new Map<string, Priority>();
  readonly #failures = new Map<string, number>();
  readonly #delayed = new Map<string, { readonly due: number; readonly cancel: () => void }>();
  #idle: (() => void)[] = [];
  #open = true;
  #starting = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** Adds a key that is due now. One that waits as a re-sync moves up when it is added as new. */
  add(key: string, priority: Priority = "new"): void {
    if (!this.#open) return;
    this.#cancelDelay(key);
    if (this.#running.has(key)) {
      if (this.#again.get(key) !== "new") this.#again.set(key, priority);
      return;
    }
    if (this.#waiting.new.has(key)) return;
    const known = this.#waiting.resync.get(key);
    if (known !== undefined && priority === "resync") return;
    this.#waiting.resync.delete(key);
    this.#waiting[priority].set(key, { since: known?.since ?? this.#options.timer.elapsed(), priority });
    this.#start();
  }

  /** Adds a key that is due later, unless it is due sooner anyway. @param milliseconds - From now. */
  addLater(key: string, milliseconds: number): void {
    if (!this.#open) return;
    const due = this.#options.timer.elapsed() + milliseconds;
    const known = this.#delayed.get(key);
    if (known !== undefined && known.due <= due) return;
    known?.cancel();
    const cancel = this.#options.timer.after(milliseconds, () => {
      this.#delayed.delete(key);
      this.add(key, "resync");
    });
    this.#delayed.set(key, { due, cancel });
  }

  /** Takes a key out, with everything that is known of its failures: its object is gone. */
  forget(key: string): void {
    this.#cancelDelay(key);
    this.#failures.delete(key);
    this.#waiting.new.delete(key);
    this.#waiting.resync.delete(key);
    this.#again.delete(key);
  }

  /** How many keys wait to be worked on now, and how many are worked on. */
  get depth(): Readonly<Record<Priority | "running" | "delayed", number>> {
    return {
      new: this.#waiting.new.size,
      resync: this.#waiting.resync.size,
      running: this.#running.size,
      delayed: this.#delayed.size,
    };
  }

  /** Resolves when nothing is worked on and nothing is due. What is due later does not count. */
  async idle(): Promise<void> {
    if (this.#isIdle()) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Takes nothing more on and drops what waits. Resolves when the work that began has ended. */
  async close(): Promise<void> {
    this.#open = false;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#again.clear();
    this.#waiting.new.clear();
    this.#waiting.resync.clear();
    await this.idle();
  }

  #start(): void {
    // Work that ends at once would otherwise start the next from within itself, deeper and deeper.
    if (this.#starting) return;
    this.#starting = true;
    queueMicrotask(() => {
      this.#starting = false;
      while (this.#running.size < this.#options.concurrency) {
        const next = this.#take();
        if (next === undefined) break;
        void this.#run(...next);
      }
      this.#tellIdle();
    });
  }

  #take(): readonly [string, Waiting] | undefined {
    return first(this.#waiting.new) ?? (this.#mayResync() ? first(this.#waiting.resync) : undefined);
  }

  /** Re-syncs take half of the places: what is new finds a free one, and few RSA operations before its own. */
  #mayResync(): boolean {
    const running = [...this.#running.values()].filter((priority) => priority === "resync").length;
    return running < Math.ceil(this.#options.concurrency / 2);
  }

  async #run(key: string, { since, priority }: Waiting): Promise<void> {
    const { timer, work, onStart, onError } = this.#options;
    this.#running.set(key, priority);
    onStart?.(key, timer.elapsed() - since, priority);
    let result: WorkResult = "failed";
    try {
      result = await work(key);
    } catch (error) {
      onError?.(key, error);
    }
    this.#running.delete(key);
    this.#settle(key, result);
    this.#start();
  }

  #settle(key: string, result: WorkResult): void {
    const again = this.#again.get(key);
    this.#again.delete(key);
    if (result === "failed") this.#failures.set(key, (this.#failures.get(key) ?? 0) + 1);
    else this.#failures.delete(key);
    if (again !== undefined) this.add(key, again);
    else if (result === "failed") this.addLater(key, this.#delayOf(key));
    else if (result !== "done") this.addLater(key, result);
  }

  #delayOf(key: string): number {
    const { backoff, chance } = this.#options;
    return backoffDelay(backoff, this.#failures.get(key) ?? 1, chance());
  }

  #cancelDelay(key: string): void {
    this.#delayed.get(key)?.cancel();
    this.#delayed.delete(key);
  }

  #isIdle(): boolean {
    return this.#running.size === 0 && this.#waiting.new.size === 0 && this.#waiting.resync.size === 0;
  }

  #tellIdle(): void {
    if (!this.#isIdle()) return;
    const told = this.#idle;
    this.#idle = [];
    for (const resolve of told) resolve();
  }
}

/** Takes the key out that has waited longest. */
function first(waiting: Map<string, Waiting>): readonly [string, Waiting] | undefined {
  for (const [key, entry] of waiting) {
    waiting.delete(key);
    return [key, entry];
  }
  return undefined;
}
