import { describe, expect, test } from "vitest";
import { followObjects } from "../../controller/watcher.ts";
import { type JsonObject, KubeError, type ObjectList, type WatchEvent } from "../../src/kube/api.ts";
import { fakeTimer } from "../support/fake-timer.ts";

function object(name: string, resourceVersion: string, uid = name): JsonObject {
  return { metadata: { namespace: "prod", name, uid, resourceVersion } };
}

function gone(status: number | undefined, retryAfterMs?: number): KubeError {
  return new KubeError("CLUSTER_UNREACHABLE", `status ${status}`, { status, retryAfterMs });
}

type Watch = readonly (WatchEvent | Error | "open")[];

/** An API server that answers what the test lays out, in order; at the end its watches stay open. */
function server(lists: readonly (ObjectList | Error)[], watches: readonly Watch[]) {
  const timer = fakeTimer();
  const abort = new AbortController();
  const asked: string[] = [];
  const seen: string[] = [];
  const [nextList, nextWatch] = [lists.values(), watches.values()];
  const run = followObjects({
    api: {
      list: () => {
        asked.push("list");
        const answer = nextList.next().value ?? { items: [], resourceVersion: "999" };
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
      watch: async function* (_, { resourceVersion, signal }) {
        asked.push(`watch ${resourceVersion}`);
        for (const step of nextWatch.next().value ?? (["open"] as Watch)) {
          if (step instanceof Error) throw step;
          if (step === "open") await new Promise((resolve) => signal?.addEventListener("abort", resolve));
          else yield step;
        }
      },
    },
    path: { group: "", version: "v1", plural: "secrets" },
    timer,
    backoff: { first: 1000, longest: 30_000 },
    chance: () => 0,
    onList: ({ items }) => seen.push(`list of ${items.length}`),
    onEvent: ({ type, object }) => seen.push(`${type} ${(object["metadata"] as { name: string }).name}`),
    signal: abort.signal,
  });
  const stop = async () => {
    abort.abort();
    await run;
  };
  return { timer, asked, seen, stop };
}

const first: ObjectList = { items: [object("a", "5")], resourceVersion: "10" };
const added = (name: string, version: string): WatchEvent => ({
  type: "ADDED",
  object: object(name, version),
});

describe("a watch", () => {
  test("goes on where it was when the server ends it, from the last event or bookmark", async () => {
    const bookmark: WatchEvent = { type: "BOOKMARK", object: { metadata: { resourceVersion: "40" } } };
    const { timer, asked, seen, stop } = server([first], [[added("b", "11")], [bookmark]]);
    await timer.advance(0);
    expect(asked).toEqual(["list", "watch 10", "watch 11", "watch 40"]);
    expect(seen).toEqual(["list of 1", "ADDED b"]);
    await stop();
  });

  test("whose place is too old lists again, at once the first time", async () => {
    const { timer, asked, seen, stop } = server(
      [first, { items: [], resourceVersion: "50" }],
      [[added("b", "11"), gone(410)], ["open"]],
    );
    await timer.advance(0);
    expect(asked).toEqual(["list", "watch 10", "list", "watch 50"]);
    expect(seen).toEqual(["list of 1", "ADDED b", "list of 0"]);
    await stop();
  });

  test("that is always too old does not become a flood", async () => {
    const { timer, asked, stop } = server(
      [],
      Array.from({ length: 50 }, () => [gone(410)]),
    );
    await timer.advance(60_000);
    expect(asked.filter((what) => what === "list").length).toBeLessThan(10);
    await stop();
  });

  test("whose connection breaks goes on from where it was, later and later, for ever", async () => {
    const { timer, asked, stop } = server(
      [first],
      Array.from({ length: 20 }, () => [gone(undefined)]),
    );
    await timer.advance(1000 + 2000 + 4000);
    expect(asked).toEqual(["list", "watch 10", "watch 10", "watch 10", "watch 10"]);
    await timer.advance(20 * 30_000);
    expect(asked.length).toBeGreaterThan(20);
    await stop();
  });

  test("waits as long as a busy server asks for", async () => {
    const { timer, asked, stop } = server([gone(429, 7000), first], []);
    await timer.advance(6999);
    expect(asked).toEqual(["list"]);
    await timer.advance(1);
    expect(asked).toEqual(["list", "list", "watch 10"]);
    await stop();
  });

  test("that ends at once without a word is not asked again at once", async () => {
    const { timer, asked, stop } = server(
      [first],
      Array.from({ length: 30 }, () => []),
    );
    await timer.advance(3000);
    expect(asked).toHaveLength(4);
    await stop();
  });

  test("ends with the signal, also while it waits", async () => {
    const { timer, stop } = server([gone(500)], []);
    await timer.advance(10);
    await stop();
    expect(timer.pending).toEqual([]);
  });
});
