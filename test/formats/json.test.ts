import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Document, Scalar } from "../../src/core/tree.ts";
import { sameNode } from "../../src/core/tree-diff.ts";
import { KsealError } from "../../src/errors.ts";
import { jsonStore } from "../../src/formats/json.ts";
import { documentOf, mapLeaves, metadata, open, outcome, seal, textStore, treeOf } from "./file-text.ts";

const json = textStore(jsonStore);

function one(value: Scalar): Document {
  return { branches: [{ kind: "map", items: [{ kind: "entry", key: "a", value }] }] };
}

/** The value of the member `a`. */
function memberOf(text: string): unknown {
  const [item] = json.parse(text).document.branches[0]?.items ?? [];
  return item?.kind === "entry" ? item.value : undefined;
}

function failure(text: string): KsealError {
  try {
    json.parse(text);
  } catch (error) {
    if (error instanceof KsealError) return error;
  }
  throw new Error("this should have failed");
}

describe("numbers", () => {
  test.for<[string, Scalar]>([
    ["0", { kind: "int", value: 0n }],
    ["-0", { kind: "int", value: 0n }],
    ["9223372036854775807", { kind: "int", value: 9223372036854775807n }],
    ["-9223372036854775808", { kind: "int", value: -9223372036854775808n }],
    ["1.0", { kind: "float", value: 1 }],
    ["1e3", { kind: "float", value: 1000 }],
    ["-1.5E-7", { kind: "float", value: -1.5e-7 }],
    ["1e-999", { kind: "float", value: 0 }],
    // What SOPS writes for the float 1e20.
    ["100000000000000000000", { kind: "float", value: 1e20 }],
  ])("%s", ([text, scalar]) => {
    expect(memberOf(`{"a": ${text}}`)).toEqual(scalar);
  });

  test.for(["9223372036854775808", "-9223372036854775809", "18446744073709551615", "1".repeat(30)])(
    "D13: the integer %s, which a float would round, is refused",
    (text) => {
      expect(failure(`{"a": ${text}}`)).toMatchObject({
        code: "FORMAT_INVALID",
        where: { line: 1, column: 7 },
      });
      expect(failure(`{"a": ${text}}`).message).not.toContain(text);
    },
  );

  test.for([
    ["1", 1],
    ["2.5", 2.5],
    ["1e+21", 1e21],
    ["100000000000000000000", 1e20],
    ["1e-7", 1e-7],
    ["0.000001", 1e-6],
    ["-0", -0],
    ["5e-324", 5e-324],
    ["1.7976931348623157e+308", Number.MAX_VALUE],
  ] as const)(
    "D20: the float %s is written as SOPS does, and a whole one like an integer",
    ([text, value]) => {
      expect(json.print(one({ kind: "float", value }))).toBe(`{\n\t"a": ${text}\n}\n`);
    },
  );

  test.for([Number.NaN, Number.POSITIVE_INFINITY])("%s has no place in JSON", (value) => {
    expect(outcome(() => json.print(one({ kind: "float", value })))).toBe("FORMAT_CANNOT_HOLD");
  });
});

describe("text that SOPS takes and kseal refuses", () => {
  test.for([
    ["D22: data after the closing brace", '{"a": 1} {"b": 2}', 1, 10],
    ["D22: a file that is cut off after a whole value", '{\n"a": 1,\n"b": 2', 3, 7],
    ["D22: a lone high surrogate", '{"a": "\\ud800"}', 1, 7],
    ["D22: a lone low surrogate", '{"a": "x\\udc00y"}', 1, 7],
  ] as const)("%s", ([, text, line, column]) => {
    expect(failure(text)).toMatchObject({ code: "FORMAT_INVALID", where: { line, column } });
  });
});

test.for([
  ["nothing", ""] as const,
  ["blanks", " \n"],
  ["a list", "[1]"],
  ["a text", '"x"'],
  ["a byte order mark", '\ufeff{"a": 1}'],
  ["a number out of range", '{"a": 1e999}'],
  ["a leading zero", '{"a": 01}'],
  ["a bare point", '{"a": 1.}'],
  ["a plus sign", '{"a": +1}'],
  ["a comma at the end of an object", '{"a": 1,}'],
  ["a comma at the end of a list", '{"a": [1,]}'],
  ["a missing comma", '{"a": 1 "b": 2}'],
  ["a missing colon", '{"a" 1}'],
  ["a bare key", "{a: 1}"],
  ["single quotes", "{'a': 1}"],
  ["a comment", '{"a": 1 // one\n}'],
  ["an unknown word", '{"a": nil}'],
  ["a wrong escape", '{"a": "\\x"}'],
  ["a cut escape", '{"a": "\\u12"}'],
  ["a bare line break in a text", '{"a": "x\ny"}'],
  ["a NUL in a text", '{"a": "x\u0000"}'],
  ["a NUL between values", '{"a": \u0000 1}'],
  ["another blank", '{"a":\u00a01}'],
])("%s is not JSON, and the error says where", ([, text]) => {
  expect(failure(text)).toMatchObject({ code: "FORMAT_INVALID", where: { line: expect.any(Number) } });
});

