/** Runs the work it is given, and lets the rest wait for a free place in the order in which it came. */
export type InFlight = <T>(work: () => Promise<T>) => Promise<T>;

/** How many requests one key source answers at a time: enough to hide its latency, too few to be throttled for. */
export const requestsInFlight = 16;

/**
 * Bounds what runs at the same time, whoever asks for it: every file of a run opens its key on its own.
 *
 * @param limit - How many may run at once.
 */
export function inFlight(limit: number = requestsInFlight): InFlight {
  const waiting: (() => void)[] = [];
  let free = limit;
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      // The place goes on to the next in line without becoming free, so that nobody overtakes it.
      if (next) next();
      else free++;
    }
  };
}
