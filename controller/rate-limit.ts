import type { Timer } from "./timer.ts";

export interface RateLimitOptions {
  /** Requests a second in the long run. */
  readonly perSecond: number;
  /** How many may come at once beyond one. */
  readonly burst: number;
  readonly timer: Pick<Timer, "elapsed">;
}

/** What became of one request. */
export interface RateDecision {
  readonly limited: boolean;
  /** As the Bitnami controller sends them. */
  readonly headers: Readonly<Record<string, string>>;
}

// A flood from many addresses must not fill the memory; beyond this the oldest are forgotten.
const mostPeers = 10_000;

/**
 * Limits requests by peer: GCRA, which needs one number for each of them, the time at which its allowance is whole
 * again.
 *
 * A peer is who is connected (S16). What a header says about it is the caller's invention, by which upstream's limit is
 * passed.
 */
export class RateLimit {
  readonly #options: RateLimitOptions;
  readonly #interval: number;
  readonly #arrival = new Map<string, number>();

  constructor(options: RateLimitOptions) {
    this.#options = options;
    this.#interval = 1000 / options.perSecond;
  }

  /** Counts a request. @param peer - Whom to count it to, and for what. */
  take(peer: string): RateDecision {
    const now = this.#options.timer.elapsed();
    const limit = this.#options.burst + 1;
    const whole = Math.max(this.#arrival.get(peer) ?? now, now);
    const next = whole + this.#interval;
    // What a peer may have used ahead of time, in milliseconds.
    const allowance = this.#interval * limit;
    const limited = next - allowance > now;
    const until = (limited ? whole : next) - now;
    if (!limited) this.#store(peer, next, now);
    const remaining = Math.max(0, Math.floor((allowance - until) / this.#interval));
    return {
      limited,
      headers: {
        "X-RateLimit-Limit": String(limit),
        "X-RateLimit-Remaining": String(limited ? 0 : remaining),
        "X-RateLimit-Reset": String(Math.ceil(until / 1000)),
        ...(limited ? { "Retry-After": String(Math.ceil((next - allowance - now) / 1000)) } : {}),
      },
    };
  }

  #store(peer: string, next: number, now: number): void {
    // In the order of their last request, so that the oldest come first.
    this.#arrival.delete(peer);
    this.#arrival.set(peer, next);
    for (const [other, whole] of this.#arrival) {
      if (whole > now && this.#arrival.size <= mostPeers) break;
      this.#arrival.delete(other);
    }
  }
}
