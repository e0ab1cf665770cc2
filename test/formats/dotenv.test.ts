import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Comment, Entry, Scalar } from "../../src/core/tree.ts";
import { sameNode } from "../../src/core/tree-diff.ts";
import { KsealError } from "../../src/errors.ts";
import { dotenvStore } from "../../src/formats/dotenv.ts";
import { documentOf, mapLeaves, metadata, open, outcome, seal, textStore, treeOf } from "./file-text.ts";

const dotenv = textStore(dotenvStore);

function read(text: string): unknown {
  return dotenv
    .parse(text)
    .document.branches[0]?.items.map((item) =>
      item.kind === "comment"
        ? `#${item.text}`
        : [item.key, item.value.kind === "str" ? item.value.value : null],
    );
}

function failure(work: () => unknown): KsealError {
  try {
    work();
  } catch (error) {
    if (error instanceof KsealError) return error;
  }
  throw new Error("this should have failed");
}

test("values stand verbatim: blanks, quotes, further signs, carriage returns", () => {
  expect(read('A= x  \nB="q"\nexport C=1\nD==\nE=a=b#c\n F =\tx\nG=1\r\n=z\n')).toEqual([
    ["A", " x  "],
    ["B", '"q"'],
    ["export C", "1"],
    ["D", "="],
    ["E", "a=b#c"],
    [" F ", "\tx"],
    ["G", "1\r"],
    ["", "z"],
  ]);
});

test("a comment begins in the first column", () => {
  expect(read("# a\n#\n #b=1\n\n")).toEqual(["# a", "#", [" #b", "1"]]);
});

test("an empty file has no values", () => {
  expect(read("")).toEqual([]);
  expect(read("\n\n")).toEqual([]);
});

test("D24: a backslash and an n stand for a line break", () => {
  expect(read("A=C:\\new\n")).toEqual([["A", "C:\new"]]);
  expect(dotenv.print(documentOf({ A: "a\nb\\nc" }))).toBe("A=a\\nb\\nc\n");
});

test("D23: a line without = is refused by its number, and never shown", () => {
  const error = failure(() => dotenv.parse("A=1\n\nhunter2\n"));

  expect(error).toMatchObject({ code: "FORMAT_INVALID", where: { line: 3, column: 1 } });
  expect(error.message).not.toContain("hunter2");
});

test("an empty line of a Windows file is refused, as by SOPS, and the hint says why", () => {
  expect(failure(() => dotenv.parse("A=1\r\n\r\nB=2\r\n"))).toMatchObject({
    code: "FORMAT_INVALID",
    hint: expect.stringContaining("carriage return"),
  });
});

test("D18: keys that stand twice are kept, with a warning", () => {
  const { document, warnings } = dotenv.parse("A=1\nB=2\nA=3\n");

  expect(warnings).toEqual([{ kind: "duplicate-key", message: 'the key "A" stands twice', line: 3 }]);
  expect(dotenv.print(document)).toBe("A=1\nB=2\nA=3\n");
});

test("D25: null is refused by its key", () => {
  expect(failure(() => dotenv.print(documentOf({ a: "1", b: null })))).toMatchObject({
    code: "FORMAT_CANNOT_HOLD",
    where: { path: '["b"]' },
  });
});

test.for<[string, Readonly<Record<string, unknown>>]>([
  ["a mapping", { a: {} }],
  ["a list", { a: [1] }],
  ["a key with =", { "a=b": "1" }],
  ["a key with a line break", { "a\nb": "1" }],
  ["a key that begins a comment", { "#a": "1" }],
  ["a key of the metadata", { sops_mac: "1" }],
])("%s has no place", ([, value]) => {
  expect(outcome(() => dotenv.print(documentOf(value)))).toBe("FORMAT_CANNOT_HOLD");
});

test("several documents have no place", () => {
  const { branches } = documentOf({ a: "1" });

  expect(outcome(() => dotenv.print({ branches: [...branches, ...branches] }))).toBe("FORMAT_CANNOT_HOLD");
});

test.for<[string, Scalar]>([
  ["3.0", { kind: "float", value: 3 }],
  ["1E+21", { kind: "float", value: 1e21 }],
  ["1E+06", { kind: "float", value: 1e6 }],
  ["999999.5", { kind: "float", value: 999999.5 }],
  ["1.0000005E+06", { kind: "float", value: 1000000.5 }],
  ["0.0001", { kind: "float", value: 1e-4 }],
  ["1E-05", { kind: "float", value: 1e-5 }],
  ["-0.0", { kind: "float", value: -0 }],
  ["+Inf", { kind: "float", value: Number.POSITIVE_INFINITY }],
  ["NaN", { kind: "float", value: Number.NaN }],
  ["true", { kind: "bool", value: true }],
  ["-7", { kind: "int", value: -7n }],
  ["2026-01-02T03:04:05+07:06", { kind: "time", value: "2026-01-02T03:04:05.25+07:06" }],
])("%s is how SOPS spells a value of another format", ([text, value]) => {
  const document = { branches: [{ kind: "map", items: [{ kind: "entry", key: "A", value }] } as const] };

  expect(dotenv.print(document)).toBe(`A=${text}\n`);
});

