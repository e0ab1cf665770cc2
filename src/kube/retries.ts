import { KsealError } from "../errors.ts";
import { KubeError } from "./api.ts";
import { isBrokenConnection } from "./network-failure.ts";

const mostAttempts = 5;
const firstPause = 200;
// What asks for more is left to the caller, who may have other work to do.
const longestPause = 30_000;

/**
 * Asks again when the server was too busy to begin, and when a connection broke under a request that may be sent twice.
 *
 * @param options.repeatable - Whether sending the request twice comes to the same as once.
 * @throws What `refuse` throws, else what the last attempt threw.
 */
export async function withRetries<T>(
  work: () => Promise<T>,
  options: {
    readonly repeatable: boolean;
    /** Ends a pause. */
    readonly signal: AbortSignal;
    /** Throws when the run was interrupted. */
    readonly refuse: () => void;
  },
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      options.refuse();
      const ms = attempt === mostAttempts ? undefined : pauseAfter(error, attempt, options.repeatable);
      if (ms === undefined) throw error;
      await pause(ms, options.signal);
      options.refuse();
    }
  }
}

/** @throws KsealError `INTERRUPTED` when the signal says so. */
export function refuseIfInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new KsealError("INTERRUPTED", "interrupted");
}

function pauseAfter(error: unknown, attempt: number, repeatable: boolean): number | undefined {
  if (!(error instanceof KubeError)) return undefined;
  const { status = 0, retryAfterMs } = error;
  // Requests that were refused together come back one by one.
  const backoff = firstPause * 2 ** (attempt - 1) * (0.5 + Math.random());
  if (status === 429 || (status >= 500 && repeatable && retryAfterMs !== undefined)) {
    const ms = retryAfterMs ?? backoff;
    return ms <= longestPause ? ms : undefined;
  }
  const isBroken = repeatable && error.status === undefined && isBrokenConnection(error.cause);
  // Most often the other end closed a connection that was idle; a new one works at once.
  return isBroken && attempt < 3 ? backoff / 8 : undefined;
}

/** Waits; sooner over when the signal says so. @param ms - Milliseconds. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  // Many may wait for one signal, and the runtime warns of more than ten listeners.
  const own = signal && AbortSignal.any([signal]);
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      own?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, own?.aborted === true ? 0 : ms);
    own?.addEventListener("abort", done);
  });
}
