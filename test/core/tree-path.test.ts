import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TreeNode } from "../../src/core/tree.ts";
import {
  getNode,
  parseTreePath,
  printTreePath,
  renameKey,
  setNode,
  type TreePath,
  unsetNode,
} from "../../src/core/tree-path.ts";
import { comment, entry, int, list, map, nothing, str } from "./build-tree.ts";

describe("a path in the syntax of sops", () => {
  test.for([
    [`["a"]["b"][0]`, ["a", "b", 0]],
    [`['a']`, ["a"]],
    [`["a']`, ["a"]],
    [`["a]b"]`, ["a]b"]],
    [`["it's"]`, ["it's"]],
    [`[""]`, [""]],
    [`["a\\"b"]`, [`a\\"b`]],
    [`["0"]`, ["0"]],
    [`[+1][007]`, [1, 7]],
    [`["a[0]"]["b"]`, ["a[0]", "b"]],
    [`["a\nb"]`, ["a\nb"]],
  ] as const)("%s is read", ([text, path]) => {
    expect(parseTreePath(text)).toEqual(path);
  });

  test.for([
    "",
    "a",
    "[",
    "[]",
    `["]`,
    `["a`,
    `["a"`,
    `["a]`,
    `[a]`,
    `["a"]b`,
    `a["b"]`,
    `["a"] ["b"]`,
    "[-1]",
    "[1.5]",
    "[1e3]",
    "[0x1]",
    "[9999999999999999999]",
    `["a"][]`,
    `["a"].b`,
    `["a"]b["c"]`,
  ])("D39: %s is refused", (text) => {
    expect(() => parseTreePath(text)).toThrow(expect.objectContaining({ code: "PATH_INVALID" }));
  });

  test("every cut of a path is a shorter path or refused", () => {
    const text = `["stringData"]['password'][12]["x"]`;
    for (let end = 0; end < text.length; end++) {
      const cut = text.slice(0, end);
      if ([14, 26, 30].includes(end))
        expect(printTreePath(parseTreePath(cut))).toBe(cut.replaceAll("'", '"'));
      else expect(() => parseTreePath(cut)).toThrow(expect.objectContaining({ code: "PATH_INVALID" }));
    }
  });

  test("more steps than a file has levels are refused", () => {
    expect(() => parseTreePath("[0]".repeat(100_000))).toThrow(
      expect.objectContaining({ code: "LIMIT_EXCEEDED" }),
    );
  });

  test("what is printed is read as the same path", () => {
    const keys = fc.string({ unit: "binary" }).filter((text) => !/["']\]/.test(text));
    const paths = fc.array(fc.oneof(keys, fc.nat()), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(paths, (path) => {
        expect(parseTreePath(printTreePath(path))).toEqual(path);
      }),
    );
  });
});

const tree = map(
  comment(" head"),
  entry("a", map(entry("b", "1"), comment(" line", true), entry("c", "2"))),
  entry("list", list(str("x"), comment(" between"), str("y"), list(int(1)))),
  entry("none", nothing),
  entry("twice", "first"),
  entry("twice", "second"),
);
const refused = expect.objectContaining({ code: "SET_INVALID" });
const at = (...path: TreePath) => getNode(tree, path);

describe("the node at a path", () => {
  test.for([
    [["a", "c"], str("2")],
    [["list", 0], str("x")],
    [["list", 1], str("y")],
    [["list", 2, 0], int(1)],
    [["none"], nothing],
    [["twice"], str("first")],
  ] as const)("%o, comments not counted", ([path, node]) => {
    expect(at(...path)).toEqual(node);
  });

  test("is nothing where the path leads nowhere", () => {
    for (const path of [["b"], ["a", "b", "c"], ["list", 3], ["list", "x"], ["a", 0], ["none", "x"], ["0"]]) {
      expect(at(...path)).toBeUndefined();
    }
    expect(at()).toBe(tree);
  });
});

describe("setting a value", () => {
  const set = (...path: TreePath) => setNode(tree, path, str("new"));

  test.for([
    [["a", "b"], "changed in place"],
    [["a", "new"], "a new key"],
    [["new", "deep", "er"], "keys on the way"],
    [["new", 0, "x"], "a list on the way"],
    [["list", 1], "an item behind a comment"],
    [["none", "x"], "in place of a null"],
    [["list", 2, 0], "in a list in a list"],
  ] as const)("%o: %s", ([path]) => {
    const next = set(...path);
    expect(getNode(next, path)).toEqual(str("new"));
    expect(next).not.toBe(tree);
    expect(next.items[0]).toEqual(comment(" head"));
  });

  test("behind the end of a list appends, whatever the index", () => {
    expect(getNode(set("list", 99), ["list", 3])).toEqual(str("new"));
    expect(getNode(set("new", 7), ["new"])).toEqual(list(str("new")));
  });

  test("touches the first of two equal keys only", () => {
    expect(set("twice").items.slice(-2)).toEqual([entry("twice", "new"), entry("twice", "second")]);
  });

  test("leaves the tree it started from alone", () => {
    const before = structuredClone(tree);
    set("a", "b");
    expect(tree).toEqual(before);
  });

  test.for([
    [["a", "b", "c"], "through a string"],
    [["list", "x"], "a list item by a key"],
    [["a", 0], "a map entry by an index"],
    [["list", 0, "x"], "through a list item"],
    [[], "the whole document"],
  ] as const)("D39: %o, %s, is refused", ([path]) => {
    expect(() => set(...path)).toThrow(refused);
  });
});

describe("unsetting", () => {
  const without = (...path: TreePath) => unsetNode(tree, path);

  test("a key takes the comment on its line with it, and no other", () => {
    expect(getNode(without("a", "c")!, ["a"])).toEqual(map(entry("b", "1")));
    expect(without("a")!.items[0]).toEqual(comment(" head"));
  });

  test("a list item by its index leaves comments where they are", () => {
    expect(getNode(without("list", 1)!, ["list"])).toEqual(list(str("x"), comment(" between"), list(int(1))));
  });

  test("the last entry leaves an empty map", () => {
    expect(unsetNode(map(entry("a", map(entry("b", "1")))), ["a", "b"])).toEqual(map(entry("a", map())));
  });

  test.for([[["b"]], [["list", 9]], [["list", "x"]], [["a", "b", "c"]], [[]]] as const)(
    "%o is not there",
    ([path]) => {
      expect(without(...path)).toBeUndefined();
    },
  );
});

describe("renaming a key", () => {
  test("keeps its value and its place", () => {
    const next = renameKey(tree, ["a", "b"], "z")!;
    expect(getNode(next, ["a"])).toEqual(map(entry("z", "1"), comment(" line", true), entry("c", "2")));
    expect(renameKey(tree, ["a"], "a")).toEqual(tree);
  });

  test("is refused where the key is taken, and for list items", () => {
    expect(() => renameKey(tree, ["a", "b"], "c")).toThrow(refused);
    expect(() => renameKey(tree, ["list", 0], "c")).toThrow(refused);
  });

  test("finds nothing where nothing is", () => {
    expect(renameKey(tree, ["b"], "c")).toBeUndefined();
    expect(renameKey(tree, [], "c")).toBeUndefined();
  });
});

test("what was set is got, and what was unset is gone, at any path", () => {
  const steps = fc.oneof(fc.constantFrom("a", "b", "c"), fc.nat({ max: 2 }));
  const paths = fc
    .tuple(fc.constantFrom("a", "b"), fc.array(steps, { maxLength: 4 }))
    .map(([a, b]) => [a, ...b]);
  fc.assert(
    fc.property(fc.array(paths, { minLength: 1, maxLength: 8 }), (all) => {
      let next = map();
      for (const [value, path] of all.entries()) {
        const before = next;
        try {
          next = setNode(before, path, int(value));
        } catch (error) {
          expect(error).toMatchObject({ code: "SET_INVALID" });
          continue;
        }
        const found: TreeNode | undefined = getNode(next, path);
        // An index beyond the end appends, so the value is found where it was put or at the end of its list.
        if (!path.some((step) => typeof step === "number")) expect(found).toEqual(int(value));
        const gone = unsetNode(next, path);
        if (found !== undefined && typeof path.at(-1) === "string")
          expect(getNode(gone!, path)).toBeUndefined();
      }
    }),
  );
});
