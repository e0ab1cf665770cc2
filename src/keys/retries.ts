import { KsealError } from "../errors.ts";
import { KeyFailure, type KeyFailureKind } from "./key-failure.ts";

/** A refusal that may be over in a moment: the service is busy, or a connection broke. */
export class PassingFailure extends KeyFailure {
  /** How long the service asks to be left alone, in milliseconds. */
  readonly retryAfter: number | undefined;

  constructor(
    kind: KeyFailureKind,
    message: string,
    options: { readonly hint?: string | undefined; readonly retryAfter?: number | undefined } = {},
  ) {
    super(kind, message, options);
    this.retryAfter = options.retryAfter;
  }
}

const mostAttempts = 3;
const firstPause = 200;
const longestPause = 10_000;

/**
 * Asks again after a {@link PassingFailure}, with growing pauses and three times at most. Anything else that is thrown
 * is final.
 *
 * @throws KsealError `INTERRUPTED` as soon as the signal says so, whatever the work came to.
 */
export async function withRetries<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      refuseIfInterrupted(signal);
      if (!(error instanceof PassingFailure) || attempt === mostAttempts) throw error;
      // Many files are refused together; each comes back at another moment.
      const backoff = firstPause * 2 ** (attempt - 1) * (1 + Math.random());
      await pause(Math.min(error.retryAfter ?? backoff, longestPause), signal);
      refuseIfInterrupted(signal);
    }
  }
}

/** @throws KsealError `INTERRUPTED` when the signal says so. */
export function refuseIfInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new KsealError("INTERRUPTED", "interrupted");
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", done);
  });
}
