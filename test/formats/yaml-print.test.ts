import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { MapNode, Scalar, TreeNode } from "../../src/core/tree.ts";
import { yamlStore } from "../../src/formats/yaml.ts";
import { loadTextStore, metadata } from "./file-text.ts";
import { realSops } from "./real-sops.ts";

const store = await loadTextStore("yaml");
const sops = realSops();

const asSopsPrints = (text: string, indent?: number): string => {
  const { document } = store.parse(text);
  return Buffer.from(
    yamlStore.render({ document, metadata: undefined }, { floats: "sops", indent }),
  ).toString();
};

const texts = [
  "a: 1\nb:\n  - x\n  - - y\n    - z: 1\n      w: {}\n  - []\nc: ~\n",
  "plain: text\nquoted: \"yes\"\nbase: '1:30'\ncolon: 'a: b'\nhash: 'a #b'\nempty: ''\nspace: ' x'\n'n': 1\n'12': 2\n",
  'esc: "a\\tb\\x01c\\u00a0\\U0001F600"\nnl: "a\\nb"\ntrail: "a \\nb"\nlead: " a\\nb"\nkeep: "a\\n\\n"\n',
  "pem: |\n  -----BEGIN-----\n    x\n\n  -----END-----\nlist:\n- |\n  a\n  b\n",
  "f: [1.0, 1.5, 1e21, 1e-7, 100000.0, 1000000.0, .inf, -.inf, .nan, 123456.789]\n",
  "t: 2024-01-01\nu: 2001-12-14t21:59:43.10-05:00\nv: 2024-1-2 3:4:5\n",
  "# head\n\n# second\na: 1 # inline\n# foot\n\nb:\n  # inner\n  c: 1\n  # end\nd:\n- 1 # x\n# y\n- 2\n",
  "a: &x {k: v}\nb: *x\nc:\n  <<: *x\n",
  "---\n---\na: 1\n---\n# only a comment\n---\nb: [a, {c: d}] # e\n",
  `? ${"k".repeat(140)}\n: v\n? |\n  two\n  lines\n: w\n`,
  "a: !!binary |\n  /////////////////////////////////////////////////////////////////////////////////////////w==\nb: !!binary /w==\n",
];

describe.skipIf(!sops)("a fresh file in the layout of sops", () => {
  test.for(texts)("%j is what sops decrypt prints, byte for byte", (text) => {
    // Nothing is encrypted: encrypted comments lose their place in sops (sops.md D21).
    const made = sops!.encrypt(text, "yaml", "--encrypted-regex", "^nothing$");
    expect(asSopsPrints(text)).toBe(sops!.decrypt(made, "yaml").toString());
  });

  test("has its metadata where and as sops writes it", () => {
    const made = sops!.encrypt("a: 1\n---\nb: {c: 2}\n", "yaml").toString();
    const { document, metadata: found } = store.parse(made);
    expect(store.print(document, found)).toBe(made);
  });
});

test("the indentation of a level can be chosen, and is 2 where the emitter of sops has no digit for it", () => {
  const text = "a:\n    - b: |\n        x\n        y\n";
  const printed = (indent: number) => asSopsPrints(text, indent);
  expect(printed(2)).toBe("a:\n  - b: |\n      x\n      y\n");
  expect(printed(3)).toBe("a:\n   - b: |\n      x\n      y\n");
  expect(printed(12)).toBe(printed(2));
  expect(printed(0)).toBe(printed(4));
});

test("a digit of a block says how deep the block is, where sops writes one that makes the file unreadable", () => {
  const text = 'a:\n- " x\\n y"\n';
  expect(asSopsPrints(text)).toBe("a:\n    - |2-\n       x\n       y\n");
});

test("D20: a float stays a float", () => {
  expect(store.print(store.parse("a: [1.0, -0.0, 1e6, 1.5]\n").document)).toBe(
    "a:\n    - 1.0\n    - -0.0\n    - 1e+06\n    - 1.5\n",
  );
});

test("a single value is printed as --extract wants it", () => {
  const node = (value: TreeNode) => Buffer.from(yamlStore.renderNode(value)).toString();
  expect(node({ kind: "str", value: "a: b\n" })).toBe("a: b\n");
  expect(node({ kind: "int", value: 5n })).toBe("5\n");
  expect(node({ kind: "seq", items: [{ kind: "str", value: "yes" }] })).toBe('- "yes"\n');
  expect(node(store.parse("a: {b: 1}\n").document.branches[0]!)).toBe("a:\n    b: 1\n");
});

const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.string({
    unit: fc.constantFrom(..." \n\t'\"#:-?[]{}|>&*!%@`\\,.~=<ynYN0123eTx/é😀\r\x85\u2028\ufeff"),
    maxLength: 12,
  }),
);
const scalar: fc.Arbitrary<Scalar> = fc.oneof(
  text.map((value) => ({ kind: "str", value }) as const),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({ kind: "int", value }) as const),
  fc.double().map((value) => ({ kind: "float", value }) as const),
  fc.boolean().map((value) => ({ kind: "bool", value }) as const),
  fc.constant({ kind: "null" } as const),
  fc.constant({ kind: "time", value: "2024-02-29T01:02:03.5+07:06" } as const),
  fc.constant({ kind: "bytes", value: new Uint8Array([0xff, 0x00, 0x80]) } as const),
);
const { map } = fc.letrec<{ node: TreeNode; map: MapNode }>((tie) => ({
  node: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalar,
    tie("map"),
    fc.array(tie("node"), { maxLength: 4 }).map((items) => ({ kind: "seq", items }) as const),
  ),
  map: fc
    .uniqueArray(fc.tuple(text, tie("node")), { maxLength: 4, selector: ([key]) => key })
    .map((pairs) => ({
      kind: "map",
      items: pairs
        .filter(([key]) => key !== "sops")
        .map(([key, value]) => ({ kind: "entry", key, value }) as const),
    })),
}));

test("any document is read again as it was printed, the metadata too", () => {
  fc.assert(
    fc.property(fc.array(map, { minLength: 1, maxLength: 3 }), (branches) => {
      const read = store.parse(store.print({ branches }, metadata));
      expect(read.document).toEqual({ branches });
      expect(read.metadata).toEqual(metadata);
    }),
    { numRuns: 500 },
  );
});
