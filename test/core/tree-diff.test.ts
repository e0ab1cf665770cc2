import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { commonSubsequence } from "../../src/core/common-subsequence.ts";
import { alignItems, type Item, sameNode } from "../../src/core/tree-diff.ts";
import { bool, comment, entry, float, int, list, map, nothing, str, time } from "./build-tree.ts";

const texts = (...values: string[]) => values.map(str);

describe("items of a list", () => {
  test.for([
    ["are the same", texts("a", "b"), texts("a", "b"), [0, 1]],
    ["one in front", texts("a", "b"), texts("x", "a", "b"), [undefined, 0, 1]],
    ["one less", texts("a", "b", "c"), texts("a", "c"), [0, 2]],
    ["one changed in the middle", texts("a", "b", "c"), texts("a", "x", "c"), [0, 1, 2]],
    ["one changed and one more", texts("a", "b"), texts("x", "b", "c"), [0, 1, undefined]],
    ["equal ones keep their order", texts("a", "a", "a"), texts("a", "a"), [0, 1]],
    ["all changed go by position", texts("a", "b"), texts("x", "y", "z"), [0, 1, undefined]],
    ["a comment never continues a value", [comment(" a"), str("b")], texts("x", "y"), [undefined, 1]],
    ["a single one continues the single one", [list(str("a"))], [list(str("b"))], [0]],
    ["nothing before", [], texts("a"), [undefined]],
  ] as const)("%s", ([, base, next, origins]) => {
    expect(alignItems(base, next)).toEqual(origins);
  });
});

describe("items of a map", () => {
  const a = entry("a", "1");
  const b = entry("b", "2");

  test.for([
    ["go by key, wherever it stands now", [a, b], [entry("b", "x"), entry("a", "y")], [1, 0]],
    ["a renamed key is a new one", [a, b], [entry("z", "1"), b], [undefined, 1]],
    ["equal keys go by their rank", [a, entry("a", "2")], [entry("a", "x"), entry("a", "1")], [0, 1]],
    ["comments go by their text", [comment(" x"), a, comment(" y"), b], [comment(" y"), b], [2, 3]],
    ["a changed comment goes by its place", [a, comment(" x"), b], [a, comment(" z"), b], [0, 1, 2]],
    ["a changed comment at the top too", [comment(" x"), a], [comment(" z"), a], [0, 1]],
    ["a comment that is new has no origin", [a, b], [a, comment(" z"), b], [0, undefined, 1]],
  ] as const)("%s", ([, base, next, origins]) => {
    expect(alignItems(base, next)).toEqual(origins);
  });
});

const node = fc.letrec<{ node: Item; leaf: Item }>((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom("", "a", "b").map(str),
    fc.constantFrom(1, 2).map(int),
    fc.constantFrom(0, -0, Number.NaN, 1).map(float),
    fc.boolean().map(bool),
    fc.constant(nothing),
  ),
  node: fc.oneof(
    { maxDepth: 3 },
    tie("leaf"),
    fc
      .array(fc.oneof(tie("node"), fc.constant(comment(" c"))), { maxLength: 3 })
      .map((items) => list(...(items as []))),
    fc
      .array(fc.tuple(fc.constantFrom("a", "b", "c"), tie("node")), { maxLength: 3 })
      .map((items) => map(...items.map(([key, value]) => entry(key, value as ReturnType<typeof str>)))),
  ),
})).node;

test("no origin is given twice, comments continue comments, and equal lists continue themselves", () => {
  const items = fc.array(fc.oneof(node, fc.constantFrom(comment(" c"), comment(" d"))), { maxLength: 8 });
  fc.assert(
    fc.property(items, items, (base, next) => {
      const origins = alignItems(base, next);
      expect(origins).toHaveLength(next.length);
      const known = origins.filter((origin) => origin !== undefined);
      expect(new Set(known).size).toBe(known.length);
      for (const [index, origin] of origins.entries()) {
        if (origin !== undefined) {
          expect(base[origin]!.kind === "comment").toBe(next[index]!.kind === "comment");
        }
      }
      expect(alignItems(next, structuredClone(next))).toEqual([...next.keys()]);
    }),
  );
});

describe("the common subsequence", () => {
  const numbers = fc.array(fc.nat({ max: 4 }), { maxLength: 12 });

  function longestLength(a: readonly number[], b: readonly number[]): number {
    const [first, ...rest] = a;
    if (first === undefined || b.length === 0) return 0;
    const without = longestLength(rest, b);
    const place = b.indexOf(first);
    return place < 0 ? without : Math.max(without, 1 + longestLength(rest, b.slice(place + 1)));
  }

  test("is a longest one, in the order of both", () => {
    fc.assert(
      fc.property(numbers, numbers, (a, b) => {
        const pairs = commonSubsequence(a, b);
        expect(pairs).toHaveLength(longestLength(a, b));
        for (const [n, [i, j]] of pairs.entries()) {
          expect(a[i]).toBe(b[j]);
          const [beforeI, beforeJ] = pairs[n - 1] ?? [-1, -1];
          expect(i > beforeI && j > beforeJ).toBe(true);
        }
      }),
    );
  });

  test("of long sequences finds what stayed when items come, go and change", () => {
    const base = Array.from({ length: 50_000 }, (_, i) => i);
    const next = [-1, ...base.filter((i) => i % 1000 !== 0), -2];
    expect(commonSubsequence(base, next)).toHaveLength(49_950);
  });
});

describe("equal nodes", () => {
  test("are equal to a copy of themselves", () => {
    fc.assert(fc.property(node, (some) => sameNode(some, structuredClone(some))));
  });

  test.for([
    ["a string and an integer", str("1"), int(1)],
    ["an integer and a float", int(1), float(1)],
    ["zero and minus zero", float(0), float(-0)],
    ["a string and a time", str("2024-01-01T00:00:00Z"), time("2024-01-01T00:00:00Z")],
    ["null and an empty string", nothing, str("")],
    ["an empty map and an empty list", map(), list()],
    [
      "entries in another order",
      map(entry("a", "1"), entry("b", "2")),
      map(entry("b", "2"), entry("a", "1")),
    ],
    ["a map with a comment more", map(entry("a", "1")), map(comment(" c"), entry("a", "1"))],
    ["a comment above and one on the line", comment(" c"), comment(" c", true)],
    [
      "other bytes",
      { kind: "bytes", value: Uint8Array.of(255, 1) },
      { kind: "bytes", value: Uint8Array.of(255, 2) },
    ],
  ] as const)("%s are not", ([, a, b]) => {
    expect(sameNode(a, b)).toBe(false);
    expect(sameNode(b, a)).toBe(false);
  });

  test("are text and the bytes of this text, which are encrypted and hashed alike", () => {
    const bytes: Item = { kind: "bytes", value: new TextEncoder().encode("pä") };
    expect(sameNode(bytes, str("pä"))).toBe(true);
    expect(sameNode(str("pä"), bytes)).toBe(true);
  });

  test("deeper than 1,000 levels are not looked for", () => {
    const deep = (levels: number): Item => {
      let node = list();
      for (let i = 1; i < levels; i++) node = list(node);
      return node;
    };
    expect(sameNode(deep(1000), deep(1000))).toBe(true);
    expect(() => sameNode(deep(5000), deep(5000))).toThrow(
      expect.objectContaining({ code: "LIMIT_EXCEEDED" }),
    );
  });
});
