import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Entry, MapNode, TreeNode } from "../../src/core/tree.ts";
import { type NewItem, printResourceList, readItems, simpleItems } from "../../src/formats/resource-list.ts";
import { printDocuments } from "../../src/formats/yaml-print.ts";
import { readYaml } from "../../src/formats/yaml-read.ts";
import { readSimpleYaml } from "../../src/formats/yaml-simple-read.ts";
import { randomDocument } from "../peers/random-documents.ts";

const vectors = globSync("**/*.yaml", { cwd: join(import.meta.dirname, "..", "vectors") })
  .map((name) => readFileSync(join(import.meta.dirname, "..", "vectors", name), "utf8"))
  .filter((text) => text.length < 4000);

describe("the reader for simple YAML", () => {
  test("reads what the reader for all of YAML does in every vector that it takes, and it takes most", () => {
    const simple = vectors.filter((text) => {
      const read = readSimpleYaml(text);
      if (read !== undefined) expect(read).toEqual(readYaml(text));
      return read !== undefined;
    });
    expect(simple.length).toBeGreaterThan(vectors.length / 2);
  });

  const pieces = [
    ..." |  |\n|\n\n|- |-|:|: |? |'|\"|\\|[]|{}|[a, b]|&a |*a|!!str |true|1|0x1f|1_0|1.5|~|null|yes|=|<<|x|%|@|`|,".split(
      "|",
    ),
    ...["|", "|-", "|+", "|2", ">", "---", "...", "...\n", "\t", "\r", "é", "\u00a0", "\ufeff", "2020-01-01"],
    ...["key: v\n", "  key: |\n    a\n     b\n", "- |\n  c\n", "key:\n- d\n", "key:\n  - e: f\n    g: h\n"],
  ];
  const change = fc.record({
    how: fc.constantFrom("insert", "cut", "indent", "value"),
    at: fc.nat(),
    piece: fc.constantFrom(...pieces),
    length: fc.nat(6),
  });
  const text = fc.record({
    base: fc.constantFrom("", ...vectors.filter((text) => readSimpleYaml(text) !== undefined)),
    from: fc.oneof(fc.constant(0), fc.nat()),
    lines: fc.integer({ min: 1, max: 12 }),
    changes: fc.array(change, { maxLength: 3 }),
  });

  test("never reads anything else than that one, whatever was changed in a file", () => {
    let taken = 0;
    fc.assert(
      fc.property(text, ({ base, from, lines, changes }) => {
        const all = base.split("\n");
        const start = from % all.length;
        const cut = `${all.slice(start, start + lines).join("\n")}\n`;
        const changed = changes.reduce(applied, cut);
        const read = readSimpleYaml(changed);
        if (read === undefined) return;
        taken++;
        expect(read).toEqual(readYaml(changed));
      }),
      { numRuns: 6000 },
    );
    expect(taken).toBeGreaterThan(500);
  });

  test.for<[string, string]>([
    ["nothing", ""],
    ["a comment", "a: b # c\n"],
    ["a document mark", "---\na: b\n"],
    ["a second document", "a: b\n---\nc: d\n"],
    ["a key that stands twice", "a: b\na: c\n"],
    ["a key that is no text", "true: b\n"],
    ["a text of several lines", "a: b\n  c\n"],
    ["a value that is missing", "a:\nb: c\n"],
    ["an integer beyond 64 bits", "a: 99999999999999999999\n"],
    ["a last line without its break", "a: b"],
    ["a list at the top", "- a\n"],
    ["a colon and a blank in a value", "a: b:: c\n"],
    ["a colon at the end of a value", "a: b::\n"],
    ["two blanks behind a dash", "a:\n-  b\n"],
    ["two blanks behind a colon", "a:  b\n"],
    ["a blank line", "a: |\n  b\n\n  c\n"],
    ["a blank at the end of a line", "a: b \n"],
    ["a block that keeps its breaks", "a: |+\n  b\n"],
    ["a block whose first line is too far to the right", "a: |\n    b\n  c\n"],
    ["a hundred and one levels", nested(101)],
  ])("leaves to that one %s", ([, text]) => {
    expect(readSimpleYaml(text)).toBeUndefined();
  });

  test.for<[string, string]>([
    ["an encrypted value in a block", "a: |\n  ENC[b]\nc: |-\n  ENC[d]\n"],
    ["lists at the column of their key and behind it", "a:\n- b\n- c: d\n  e: |\n    f\n     g\nh:\n  - i\n"],
    ["empty brackets", "a: []\nb: {}\nc:\n- {}\n"],
    ["scalars of every kind", "a: 1\nb: 0x1f\nc: 1.5\nd: true\ne: null\nf: 2020-01-02\ng: 'h'\n"],
    ["a hundred levels", nested(100)],
  ])("takes %s", ([, text]) => {
    expect(readSimpleYaml(text)).toBeDefined();
    expect(readSimpleYaml(text)).toEqual(readYaml(text));
  });
});

