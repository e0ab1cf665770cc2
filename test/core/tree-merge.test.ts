import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Document, MapNode, TreeNode } from "../../src/core/tree.ts";
import { sameNode } from "../../src/core/tree-diff.ts";
import { mergeTrees, type Side } from "../../src/core/tree-merge.ts";
import { printTreePath, setNode } from "../../src/core/tree-path.ts";
import { storeFor } from "../../src/formats/detect.ts";
import { entry, map, str } from "./build-tree.ts";

const yaml = await storeFor("yaml");
const read = (text: string): Document => yaml.parse(new TextEncoder().encode(text)).document;
const print = (document: Document): string =>
  new TextDecoder().decode(yaml.render({ document, metadata: undefined }, { indent: 2 }));

function merge(base: string | undefined, ours: string, theirs: string, choose?: () => Side) {
  const versions = {
    base: base === undefined ? undefined : read(base),
    ours: read(ours),
    theirs: read(theirs),
  };
  const { document, conflicts } = mergeTrees(versions, choose);
  return {
    text: print(document),
    conflicts: conflicts.map(({ document: at, path, what }) => `${at}${printTreePath(path)}: ${what}`),
  };
}

describe("changes that go together", () => {
  test.for([
    ["different values of one map", "a: 1\nb: 2\n", "a: 9\nb: 2\n", "a: 1\nb: 8\n", "a: 9\nb: 8\n"],
    ["the same change", "a: 1\n", "a: 2\n", "a: 2\n", "a: 2\n"],
    ["keys added by each", "a: 1\n", "a: 1\nb: 2\n", "a: 1\nc: 3\n", "a: 1\nb: 2\nc: 3\n"],
    [
      "keys added at different places",
      "a: 1\nz: 2\n",
      "m: 0\na: 1\nz: 2\n",
      "a: 1\nx: 3\nz: 2\n",
      "m: 0\na: 1\nx: 3\nz: 2\n",
    ],
    ["one key added by both", "a: 1\n", "a: 1\nb: 2\n", "b: 2\na: 1\n", "a: 1\nb: 2\n"],
    [
      "one map added by both",
      "a: 1\n",
      "a: 1\nm:\n  x: 1\n",
      "a: 1\nm:\n  w: 2\n",
      "a: 1\nm:\n  x: 1\n  w: 2\n",
    ],
    [
      "removed and changed elsewhere",
      "a: 1\nb: 2\nc: 3\n",
      "a: 1\nc: 3\n",
      "a: 1\nb: 2\nc: 4\n",
      "a: 1\nc: 4\n",
    ],
    ["removed by both", "a: 1\nb: 2\n", "a: 1\n", "a: 1\n", "a: 1\n"],
    ["another order on one side", "a: 1\nb: 2\n", "b: 2\na: 1\n", "a: 1\nb: 3\n", "b: 3\na: 1\n"],
    [
      "different items of a list",
      "l:\n  - a\n  - b\n  - c\n",
      "l:\n  - x\n  - b\n  - c\n",
      "l:\n  - a\n  - b\n  - z\n",
      "l:\n  - x\n  - b\n  - z\n",
    ],
    [
      "items added to a list at different places",
      "l:\n  - a\n  - b\n",
      "l:\n  - x\n  - a\n  - b\n",
      "l:\n  - a\n  - b\n  - z\n",
      "l:\n  - x\n  - a\n  - b\n  - z\n",
    ],
    [
      "one item added to a list by both",
      "l:\n  - a\n",
      "l:\n  - a\n  - b\n",
      "l:\n  - a\n  - b\n",
      "l:\n  - a\n  - b\n",
    ],
    [
      "maps in lists",
      "l:\n  - k: 1\n    m: 1\n",
      "l:\n  - k: 2\n    m: 1\n",
      "l:\n  - k: 1\n    m: 2\n",
      "l:\n  - k: 2\n    m: 2\n",
    ],
    ["a type that one side changed", "a: 1\n", 'a: "1"\n', "a: 1\nb: 2\n", 'a: "1"\nb: 2\n'],
    ["a comment that one side changed", "# one\na: 1\n", "# two\na: 1\n", "# one\na: 2\n", "# two\na: 2\n"],
    [
      "a comment behind a value that the other side changed",
      "a: 1\nb: 2\n",
      "a: 1 # why\nb: 2\n",
      "a: 3\nb: 2\n",
      "a: 3 # why\nb: 2\n",
    ],
    [
      "a comment behind a value where the other side added a key before it",
      "a: 1\nb: 2\n",
      "a: 1\nb: 2 # why\n",
      "a: 1\nx: 0\nb: 2\n",
      "a: 1\nx: 0\nb: 2 # why\n",
    ],
  ] as const)("%s", ([, base, ours, theirs, merged]) => {
    expect(merge(base, ours, theirs)).toEqual({ text: merged, conflicts: [] });
  });

  test("documents of Kubernetes are found by kind, namespace and name", () => {
    const object = (name: string, value: string) =>
      `kind: Secret\nmetadata:\n  name: ${name}\nstringData:\n  a: ${value}\n`;
    const base = [object("one", "1"), object("two", "2")].join("---\n");
    const ours = [object("zero", "0"), object("one", "1"), object("two", "3")].join("---\n");
    const theirs = [object("two", "2"), object("one", "4")].join("---\n");
    expect(merge(base, ours, theirs)).toEqual({
      text: [object("zero", "0"), object("one", "4"), object("two", "3")].join("---\n"),
      conflicts: [],
    });
  });
});