test("an error shows no value", () => {
  for (const text of ['{"a": "hunter2\\x"}', '{"a": "hunter2" "b"}', '{"a": hunter2}', '{"hunter2']) {
    expect(JSON.stringify([failure(text).message, failure(text).cause])).not.toContain("hunter2");
  }
});

test("bytes that are not UTF-8 are refused", () => {
  const bytes = Uint8Array.from([...Buffer.from('{"a": "'), 0xff, ...Buffer.from('"}')]);

  expect(outcome(() => jsonStore.parse(bytes))).toBe("FORMAT_INVALID");
});

test("10,000 levels are refused, 900 are not", () => {
  const nested = (depth: number) => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;

  expect(outcome(() => json.parse(nested(10_000)))).toBe("LIMIT_EXCEEDED");
  expect(outcome(() => json.parse(`${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`))).toBe("LIMIT_EXCEEDED");
  expect(outcome(() => json.parse(nested(900)))).toBe("ok");
});

test("D18: keys that stand twice are kept, with a warning that says where", () => {
  const { document, warnings } = json.parse('{"a": 1,\n "b": {"c": 1, "c": 2},\n "a": 3}');

  expect(document.branches[0]?.items).toHaveLength(3);
  expect(warnings).toEqual([
    expect.objectContaining({ kind: "duplicate-key", line: 2 }),
    expect.objectContaining({ kind: "duplicate-key", line: 3 }),
  ]);
  expect(json.print(document)).toBe('{\n\t"a": 1,\n\t"b": {\n\t\t"c": 1,\n\t\t"c": 2\n\t},\n\t"a": 3\n}\n');
});

test("a second sops member is refused, and so is one that is no mapping", () => {
  expect(outcome(() => json.parse('{"sops": {}, "sops": {}}'))).toBe("METADATA_INVALID");
  expect(outcome(() => json.parse('{"sops": 1}'))).toBe("METADATA_INVALID");
});

test("a document with a key sops has no place", () => {
  expect(outcome(() => json.print(documentOf({ sops: "x" })))).toBe("FORMAT_CANNOT_HOLD");
});

test("several documents have no place", () => {
  const { branches } = documentOf({ a: 1 });

  expect(outcome(() => json.print({ branches: [...branches, ...branches] }))).toBe("FORMAT_CANNOT_HOLD");
});

test("names that JavaScript treats specially are keys like others", () => {
  const text = '{\n\t"__proto__": {\n\t\t"x": 1\n\t},\n\t"constructor": "y"\n}\n';

  expect(json.print(json.parse(text).document)).toBe(text);
});

test("comments are left out, dates are texts, bytes are texts when they can be", () => {
  const comment = { kind: "comment", text: " c", inline: false } as const;
  const [branch] = documentOf({ a: [1] }).branches;
  const items = [
    comment,
    ...(branch?.items ?? []),
    { kind: "entry", key: "l", value: { kind: "seq", items: [comment, treeOf("x")] } } as const,
    { kind: "entry", key: "t", value: { kind: "time", value: "2026-01-02T03:04:05.5+07:06" } } as const,
    { kind: "entry", key: "b", value: { kind: "bytes", value: Buffer.from("é") } } as const,
  ];

  expect(JSON.parse(json.print({ branches: [{ kind: "map", items }] }))).toEqual({
    ...{ a: [1], l: ["x"], t: "2026-01-02T03:04:05.5+07:06", b: "é" },
  });
  expect(outcome(() => json.print(one({ kind: "bytes", value: Uint8Array.of(0xff) })))).toBe(
    "FORMAT_CANNOT_HOLD",
  );
});

