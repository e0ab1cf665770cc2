import { describe, expect, test } from "vitest";
import { listsFirst } from "../../controller/lists-first.ts";
import type { KubeApi, ObjectPath, WatchEvent } from "../../src/kube/api.ts";

const path = (plural: string): ObjectPath => ({ group: "", version: "v1", plural });
const turns = () => new Promise(setImmediate);

/** An API whose lists are answered when a test says so. */
function slowApi() {
  const asked: string[] = [];
  const answers = new Map<string, PromiseWithResolvers<{ items: []; resourceVersion: string }>>();
  const end = Promise.withResolvers<void>();
  const slow: Pick<KubeApi, "list" | "watch"> = {
    list: ({ plural }) => {
      asked.push(plural);
      const answer = Promise.withResolvers<{ items: []; resourceVersion: string }>();
      answers.set(plural, answer);
      return answer.promise;
    },
    async *watch({ plural }) {
      asked.push(`watch ${plural}`);
      yield { type: "BOOKMARK", object: {} } satisfies WatchEvent;
    },
  };
  const api = listsFirst(slow as KubeApi, end.promise);
  const answer = (plural: string) => answers.get(plural)?.resolve({ items: [], resourceVersion: plural });
  const refuse = (plural: string) => answers.get(plural)?.reject(new Error(plural));
  return { api, asked, answer, refuse, end: end.resolve };
}

describe("at a start", () => {
  test("a list waits for the answer to the one before, whatever it is", async () => {
    const { api, asked, answer, refuse } = slowApi();
    const lists = [api.list(path("a")), api.list(path("b")), api.list(path("c"))];
    await turns();
    expect(asked).toEqual(["a"]);
    refuse("a");
    await expect(lists[0]).rejects.toThrow("a");
    await turns();
    expect(asked).toEqual(["a", "b"]);
    answer("b");
    expect(await lists[1]).toMatchObject({ resourceVersion: "b" });
    await turns();
    expect(asked).toEqual(["a", "b", "c"]);
  });

  test("an answer that does not come holds up the others no longer than the start takes", async () => {
    const { api, asked, end } = slowApi();
    for (const plural of ["a", "b", "c"]) void api.list(path(plural));
    await turns();
    expect(asked).toEqual(["a"]);
    end();
    await turns();
    expect(asked).toEqual(["a", "b", "c"]);
    void api.list(path("d"));
    await turns();
    expect(asked).toEqual(["a", "b", "c", "d"]);
  });

  test("watches wait for its end", async () => {
    const { api, asked, end } = slowApi();
    const next = api.watch(path("a"), { resourceVersion: "1" })[Symbol.asyncIterator]().next();
    await turns();
    expect(asked).toEqual([]);
    end();
    expect((await next).value).toMatchObject({ type: "BOOKMARK" });
    expect(asked).toEqual(["watch a"]);
  });
});
