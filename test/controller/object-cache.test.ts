import { describe, expect, test } from "vitest";
import { ObjectCache } from "../../controller/object-cache.ts";
import type { JsonObject } from "../../src/kube/api.ts";

function cache() {
  const changes: string[] = [];
  const kept = new ObjectCache<string>({
    read: ({ metadata }) => (metadata as { resourceVersion: string }).resourceVersion,
    onChange: (key, now, before) => changes.push(`${key}: ${before} -> ${now}`),
  });
  return { kept, changes };
}

function object(name: string, resourceVersion: string, uid = name, namespace = "prod"): JsonObject {
  return { metadata: { name, namespace, uid, resourceVersion } };
}

const list = (resourceVersion: string, ...items: JsonObject[]) => ({ items, resourceVersion });

describe("lists", () => {
  test("change things as events do: what a list does not name is gone", () => {
    const { kept, changes } = cache();
    kept.replace(list("2", object("a", "1"), object("b", "2")));
    kept.replace(list("3", object("b", "2"), object("c", "3")));
    expect(changes).toEqual([
      "prod/a: undefined -> 1",
      "prod/b: undefined -> 2",
      "prod/a: 1 -> undefined",
      "prod/c: undefined -> 3",
    ]);
    expect([...kept.values()]).toEqual([
      ["prod/b", "2"],
      ["prod/c", "3"],
    ]);
  });

  test("of one namespace say nothing about another", () => {
    const { kept } = cache();
    kept.replace(list("5", object("a", "1")), "prod");
    kept.replace(list("6", object("a", "2", "x", "test")), "test");
    kept.replace(list("7"), "prod");
    expect([...kept.values()]).toEqual([["test/a", "2"]]);
    // Of that namespace no list is as new.
    kept.put(object("b", "6", "y", "other"));
    expect(kept.get("other/b")).toBe("6");
  });

  test("are believed when the answer to a write comes late: what they do not name is gone, and no watch will tell", () => {
    const { kept, changes } = cache();
    kept.replace(list("10"));
    // It was written as 8 and deleted as 9.
    kept.put(object("a", "8"));
    expect(changes).toEqual([]);
    kept.put(object("a", "11", "again"));
    expect(kept.get("prod/a")).toBe("11");
  });
});

describe("events and answers", () => {
  test("never make an object older: what was just written counts until the watch has caught up", () => {
    const { kept, changes } = cache();
    kept.put(object("a", "9"));
    kept.put(object("a", "10"));
    kept.put(object("a", "9"));
    expect(kept.get("prod/a")).toBe("10");
    expect(changes).toHaveLength(2);
  });

  test("the same version is taken again only when that is asked for", () => {
    const { kept, changes } = cache();
    kept.put(object("a", "9"));
    kept.put(object("a", "9"));
    expect(changes).toHaveLength(1);
    kept.put(object("a", "9"), { again: true });
    expect(changes).toHaveLength(2);
  });

  test("an object of the same name is another one, whatever its version; a late farewell to the first does not remove it", () => {
    const { kept } = cache();
    kept.put(object("a", "10", "first"));
    kept.put(object("a", "3", "second"));
    kept.remove(object("a", "11", "first"));
    expect(kept.get("prod/a")).toBe("3");
    kept.remove(object("a", "4", "second"));
    expect(kept.size).toBe(0);
  });

  test("the answer to a write that comes after the news of the deletion brings nothing back", () => {
    const { kept, changes } = cache();
    kept.put(object("a", "1"));
    kept.remove(object("a", "2"));
    kept.put(object("a", "1"));
    expect(kept.size).toBe(0);
    expect(changes).toEqual(["prod/a: undefined -> 1", "prod/a: 1 -> undefined"]);
  });

  test("and one that comes before any other news is not kept after it", () => {
    const { kept } = cache();
    kept.remove(object("a", "2"));
    kept.put(object("a", "1"));
    expect(kept.size).toBe(0);
  });

  test("an object that left the selection of a watch and comes back into it is there again", () => {
    const { kept } = cache();
    kept.put(object("a", "1"));
    kept.remove(object("a", "2"));
    kept.put(object("a", "3"));
    expect(kept.get("prod/a")).toBe("3");
  });

  test("deletions are remembered for a while, and not for ever", () => {
    const { kept } = cache();
    for (let at = 0; at <= 10_000; at += 1) kept.remove(object(`gone-${at}`, "2"));
    kept.put(object("gone-0", "1"));
    kept.put(object("gone-10000", "1"));
    expect([...kept.values()]).toEqual([["prod/gone-0", "1"]]);
  });
});