describe("layouts", () => {
  const document = documentOf({ a: { b: [1, {}], c: [] } });

  test.for([
    [undefined, '{\n\t"a": {\n\t\t"b": [\n\t\t\t1,\n\t\t\t{}\n\t\t],\n\t\t"c": []\n\t}\n}\n'],
    [-1, '{\n\t"a": {\n\t\t"b": [\n\t\t\t1,\n\t\t\t{}\n\t\t],\n\t\t"c": []\n\t}\n}\n'],
    [0, '{\n"a": {\n"b": [\n1,\n{}\n],\n"c": []\n}\n}\n'],
    [2, '{\n  "a": {\n    "b": [\n      1,\n      {}\n    ],\n    "c": []\n  }\n}\n'],
  ] as const)("indent %s", ([indent, text]) => {
    expect(Buffer.from(jsonStore.render({ document, metadata: undefined }, { indent })).toString()).toBe(
      text,
    );
  });

  test("below -1 is a mistake", () => {
    expect(outcome(() => jsonStore.render({ document, metadata: undefined }, { indent: -2 }))).toBe("USAGE");
  });
});

test.for([
  ["a text", treeOf("x\ny"), "x\ny"],
  ["a mapping", treeOf({ a: 1 }), '{\n\t"a": 1\n}\n'],
  ["an empty mapping", treeOf({}), "{}\n"],
  ["a list", treeOf([1, "x"]), '[\n\t1,\n\t"x"\n]'],
  ["a number", treeOf(5), "5"],
  ["null", treeOf(null), "null"],
] as const)("%s alone is printed as --extract does", ([, node, text]) => {
  expect(Buffer.from(jsonStore.renderNode(node)).toString()).toBe(text);
});

/** Real-looking files in layouts that people have. */
const files = {
  tabs: '{\n\t"a": "1",\n\t"b": {\n\t\t"c": "2",\n\t\t"d": [\n\t\t\t"x",\n\t\t\t"y"\n\t\t]\n\t}\n}\n',
  spaces: '{\n  "a": "1",\n  "b": {"c": "2", "d": ["x", "y"]},\n  "n": 1.50\n}',
  minified: '{"a":"1","b":{"c":"2","d":["x","y"]},"e":{},"f":[]}',
  windows: '{\r\n    "a" : "1",\r\n\r\n    "b" : { "c" : "2", "d" : [ "x", "y" ] }\r\n}\r\n',
  odd: '\n\n  { "a"\t:\t"1"\n , "b": {\n"c":"2" , "d"  : [\n\n"x","y" ]  } , "num": 1.0e2, "esc": "\\u0061" }\n\n',
};

describe("writing into the file that was read", () => {
  test.for(Object.entries(files))("changes nothing when nothing changed: %s", ([, text]) => {
    const base = json.parse(text);

    expect(json.splice(base, base.document)).toBe(text);
  });

  test.for(Object.entries(files))("encrypting and decrypting gives the text back: %s", ([name, text]) => {
    const base = json.parse(text);
    const sealed = json.parse(json.splice(base, mapLeaves(base.document, seal), metadata));
    const written = json.splice(sealed, mapLeaves(sealed.document, open));

    expect(sealed.metadata).toEqual(metadata);
    // The escape of a text that was encrypted is the one thing that cannot come back.
    expect(written).toBe(name === "odd" ? text.replace("\\u0061", "a") : text);
  });

  test.for(Object.entries(files))("one new value changes nothing else: %s", ([, text]) => {
    const base = json.parse(text);
    const changed = mapLeaves(base.document, (leaf) => (leaf === "2" ? 'new "<value>"' : leaf));

    expect(json.splice(base, changed)).toBe(text.replace('"2"', '"new \\"\\u003cvalue\\u003e\\""'));
  });

  test("members come in the file's own style", () => {
    const base = json.parse(files.tabs);
    const document = documentOf({ a: "1", new: { x: 1 }, b: { c: "2", d: ["x", "n", "y"] }, last: true });

    expect(json.splice(base, document)).toBe(
      '{\n\t"a": "1",\n\t"new": {\n\t\t"x": 1\n\t},\n\t"b": {\n\t\t"c": "2",\n\t\t"d": [\n\t\t\t"x",\n\t\t\t"n",\n\t\t\t"y"\n\t\t]\n\t},\n\t"last": true\n}\n',
    );
  });

  test("members of a minified file come minified", () => {
    const base = json.parse(files.minified);
    const document = documentOf({ a: "1", b: { c: "2", d: [] }, e: { x: [1, 2] }, f: [{ y: 1 }] });

    expect(json.splice(base, document)).toBe('{"a":"1","b":{"c":"2","d":[]},"e":{"x":[1,2]},"f":[{"y":1}]}');
  });

  test("members that go take their comma with them", () => {
    const base = json.parse(files.windows);

    expect(json.splice(base, documentOf({ b: { d: ["y"] } }))).toBe(
      '{\r\n    "b" : { "d" : [ "y" ] }\r\n}\r\n',
    );
    expect(json.splice(base, documentOf({}))).toBe("{}\r\n");
  });

  test("members of an empty object come with tabs", () => {
    expect(json.splice(json.parse("{}"), documentOf({ a: 1 }))).toBe('{\n\t"a": 1\n}');
  });

  test("a nested container gets the indentation of its place", () => {
    const base = json.parse('{\n  "a": {\n    "b": 1\n  }\n}\n');

    expect(json.splice(base, documentOf({ a: { b: { c: [1] }, d: {} } }))).toBe(
      '{\n  "a": {\n    "b": {\n      "c": [\n        1\n      ]\n    },\n    "d": {}\n  }\n}\n',
    );
  });

  test("the metadata stays where it was", () => {
    const text = json.splice(json.parse('{"a": "1", "b": "2"}'), documentOf({ a: "1", b: "2" }), metadata);
    const [, block = ""] = /, ("sops".*)\}$/.exec(text) ?? [];
    const base = json.parse(`{"a": "1", ${block}, "b": "2"}`);

    expect(json.splice(base, documentOf({ a: "9", b: "2" }), metadata)).toBe(
      `{"a": "9", ${block}, "b": "2"}`,
    );
    const first = json.parse(`{${block}, "b": "2"}`);
    expect(json.splice(first, documentOf({ b: "3" }), metadata)).toBe(`{${block}, "b": "3"}`);
  });
});