test("bytes that are not UTF-8 are refused", () => {
  expect(outcome(() => dotenvStore.parse(Uint8Array.of(0x41, 0x3d, 0xff)))).toBe("FORMAT_INVALID");
});

test.for([
  ["a text", treeOf("x\ny"), "x\ny"],
  ["a mapping", treeOf({ a: "x\ny" }), "a=x\\ny\n"],
] as const)("%s alone is printed as --extract does", ([, node, text]) => {
  expect(Buffer.from(dotenvStore.renderNode(node)).toString()).toBe(text);
});

test("a single value that is no text is refused, as by SOPS", () => {
  expect(outcome(() => dotenvStore.renderNode(treeOf(5)))).toBe("FORMAT_CANNOT_HOLD");
});

const files = {
  plain: "A=1\n# about B\nB=two words\n",
  "blank lines": "\n\n# head\n\n\nA=1\n\n# c\nB=2\nEMPTY=\n\n\n",
  "no final newline": "A=1\n\nB=2",
  "only a comment": "# nothing",
  windows: "A=1\r\n# c\r\nB=2\r\n",
  duplicates: "A=1\n\nA=2\n",
  empty: "",
};

describe("writing into the file that was read", () => {
  test.for(Object.entries(files))("changes nothing when nothing changed: %s", ([, text]) => {
    const base = dotenv.parse(text);

    expect(dotenv.splice(base, base.document)).toBe(text);
  });

  test.for(Object.entries(files))("encrypting and decrypting gives the text back: %s", ([, text]) => {
    const base = dotenv.parse(text);
    const sealedText = dotenv.splice(base, mapLeaves(base.document, seal), metadata);
    const sealed = dotenv.parse(sealedText);

    expect(sealed.metadata).toEqual(metadata);
    expect(dotenv.splice(sealed, sealed.document, sealed.metadata)).toBe(sealedText);
    expect(dotenv.splice(sealed, mapLeaves(sealed.document, open))).toBe(text);
  });

  test("a value changes, one comes and one goes", () => {
    const base = dotenv.parse("\nA=1\n\n# b\nB=2\n\nC=3\n\n");

    expect(dotenv.splice(base, documentOf({ A: "9", N: "new", C: "3" }))).toBe("\nA=9\nN=new\n\nC=3\n\n");
  });

  test.for([
    ["a comment that changes keeps them", "#a\n\n#b\nB=1\n", ["#a", "#new", "B=1"], "#a\n\n#new\nB=1\n"],
    ["one before another takes none of it", "A=1\n\n#b\n", ["A=1", "#new", "#b"], "A=1\n#new\n\n#b\n"],
    ["one among comments alone", "#a\n\n#b\n", ["#a", "#new", "#b"], "#a\n#new\n\n#b\n"],
  ] as const)("empty lines belong to the line below: %s", ([, text, lines, written]) => {
    const base = dotenv.parse(text);

    expect(dotenv.splice(base, dotenv.parse(lines.join("\n")).document)).toBe(written);
  });

  test("metadata in the middle of a file stays there", () => {
    const block = dotenv.splice(dotenv.parse(""), documentOf({}), metadata);
    const base = dotenv.parse(`A=1\n${block}\nB=2\n`);

    expect(dotenv.splice(base, documentOf({ A: "1", B: "3" }), metadata)).toBe(`A=1\n${block}\nB=3\n`);
    expect(dotenv.splice(base, base.document)).toBe("A=1\n\nB=2\n");
  });
});

const line = fc.string({ unit: "binary" }).filter((text) => text.isWellFormed() && !/[\n]/.test(text));
const item = fc.oneof(
  fc.tuple(line, fc.string({ unit: "grapheme" })).map(
    ([key, value]): Entry => ({
      kind: "entry",
      key: key.replace(/^#|=|^sops_/g, ""),
      value: { kind: "str", value: value.replaceAll("\\n", "") },
    }),
  ),
  line.map((text): Comment => ({ kind: "comment", text, inline: false })),
);
const document = fc
  .array(item)
  .map((items) => items.filter((i) => i.kind === "comment" || !/^(#|sops_)|=/.test(i.key)))
  .map((items) => ({ branches: [{ kind: "map", items } as const] }));

describe("for all documents", () => {
  test("what is printed reads as what was meant", () => {
    fc.assert(
      fc.property(document, (value) => {
        expect(sameNode(dotenv.parse(dotenv.print(value)).document.branches[0]!, value.branches[0]!)).toBe(
          true,
        );
      }),
    );
  });

  test("any file can become any other one in place", () => {
    fc.assert(
      fc.property(document, document, (a, b) => {
        const written = dotenv.parse(dotenv.splice(dotenv.parse(dotenv.print(a, metadata)), b, metadata));

        expect(sameNode(written.document.branches[0]!, b.branches[0]!)).toBe(true);
        expect(written.metadata).toEqual(metadata);
      }),
    );
  });
});

test("every prefix of a file is refused or read, never a crash", () => {
  const text = dotenv.print(documentOf({ A: "é", B: "a\nb" }), metadata);

  for (let end = 0; end < text.length; end++) {
    expect(["ok", "FORMAT_INVALID", "METADATA_INVALID"]).toContain(
      outcome(() => dotenv.parse(text.slice(0, end))),
    );
  }
});
