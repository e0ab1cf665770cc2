/** The clock of the controller, and how it waits. Tests hand in one that runs when they say so. */
export interface Timer {
  /** Milliseconds since 1970. Somebody may set this clock, forward or back. */
  now(): number;
  /** Milliseconds since some moment: for how long something took or may take. Nobody sets this clock. */
  elapsed(): number;
  /** Calls once, so many milliseconds from now. @returns How to call it off. */
  after(milliseconds: number, call: () => void): () => void;
}

// Node's timers fire at once when they are told to wait longer.
const longestWait = 2 ** 31 - 1;

/** The machine's own clock. */
export const systemTimer: Timer = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after: (milliseconds, call) => {
    let timeout: NodeJS.Timeout;
    const wait = (left: number) => {
      timeout = setTimeout(
        () => (left > longestWait ? wait(left - longestWait) : call()),
        Math.min(left, longestWait),
      );
    };
    wait(Math.max(0, milliseconds));
    return () => clearTimeout(timeout);
  },
};

/** Resolves after so many milliseconds, or when the signal says so. */
export function pause(
  milliseconds: number,
  { timer, signal }: { readonly timer: Timer; readonly signal: AbortSignal },
): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = timer.after(milliseconds, end);
    signal.addEventListener("abort", end);
  });
}
