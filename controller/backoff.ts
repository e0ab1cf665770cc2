/** How long to wait between attempts; milliseconds. */
export interface Backoff {
  readonly first: number;
  readonly longest: number;
}

/**
 * The wait before another attempt: doubled each time up to a longest, and shortened by chance to a half at most, so that
 * what failed together does not come back together. There is no last attempt (S3).
 *
 * @param failures - In a row, from 1.
 * @param chance - From 0 to 1.
 * @returns Milliseconds.
 */
export function backoffDelay({ first, longest }: Backoff, failures: number, chance: number): number {
  const full = Math.min(longest, first * 2 ** Math.min(failures - 1, 40));
  return full - (full / 2) * chance;
}
