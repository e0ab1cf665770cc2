import type { KubeApi } from "../src/kube/api.ts";

/**
 * The same API for a start, which is short when there is one connection to open: lists go one after another over it, and
 * watches begin later. They say from where they watch, and so miss nothing.
 *
 * @param end - When everything goes its own way.
 */
export function listsFirst(api: KubeApi, end: Promise<void>): KubeApi {
  let last: Promise<unknown> = Promise.resolve();
  return {
    ...api,
    list: async (...request) => {
      const turn = Promise.race([last, end]);
      const listing = turn.then(() => api.list(...request));
      last = listing.catch(() => undefined);
      return await listing;
    },
    async *watch(...request) {
      await end;
      yield* api.watch(...request);
    },
  };
}