describe("changes that do not", () => {
  test.for([
    ["a value", "a: 1\n", "a: 2\n", "a: 3\n", '0["a"]: changed on both sides', "a: 2\n", "a: 3\n"],
    [
      "a value below",
      "m:\n  a: 1\n",
      "m:\n  a: 2\n",
      "m:\n  a: 3\n",
      '0["m"]["a"]: changed on both sides',
      "m:\n  a: 2\n",
      "m:\n  a: 3\n",
    ],
    [
      "a new key",
      "a: 1\n",
      "a: 1\nb: 2\n",
      "a: 1\nb: 3\n",
      '0["b"]: added on both sides',
      "a: 1\nb: 2\n",
      "a: 1\nb: 3\n",
    ],
    [
      "removed here",
      "a: 1\nb: 2\n",
      "a: 1\n",
      "a: 1\nb: 3\n",
      '0["b"]: removed by us, changed by them',
      "a: 1\n",
      "a: 1\nb: 3\n",
    ],
    [
      "removed there",
      "a: 1\nb: 2\n",
      "a: 1\nb: 3\n",
      "a: 1\n",
      '0["b"]: changed by us, removed by them',
      "a: 1\nb: 3\n",
      "a: 1\n",
    ],
    [
      "an item of a list",
      "l:\n  - a\n  - b\n",
      "l:\n  - a\n  - x\n",
      "l:\n  - a\n  - w\n",
      '0["l"][1]: changed on both sides',
      "l:\n  - a\n  - x\n",
      "l:\n  - a\n  - w\n",
    ],
    [
      "items behind the same item",
      "l:\n  - a\n",
      "l:\n  - a\n  - x\n",
      "l:\n  - a\n  - w\n",
      '0["l"]: items added by both sides at the same place',
      "l:\n  - a\n  - x\n",
      "l:\n  - a\n  - w\n",
    ],
    [
      "a map and a text",
      "a: 1\n",
      "a:\n  b: 1\n",
      "a: x\n",
      '0["a"]: changed on both sides',
      "a:\n  b: 1\n",
      "a: x\n",
    ],
    [
      "a comment",
      "# one\na: 1\n",
      "# two\na: 1\n",
      "# three\na: 1\n",
      "0: a comment that both sides changed",
      "# two\na: 1\n",
      "# three\na: 1\n",
    ],
  ] as const)("%s", ([, base, ours, theirs, conflict, withOurs, withTheirs]) => {
    expect(merge(base, ours, theirs)).toEqual({ text: withOurs, conflicts: [conflict] });
    expect(merge(base, ours, theirs, () => "theirs")).toEqual({ text: withTheirs, conflicts: [] });
  });

  test("without a common version the same key is a conflict only where it differs", () => {
    expect(merge(undefined, "a: 1\nb: 2\n", "a: 1\nb: 3\nc: 4\n")).toEqual({
      text: "a: 1\nb: 2\nc: 4\n",
      conflicts: ['0["b"]: added on both sides'],
    });
  });

  test("deeper than any honest file is refused", () => {
    const deep = (leaf: string): TreeNode => {
      let node: TreeNode = str(leaf);
      for (let level = 0; level < 1100; level++) node = map(entry("a", node as ReturnType<typeof str>));
      return node;
    };
    const versions = ["1", "2", "3"].map((leaf): Document => ({ branches: [deep(leaf) as MapNode] }));
    const [base, ours, theirs] = versions as [Document, Document, Document];
    expect(() => mergeTrees({ base, ours, theirs })).toThrow(
      expect.objectContaining({ code: "LIMIT_EXCEEDED" }),
    );
  });
});

