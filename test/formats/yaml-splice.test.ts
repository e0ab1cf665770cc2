import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Document, Entry, MapNode, SeqNode, TreeNode } from "../../src/core/tree.ts";
import { sameNode } from "../../src/core/tree-diff.ts";
import { setNode, unsetNode } from "../../src/core/tree-path.ts";
import { loadTextStore, mapLeaves, metadata, open, outcome, seal, treeOf } from "./file-text.ts";
import { realSops } from "./real-sops.ts";

const store = await loadTextStore("yaml");
const sops = realSops();

/** Writes a changed document into a text. */
const change = (text: string, edit: (branch: MapNode) => MapNode): string => {
  const base = store.parse(text);
  return store.splice(base, { branches: base.document.branches.map(edit) });
};
const set = (text: string, path: readonly (string | number)[], value: unknown): string =>
  change(text, (branch) => setNode(branch, path, treeOf(value)) as MapNode);
const unset = (text: string, path: readonly (string | number)[]): string =>
  change(text, (branch) => unsetNode(branch, path) as MapNode);

describe("one value is changed", () => {
  test.for([
    ["plain", "a: x # c\n", "z", "a: z # c\n"],
    ["plain that would become another type", "a: x\n", "true", 'a: "true"\n'],
    ["plain that YAML 1.1 would take for true", "a: x\n", "yes", 'a: "yes"\n'],
    ["plain with syntax in it", "a: x\n", "y: #z", "a: 'y: #z'\n"],
    ["plain with several lines", "a: x # c\nb: 1\n", "y\nz\n", "a: | # c\n    y\n    z\nb: 1\n"],
    ["single quotes", "a: 'x'\n", "it's", "a: 'it''s'\n"],
    ["single quotes with a line break", "a: 'x'\n", "y\nz", 'a: "y\\nz"\n'],
    ["double quotes", 'a: "x"\n', '"\\\u0085😀', 'a: "\\"\\\\\\N😀"\n'],
    ["brackets", "a: [x, y]\n", ["x", "z, w"], 'a: [x, "z, w"]\n'],
    ["literal", "a: |  # c\n   x\n\nb: 1\n", "y\n  z\n", "a: |  # c\n   y\n     z\n\nb: 1\n"],
    ["literal that loses its break", "a: |\n  x\n", "y", "a: |-\n  y\n"],
    ["literal that gets more breaks", "a: |\n  x\nb: 1\n", "y\n\n", "a: |+\n  y\n\nb: 1\n"],
    ["literal that needs a digit", "a: |\n    x\n", "  y\nz\n", "a: |4\n      y\n    z\n"],
    ["literal that cannot hold it", "a: |\n  x\n", "\u0007", 'a: "\\a"\n'],
    ["folded", "a: >-\n  x\n  y\n", "z\nw", "a: >-\n  z\n\n  w\n"],
    ["nothing", "a:\nb: 1\n", "x", "a: x\nb: 1\n"],
    ["nothing, with a comment", "a: # c\nb: 1\n", "x", "a: x # c\nb: 1\n"],
    ["a text to a number", 'a: "x"\n', 1, "a: 1\n"],
    ["a text to null", "a: x\n", null, "a: null\n"],
    ["an integer", "a: 0x1F # c\n", 5, "a: 5 # c\n"],
    ["a tagged integer to a text", "a: !!int 1\n", "x", "a: x\n"],
    ["a text with its tag", "a: !!str 12\n", "13", "a: !!str 13\n"],
    ["a text with a tag of one's own", "a: !Ref x\n", "y", "a: !Ref y\n"],
    [
      "a text to a mapping",
      "a: x # c\nb: 1\n",
      { c: 1, d: ["e"] },
      "a: # c\n    c: 1\n    d:\n        - e\nb: 1\n",
    ],
    ["a text to an empty mapping", "a: x\n", {}, "a: {}\n"],
    ["an empty mapping", "x:\n  y: 1\na: {}\n", { b: 1 }, "x:\n  y: 1\na:\n  b: 1\n"],
    ["a mapping to a text", "a:\n  # c\n  b: 1\n\nd: 2\n", "x", "a: x\n\nd: 2\n"],
    ["a mapping to nothing", "a:\n  b: 1\nd: 2\n", {}, "a: {}\nd: 2\n"],
  ] as const)("in the style that it had: %s", ([, text, value, expected]) => {
    const result = set(text, ["a"], value);
    expect(result).toBe(expected);
    expect(
      store
        .parse(result)
        .document.branches[0]?.items.find((item) => item.kind === "entry" && item.key === "a"),
    ).toMatchObject({ value: treeOf(value) });
  });

  test("with the line ends of the file", () => {
    expect(set("a: x\r\nb: |\r\n  y\r\n", ["a"], "z\nw\n")).toBe("a: |\r\n    z\r\n    w\r\nb: |\r\n  y\r\n");
    expect(set("a: x\r\nb: |\r\n  y\r\n", ["b"], "z\nw\n")).toBe("a: x\r\nb: |\r\n  z\r\n  w\r\n");
  });
});

