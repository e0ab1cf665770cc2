import type { Timer } from "../../controller/timer.ts";

/** A clock that stands still until a test moves it. */
export interface FakeTimer extends Timer {
  /** Moves the clock, calling what is due on the way, and lets promises settle in between. */
  advance(milliseconds: number): Promise<void>;
  /** Sets the time of day, which ends no wait. @param milliseconds - From what it says now; negative for back. */
  set(milliseconds: number): void;
  /** When something is due, in milliseconds from now; in order. */
  readonly pending: readonly number[];
}

export function fakeTimer(start = Date.parse("2026-11-21T12:00:00Z")): FakeTimer {
  let now = start;
  let wrongBy = 0;
  let calls: { readonly due: number; readonly call: () => void }[] = [];
  const settle = async () => {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };
  return {
    now: () => now + wrongBy,
    elapsed: () => now - start,
    set: (milliseconds) => {
      wrongBy += milliseconds;
    },
    after: (milliseconds, call) => {
      const entry = { due: now + milliseconds, call };
      calls.push(entry);
      return () => {
        calls = calls.filter((other) => other !== entry);
      };
    },
    async advance(milliseconds) {
      const end = now + milliseconds;
      await settle();
      for (;;) {
        const [next] = calls.filter(({ due }) => due <= end).toSorted((a, b) => a.due - b.due);
        if (next === undefined) break;
        now = Math.max(now, next.due);
        calls = calls.filter((other) => other !== next);
        next.call();
        await settle();
      }
      now = end;
    },
    get pending() {
      return calls.map(({ due }) => due - now).toSorted((a, b) => a - b);
    },
  };
}