const keys = ["a", "b", "c", "d"];
const path = fc.array(fc.constantFrom(...keys), { minLength: 1, maxLength: 3 });
const tree = fc
  .array(fc.tuple(path, fc.string({ maxLength: 3 })), { maxLength: 12 })
  .map((leaves) => leaves.reduce((node, [at, value]) => put(node, at, value), map()));

// A leaf gives way to a map, and a map to a leaf, so that every edit can be made.
function put(node: MapNode, at: readonly string[], value: string): MapNode {
  try {
    return setNode(node, at, str(value));
  } catch {
    return node;
  }
}

function leavesOf(node: TreeNode, above: readonly string[] = []): readonly (readonly string[])[] {
  if (node.kind !== "map") return [above];
  return node.items.flatMap((item) =>
    item.kind === "entry" ? leavesOf(item.value, [...above, item.key]) : [],
  );
}

describe("properties", () => {
  const edited = fc.tuple(tree, fc.array(fc.tuple(fc.constantFrom("ours", "theirs", "none"), fc.string())));

  test("edits of different values merge to a tree with all of them, in whatever order", () => {
    fc.assert(
      fc.property(edited, ([base, edits]) => {
        const versions = { ours: base, theirs: base, both: base };
        for (const [at, leaf] of leavesOf(base).entries()) {
          const [side, value] = edits[at] ?? ["none", ""];
          if (side === "none" || leaf.length === 0) continue;
          versions[side as "ours" | "theirs"] = put(versions[side as "ours" | "theirs"], leaf, value);
          versions.both = put(versions.both, leaf, value);
        }
        const one = (branch: MapNode): Document => ({ branches: [branch] });
        const { document, conflicts } = mergeTrees({
          base: one(base),
          ours: one(versions.ours),
          theirs: one(versions.theirs),
        });
        expect(conflicts).toEqual([]);
        expect(sameNode(document.branches[0] as MapNode, versions.both)).toBe(true);
      }),
    );
  });

  test("merging with oneself, and with the common version, changes nothing", () => {
    fc.assert(
      fc.property(tree, tree, (base, ours) => {
        const one = (branch: MapNode): Document => ({ branches: [branch] });
        for (const theirs of [base, ours]) {
          const merged = mergeTrees({ base: one(base), ours: one(ours), theirs: one(theirs) });
          expect(merged.conflicts).toEqual([]);
          expect(sameNode(merged.document.branches[0] as MapNode, ours)).toBe(true);
        }
      }),
    );
  });

  test("both ways round find the same conflicts", () => {
    fc.assert(
      fc.property(tree, tree, tree, (base, ours, theirs) => {
        const one = (branch: MapNode): Document => ({ branches: [branch] });
        const there = mergeTrees({ base: one(base), ours: one(ours), theirs: one(theirs) });
        const back = mergeTrees({ base: one(base), ours: one(theirs), theirs: one(ours) });
        const places = ({ conflicts }: typeof there) => conflicts.map((it) => printTreePath(it.path)).sort();
        expect(places(there)).toEqual(places(back));
      }),
    );
  });
});