describe("something comes or goes", () => {
  const file = "a: 1 # one\n\n# two\nb:\n  - x\n  # c\n  - y: 1\n    z: 2\nc: {d: 1, e: 2}\n";

  test.for([
    ["an entry at the end", ["new"], 1, `${file}new: 1\n`],
    ["an item at the end", ["b", 9], "w", file.replace("    z: 2\n", "    z: 2\n  - w\n")],
    ["an entry of an item", ["b", 1, "w"], [1], file.replace("    z: 2\n", "    z: 2\n    w:\n      - 1\n")],
    ["an entry in brackets", ["c", "f"], "g: h", file.replace("e: 2}", 'e: 2, f: "g: h"}')],
  ] as const)("added: %s", ([, path, value, expected]) => {
    expect(set(file, path, value)).toBe(expected);
  });

  test.for([
    ["an entry with its line", ["c"], file.replace("c: {d: 1, e: 2}\n", "")],
    ["an item", ["b", 0], file.replace("  - x\n", "")],
    ["the first entry behind a dash", ["b", 1, "y"], file.replace("y: 1\n    ", "")],
    ["the last entry of an item", ["b", 1, "z"], file.replace("    z: 2\n", "")],
    ["an entry in brackets", ["c", "d"], file.replace("d: 1, ", "")],
    ["the last entry in brackets", ["c", "e"], file.replace(", e: 2", "")],
  ] as const)("removed: %s", ([, path, expected]) => {
    expect(unset(file, path)).toBe(expected);
  });

  test("in a file whose lists stand at their keys", () => {
    expect(set("a:\n- x\nb: 1\n", ["b"], ["z"])).toBe("a:\n- x\nb:\n- z\n");
    expect(set("a:\n- x\nb: 1\n", ["a", 9], "z")).toBe("a:\n- x\n- z\nb: 1\n");
  });

  test("at the end of a file without a final line break", () => {
    expect(set("a: 1", ["b"], 2)).toBe("a: 1\nb: 2");
    expect(unset("a: 1\nb: 2", ["b"])).toBe("a: 1");
    expect(change("a: 1\nb: 2\nc: 3", ({ items }) => ({ kind: "map", items: items.slice(0, 1) }))).toBe(
      "a: 1",
    );
    const other = treeOf({ a: 1, c: [3], d: 4 }) as MapNode;
    expect(change("a: 1\nb: 2", () => other)).toBe("a: 1\nc:\n    - 3\nd: 4");
  });

  test.for([
    ["an empty line above it stays", "a: x\n\nb: y", "a: x\n"],
    ["an empty line above it stays, with CRLF", "a: x\r\n\r\nb: y", "a: x\r\n"],
    ["a comment above it stays", "a: x\n# c\nb: y", "a: x\n# c"],
    ["a block without a break at its end needs none", "a: |-\n  x\nb: y", "a: |-\n  x"],
    ["a block keeps the break that it ends with", "a: |\n  x\nb: y", "a: |\n  x\n"],
    ["a block keeps its break, with CRLF", "a: |\r\n  x\r\nb: y", "a: |\r\n  x\r\n"],
    ["a block with an empty line below has its break", "a: >\n  x\n\nb: y", "a: >\n  x\n"],
    ["a block keeps all its breaks", "a: |+\n  x\n\nb: y", "a: |+\n  x\n\n"],
    ["a block in a mapping keeps its break", "a:\n  c: |\n    x\nb:\n  - y\n  - z", "a:\n  c: |\n    x\n"],
  ] as const)("removed from such an end: %s", ([, text, expected]) => {
    expect(unset(text, ["b"])).toBe(expected);

    const base = store.parse(text);
    const sealed = store.parse(store.splice(base, mapLeaves(base.document, seal), metadata));
    const rest = sealed.document.branches.map((branch) => unsetNode(branch, ["b"]) as MapNode);
    const shorter = store.parse(store.splice(sealed, { branches: rest }, metadata));
    expect(store.splice(shorter, mapLeaves(shorter.document, open))).toBe(expected);
  });

  test("and the last one leaves a document", () => {
    expect(unset("a: 1 # c\n", ["a"])).toMatch(/^(# c\n)?\{\}\n/);
    expect(unset("---\na: 1\n", ["a"])).toBe("---\n");
  });

  test("a key is renamed in its place", () => {
    const renamed = change("a: 1\n'b': |\n  x\nc: 3\n", ({ items }) => ({
      kind: "map",
      items: items.map((item) =>
        item.kind === "entry" && item.key === "b" ? { ...item, key: "n: 1" } : item,
      ),
    }));
    expect(renamed).toBe("a: 1\n'n: 1': |\n  x\nc: 3\n");
  });

  test("an alias is written out when its value or its anchor changes, and stays else", () => {
    const text = "a: &x\n  k: v\nb: *x\nc: *x\nd: 1\n";
    expect(set(text, ["d"], 2)).toBe(text.replace("d: 1", "d: 2"));
    expect(set(text, ["b", "k"], "w")).toBe("a: &x\n  k: v\nb:\n  k: w\nc: *x\nd: 1\n");
    expect(set(text, ["a", "k"], "w")).toBe("a: &x\n  k: w\nb:\n  k: v\nc:\n  k: v\nd: 1\n");
  });

  test("documents are added and removed", () => {
    const base = store.parse("a: 1\n---\nb: 2\n");
    const [first, second] = base.document.branches as [MapNode, MapNode];
    expect(store.splice(base, { branches: [first, second, first] })).toBe("a: 1\n---\nb: 2\n---\na: 1\n");
    expect(store.splice(base, { branches: [first] })).toBe("a: 1\n");
  });
});

/** Encrypts and decrypts as the stores see it, and gives the text back. */
const thereAndBack = (text: string): { sealed: string; back: string } => {
  const base = store.parse(text);
  const sealed = store.splice(base, mapLeaves(base.document, seal), metadata);
  const encrypted = store.parse(sealed);
  return { sealed, back: store.splice(encrypted, mapLeaves(encrypted.document, open)) };
};

describe("D9: a file comes back byte for byte", () => {
  test.for([
    [
      "comments everywhere",
      "# a\n\n#b\nc: d # e\nf: # g\n  # h\n  - i # j\n\n  # k\n  - - l\n    - m: n\n# o\n\n# p\n",
    ],
    ["no final line break", "a: x\nb: y"],
    ["blank lines at the end", "a: x\n\n\n"],
    ["document markers", "--- # a\nb: c\n...\n---\nd: e\n---\n---\nf: g\n...\n"],
    ["an empty document", "---\n"],
    ["an empty mapping", "{}\n"],
    ["CRLF and a byte order mark", "\ufeffa: x\r\nb: |\r\n  y\r\n\r\n  z\r\n# c\r\n"],
    ["a list at its key, and a comment below", "a:\n- x\n# c\n"],
    [
      "blocks of every kind",
      "a: |\n  x\n\n   y\nb: |-\n  x\nc: |+\n  x\n\n\nd: |2\n    x\n  y\ne: >-\n  z\n",
    ],
    ["odd blanks", 'a:   x   # c\nb :\t\'y\'\n"c" : "z"   \n'],
    ["anchors that nobody uses", "a: &x y\nb: &z\n  c: d\n"],
    ["strings like YAML 1.1 truths, bare and quoted", 'a: yes\nb: "yes"\nc: 1:30\nd: [\n  "y"\n]\n'],
    ["emoji and tabs", "a: 🐎\tx\nb: '🐎'\nc: \"🐎\"\n"],
    ["an explicit key", "? a\n: x\n? |\n  b\n: - y\n"],
  ] as const)("%s", ([, text]) => {
    const { sealed, back } = thereAndBack(text);
    expect(back).toBe(text);
    expect(sealed.replace(/\r\n/g, "\n")).not.toMatch(/(?:: |- |["'])[xyz](?:["'\n ]|$)/);
  });

  test("values in brackets come back in quotes: ciphertext cannot stand there without", () => {
    expect(thereAndBack("a: [x, 'y', {b: z}]\n").back).toBe(
      'a: [ "x", \'y\', {b: "z"}]\n'.replace("[ ", "["),
    );
  });

  test("the metadata is replaced alone, in the indentation it has, with its comments", () => {
    const { sealed } = thereAndBack("a: x\n");
    const narrow = sealed.replace(/^ {4}/gm, "  ").replace("  version", "  # mine\n  version");
    const base = store.parse(narrow);
    const written = store.splice(base, base.document, { ...metadata, mac: seal("other") });

    const changed = written.split("\n").filter((line, index) => line !== narrow.split("\n")[index]);
    expect(changed).toEqual([`  mac: ${seal("other")}`]);
  });

  test("every document carries the metadata, and gives it back", () => {
    const text = "a: x\n\n---\n# c\nb: y\n";
    const { sealed, back } = thereAndBack(text);
    expect(sealed.match(/^sops:$/gm)).toHaveLength(2);
    expect(back).toBe(text);
  });

  test.skipIf(!sops)("and what stands in between opens in sops, whatever its layout", () => {
    const text =
      "# c\na: {b: [1, x], c: 'y'} # d\ne:\n- |\n  f\n\n- &g h # i\n- *g\n# j\nk: yes\nl: >-\n  m\n\nn: ~\n---\no: 1.0\n";
    const base = store.parse(text);
    const made = store.parse(sops!.encrypt(text, "yaml").toString());
    const values = takeValues(base.document, made.document);
    const sealed = store.splice(base, values, made.metadata);

    expect(sealed).toContain("- &g ENC[");
    expect(sops!.decrypt(sealed, "yaml", "--output-type", "json").toString()).toBe(
      sops!.decrypt(sops!.encrypt(text, "yaml"), "yaml", "--output-type", "json").toString(),
    );
  });
});

/** The document with the values of another one, comments left as they are. */
function takeValues(document: Document, values: Document): Document {
  const take = (node: TreeNode, from: TreeNode): TreeNode => {
    if ((node.kind !== "map" && node.kind !== "seq") || (from.kind !== "map" && from.kind !== "seq"))
      return from;
    // SOPS keeps an encrypted comment of a list as an item of it.
    const rest = (from.items as readonly (Entry | TreeNode | { kind: "comment" })[]).filter(
      (item) => item.kind !== "comment" && !(item.kind === "str" && item.value.endsWith("type:comment]")),
    );
    const items = (node.items as readonly (Entry | TreeNode | { kind: "comment" })[]).map((item) => {
      if (item.kind === "comment") return item;
      const other = rest.shift() as Entry | TreeNode;
      return item.kind === "entry" && other.kind === "entry"
        ? { ...item, value: take(item.value, other.value) }
        : take(item as TreeNode, other as TreeNode);
    });
    return { kind: node.kind, items } as MapNode | SeqNode;
  };
  return {
    branches: document.branches.map((branch, index) => take(branch, values.branches[index]!) as MapNode),
  };
}

test("what a file cannot say is refused with its path, never written", () => {
  const base = store.parse("a: x # c\nb: 1\n");
  const broken: Document = {
    branches: [{ kind: "map", items: [{ kind: "comment", text: "two\nlines: 1", inline: false }] }],
  };
  expect(outcome(() => store.splice(base, broken))).toBe("FORMAT_CANNOT_HOLD");
  const reserved: Document = { branches: [treeOf({ sops: 1 }) as MapNode] };
  expect(outcome(() => store.splice(base, reserved, metadata))).toBe("FORMAT_CANNOT_HOLD");
});

/** Texts of YAML documents in many styles, one value or comment a line. */
const lines = fc.array(
  fc.tuple(
    fc.constantFrom(
      "",
      "# c",
      "#",
      "",
      "'q' # i",
      '"d"',
      "p # i",
      "1",
      "~",
      "[a, {b: c}]",
      "|\n@  l\n\n@   m",
      ">-\n@  f",
      "é😀",
      "&x y",
    ),
    fc.integer({ min: 0, max: 3 }),
    fc.boolean(),
  ),
  { minLength: 1, maxLength: 12 },
);

/** Builds a document of nested mappings; `@` is the indentation of a line. */
function documentText(parts: readonly (readonly [string, number, boolean])[], newline: string): string {
  const stack = [-2];
  const text = parts.map(([value, depth, nests], index) => {
    while (stack.length > depth + 1) stack.pop();
    const indent = " ".repeat(stack.at(-1)! + 2);
    if (value.startsWith("#") || value === "") return value === "" ? "" : `${indent}${value}${index}`;
    if (nests && stack.length < 4) {
      stack.push(indent.length);
      return `${indent}k${index}:\n${indent}  x${index}: ${value.replaceAll("@", `${indent}  `)}`;
    }
    return `${indent}k${index}: ${value.replaceAll("@", indent)}`;
  });
  return `first: 1\n${text.join("\n")}\nlast: v\n`.replaceAll("\n", newline);
}

describe("any document", () => {
  const document = fc
    .tuple(lines, fc.constantFrom("\n", "\r\n"))
    .map(([parts, newline]) => documentText(parts, newline));

  test("encrypted and decrypted in place has the same tree, and the same lines where the spelling is kept", () => {
    fc.assert(
      fc.property(document, (text) => {
        const base = store.parse(text);
        const { back } = thereAndBack(text);
        expect(store.parse(back).document).toEqual(base.document);
        if (!text.includes("[a")) expect(back).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  test("changed at one entry keeps all other lines", () => {
    fc.assert(
      fc.property(document, fc.nat(), fc.constantFrom("set", "add", "remove"), (text, pick, work) => {
        const base = store.parse(text);
        const [branch] = base.document.branches as [MapNode];
        const entries = branch.items.filter((item) => item.kind === "entry");
        const { key } = entries[pick % entries.length]!;
        const next =
          work === "remove"
            ? unsetNode(branch, [key])
            : setNode(branch, [work === "add" ? "added" : key], { kind: "str", value: "new" });
        const written = store.splice(base, { branches: [next as MapNode] });

        const [read] = store.parse(written).document.branches as [MapNode];
        const values = (map: MapNode) => map.items.filter((item) => item.kind === "entry");
        expect(values(read).every((item, index) => sameValues(item, values(next as MapNode)[index]))).toBe(
          true,
        );
        if (work === "add") expect(written.replace(/added: new\r?\n/, "")).toBe(text);
        if (work === "set") {
          const untouched = text
            .split(/\r?\n/)
            .filter((line) => !line.startsWith(" ") && !line.startsWith(`${key}:`));
          for (const line of untouched) expect(written.split(/\r?\n/)).toContain(line);
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** Whether two entries are the same but for comments that moved. */
function sameValues(a: Entry, b: Entry | undefined): boolean {
  const bare = (node: TreeNode): TreeNode => {
    if (node.kind !== "map" && node.kind !== "seq") return node;
    const items = (node.items as readonly (Entry | TreeNode | { kind: "comment" })[])
      .filter((item) => item.kind !== "comment")
      .map((item) => (item.kind === "entry" ? { ...item, value: bare(item.value) } : bare(item as TreeNode)));
    return { kind: node.kind, items } as MapNode | SeqNode;
  };
  return b !== undefined && a.key === b.key && sameNode(bare(a.value), bare(b.value));
}