describe("an item printed from its tree", () => {
  const texts = [
    ..."|a|a b| a|a |a: b|a:|- a|-|yes|null|~|1|1.0|1:30|0x1|<<|'|\"|it's|\\|{}|[a|#|a #b|%|@|`|---|...|? a|!a|&a|*a|>".split(
      "|",
    ),
    ...[
      "a\nb",
      "a\nb\n",
      "a\n\nb",
      "a\n\n",
      "\na",
      "\n",
      " a\nb",
      "a\n b",
      "a \nb",
      "- a\n- b\n",
      "a: |\n  b\n",
    ],
    ...[
      "ENC[a",
      "ENC[a\nb\n",
      "2020-01-01",
      "a\tb",
      "a\r\nb",
      "\ta\nb",
      "é",
      "é\nb",
      "😀",
      "\u2028",
      "\x7f",
      "\0",
    ],
    "x".repeat(200),
  ];
  const common = ["a", "b c", "yes", "1.0", "x: y", "'q'", "", "a\nb\n", "- a\n  b", "a\n\n"];
  const str = (...values: readonly string[]) =>
    fc.constantFrom(...values).map((value) => ({ kind: "str", value }) as const);
  const keys = ["a", "b", "metadata", "name", "namespace", "kind", "apiVersion", "yes", "1", "a b", "x: y"];
  const key = fc.oneof({ weight: 19, arbitrary: fc.constantFrom(...keys) }, fc.constantFrom(...texts));
  const scalar: fc.Arbitrary<TreeNode> = fc.oneof(
    str(...common),
    str(...common, ...texts),
    fc.constantFrom<TreeNode>(
      { kind: "int", value: -7n },
      { kind: "float", value: 1 },
      { kind: "float", value: 1.5e300 },
      { kind: "float", value: Number.NaN },
      { kind: "bool", value: true },
      { kind: "time", value: "2020-01-02T03:04:05Z" },
      { kind: "null" },
      { kind: "bytes", value: Uint8Array.of(255) },
    ),
  );
  const { map } = fc.letrec<{ map: MapNode; node: TreeNode }>((tie) => ({
    map: fc
      .uniqueArray(fc.tuple(key, tie("node")), {
        selector: ([key]) => key,
        maxLength: 4,
      })
      .map((items) => ({
        kind: "map",
        items: items.map(([key, value]): Entry => ({ kind: "entry", key, value })),
      })),
    node: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      scalar,
      scalar,
      tie("map"),
      fc.array(tie("node"), { maxLength: 3 }).map((items) => ({ kind: "seq", items }) as const),
    ),
  }));

  test("is what comes of printing it for SOPS, reading that and printing it anew", () => {
    let simple = 0;
    const tree = fc.oneof(map, randomDocument("yaml"));
    fc.assert(
      fc.property(fc.array(tree, { minLength: 1, maxLength: 2 }), (branches) => {
        const items = simpleItems(branches);
        if (items === undefined) return;
        simple++;
        const detour = readItems(printDocuments(branches, { indent: 4, floats: "sops" }));
        expect(items.map(({ sortKey }) => sortKey)).toEqual(detour.map(({ sortKey }) => sortKey));
        expect(listOf(items)).toBe(listOf(detour));
      }),
      { numRuns: 6000 },
    );
    expect(simple).toBeGreaterThan(300);
  });

  test.for<[string, MapNode]>([
    ["without a key", { kind: "map", items: [] }],
    [
      "with a comment",
      { kind: "map", items: [{ kind: "comment", text: " a", inline: false }, entry("a", "b")] },
    ],
    [
      "with bytes",
      {
        kind: "map",
        items: [{ kind: "entry", key: "a", value: { kind: "bytes", value: Uint8Array.of(255) } }],
      },
    ],
    ["with a long key", { kind: "map", items: [entry("k".repeat(200), "b")] }],
    ["with the merge key", { kind: "map", items: [entry("<<", "b")] }],
    ["with a block that begins with a blank", { kind: "map", items: [entry("a", " b\nc\n")] }],
    [
      "with text of several lines that claims to be encrypted",
      { kind: "map", items: [entry("a", "ENC[b\nc\n")] },
    ],
  ])("is not one %s: that takes the detour", ([, branch]) => {
    expect(simpleItems([branch])).toBeUndefined();
  });
});

function listOf(items: readonly NewItem[]): string {
  const list = { functionConfig: undefined, results: undefined };
  return printResourceList(
    items.map(({ element }) => element),
    list,
  );
}

function entry(key: string, value: string): Entry {
  return { kind: "entry", key, value: { kind: "str", value } };
}

function nested(levels: number): string {
  return Array.from(
    { length: levels },
    (_, at) => `${" ".repeat(at)}a:${at === levels - 1 ? " b" : ""}\n`,
  ).join("");
}

function applied(
  text: string,
  { how, at, piece, length }: { how: string; at: number; piece: string; length: number },
): string {
  const offset = at % (text.length + 1);
  const lines = text.split("\n");
  const line = at % lines.length;
  switch (how) {
    case "insert":
      return text.slice(0, offset) + piece + text.slice(offset);
    case "cut":
      return text.slice(0, offset) + text.slice(offset + length);
    case "indent":
      return lines.with(line, " ".repeat(length) + (lines[line] ?? "").trimStart()).join("\n");
    default:
      return lines.with(line, (lines[line] ?? "").replace(/: .*$/, ": ") + piece).join("\n");
  }
}