const jsonValue = fc.letrec((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: "grapheme" }),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((x) => !Number.isInteger(x)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("node"), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie("node"), { maxKeys: 4 }),
  ),
}));
const jsonDocument = fc
  .dictionary(
    fc.string().filter((key) => key !== "sops"),
    jsonValue.node,
  )
  .map(documentOf);

describe("for all documents", () => {
  test("what is printed reads as what was meant", () => {
    fc.assert(
      fc.property(jsonDocument, fc.constantFrom(-1, 0, 2), (document, indent) => {
        const { document: read } = jsonStore.parse(
          jsonStore.render({ document, metadata: undefined }, { indent }),
        );
        expect(sameNode(read.branches[0]!, document.branches[0]!)).toBe(true);
      }),
    );
  });

  test("any file can become any other one in place, and nothing else moves", () => {
    fc.assert(
      fc.property(jsonDocument, jsonDocument, fc.constantFrom(-1, 0, 3), (a, b, indent) => {
        const base = jsonStore.parse(jsonStore.render({ document: a, metadata }, { indent }));
        const written = jsonStore.parse(jsonStore.render({ document: b, metadata }, { base }));

        expect(sameNode(written.document.branches[0]!, b.branches[0]!)).toBe(true);
        expect(written.metadata).toEqual(metadata);
      }),
    );
  });

  test("our own layout stays byte for byte when members come and go", () => {
    fc.assert(
      fc.property(jsonDocument, jsonDocument, (a, b) => {
        // Lists move their items by content; mappings by key, so that the fresh text is the only right one.
        const base = json.parse(json.print(a));
        const written = json.splice(base, b);

        expect(written).toBe(
          a.branches[0]?.items.length === 0 && b.branches[0]?.items.length === 0 ? "{}\n" : json.print(b),
        );
      }),
    );
  });
});

test("every prefix of a file is refused, cleanly", () => {
  const text = json.print(documentOf({ a: "é\n", b: [1, -2.5e-3, true, null], c: { d: {} } }), metadata);

  for (let end = 0; end < text.length - 1; end++) {
    expect(outcome(() => json.parse(text.slice(0, end)))).toBe("FORMAT_INVALID");
  }
});

test("every changed byte is refused or read, never a crash", () => {
  const bytes = Buffer.from(json.print(documentOf({ a: "é\n", b: [1, -2.5e-3, true, null] }), metadata));

  for (let at = 0; at < bytes.length; at++) {
    for (const flip of [1, 2, 8, 32, 128]) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= flip;
      expect(["ok", "FORMAT_INVALID", "METADATA_INVALID"]).toContain(outcome(() => jsonStore.parse(damaged)));
    }
  }
});
