/**
 * Waits for work of a library that takes no time-out of its own.
 *
 * The work itself goes on: only who waits for it is let go.
 *
 * @param options.milliseconds - The longest wait.
 * @throws DOMException `TimeoutError`, or `AbortError` when the signal says so first.
 */
export async function waitAtMost<T>(
  work: Promise<T>,
  { milliseconds, signal }: { milliseconds: number; signal: AbortSignal | undefined },
): Promise<T> {
  const { promise: end, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(new DOMException("interrupted", "AbortError"));
  const timer = setTimeout(() => reject(new DOMException("no answer", "TimeoutError")), milliseconds);
  signal?.addEventListener("abort", stop);
  try {
    return await Promise.race([work, end]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}
