import type { KubeApi } from "../src/kube/api.ts";
import { pause, type Timer } from "./timer.ts";

export interface RequestLimit {
  /** Requests a second in the long run; negative for as many as there are. */
  readonly perSecond: number;
  /** How many may be sent at once after a rest. */
  readonly burst: number;
  readonly timer: Timer;
  readonly signal: AbortSignal;
}

/** The same API, asked no more often than a limit says: `--kubeclient-qps`. Requests wait in their order. */
export function limitRequests(api: KubeApi, limit: RequestLimit): KubeApi {
  const { perSecond, burst, timer, signal } = limit;
  if (perSecond < 0) return api;
  const interval = 1000 / perSecond;
  // When the next request may be sent, were there no burst.
  let next = Number.NEGATIVE_INFINITY;
  const wait = async (): Promise<void> => {
    next = Math.max(next, timer.elapsed() - interval * (burst - 1));
    const due = next;
    next += interval;
    const milliseconds = due - timer.elapsed();
    if (milliseconds > 0) await pause(milliseconds, { timer, signal });
  };
  return {
    ...api,
    get: async (...request) => wait().then(() => api.get(...request)),
    list: async (...request) => wait().then(() => api.list(...request)),
    create: async (...request) => wait().then(() => api.create(...request)),
    apply: async (...request) => wait().then(() => api.apply(...request)),
    update: async (...request) => wait().then(() => api.update(...request)),
    patch: async (...request) => wait().then(() => api.patch(...request)),
    delete: async (...request) => wait().then(() => api.delete(...request)),
    async *watch(...request) {
      await wait();
      yield* api.watch(...request);
    },
  };
}
