import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Scalar } from "../../src/core/tree.ts";
import { KsealError } from "../../src/errors.ts";
import { yamlStore } from "../../src/formats/yaml.ts";
import { loadTextStore, outcome } from "./file-text.ts";
import { realSops } from "./real-sops.ts";

const store = await loadTextStore("yaml");
const sops = realSops();

/** The scalars of a file with one list of them. */
function scalarsOf(text: string): readonly unknown[] {
  const [entry] = store.parse(text).document.branches[0]!.items;
  const value = entry?.kind === "entry" ? entry.value : undefined;
  return value?.kind === "seq" ? value.items : [value];
}

const plainScalars: readonly (readonly [string, Scalar])[] = [
  ["12", { kind: "int", value: 12n }],
  ["+12", { kind: "int", value: 12n }],
  ["-0", { kind: "int", value: 0n }],
  ["0x1F", { kind: "int", value: 31n }],
  ["-0x1F", { kind: "int", value: -31n }],
  ["0o17", { kind: "int", value: 15n }],
  ["0o-17", { kind: "int", value: -15n }],
  ["0777", { kind: "int", value: 511n }],
  ["0b11", { kind: "int", value: 3n }],
  ["1_000", { kind: "int", value: 1000n }],
  ["9223372036854775807", { kind: "int", value: 9223372036854775807n }],
  ["08", { kind: "float", value: 8 }],
  ["1.50", { kind: "float", value: 1.5 }],
  ["1.", { kind: "float", value: 1 }],
  [".5", { kind: "float", value: 0.5 }],
  ["1e3", { kind: "float", value: 1000 }],
  ["-.inf", { kind: "float", value: Number.NEGATIVE_INFINITY }],
  [".NaN", { kind: "float", value: Number.NaN }],
  ["1e999", { kind: "str", value: "1e999" }],
  ["1:30", { kind: "str", value: "1:30" }],
  ["._5", { kind: "str", value: "._5" }],
  ["TRUE", { kind: "bool", value: true }],
  ["False", { kind: "bool", value: false }],
  ["yes", { kind: "str", value: "yes" }],
  ["tRUE", { kind: "str", value: "tRUE" }],
  ["~", { kind: "null" }],
  ["NULL", { kind: "null" }],
  ["<<", { kind: "str", value: "<<" }],
  ["2024-01-01", { kind: "time", value: "2024-01-01T00:00:00Z" }],
  ["2024-1-2 3:4:5.50", { kind: "time", value: "2024-01-02T03:04:05.5Z" }],
  ["2001-12-14t21:59:43.10-05:00", { kind: "time", value: "2001-12-14T21:59:43.1-05:00" }],
  ["2024-02-30", { kind: "str", value: "2024-02-30" }],
  ["!!str 12", { kind: "str", value: "12" }],
  ["!!int '12'", { kind: "int", value: 12n }],
  ["!!float 3", { kind: "float", value: 3 }],
  ["!!binary aGVsbG8=", { kind: "str", value: "hello" }],
  ["!!binary /w==", { kind: "bytes", value: new Uint8Array([0xff]) }],
  ["!Ref 12", { kind: "str", value: "12" }],
  ["! 12", { kind: "int", value: 12n }],
  ["'it''s'", { kind: "str", value: "it's" }],
  ['"a\\tb\\u00e9"', { kind: "str", value: "a\tbé" }],
];

describe("a scalar", () => {
  test.for(plainScalars)("%s has the type that go-yaml gives it", ([text, scalar]) => {
    const [read] = scalarsOf(`a: ${text}\n`) as [Scalar];
    expect(read.kind).toBe(scalar.kind);
    if (read.kind === "bytes" && scalar.kind === "bytes") {
      expect([...read.value]).toEqual([...scalar.value]);
    } else {
      expect(read).toEqual(scalar);
    }
  });

  // What sops prints again shows how it read the text; floats are spelt its way.
  test.skipIf(!sops)("of every form is read as sops reads it", () => {
    const scalars = plainScalars.map(([text]) => text).filter((text) => !text.includes("<<"));
    const text = scalars.map((scalar, index) => `k${index}: ${scalar}\n`).join("");
    const { document } = store.parse(text);
    const printed = Buffer.from(yamlStore.render({ document, metadata: undefined }, { floats: "sops" }));

    expect(printed.toString()).toBe(sops!.decrypt(sops!.encrypt(text, "yaml"), "yaml").toString());
  });

  test.for([
    "9223372036854775808",
    "-9223372036854775809",
    "123456789012345678901234567890",
    "0xFFFFFFFFFFFFFFFF",
  ])("D13: %s is refused with its path", (text) => {
    try {
      store.parse(`a:\n  b: [1, ${text}]\n`);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: "FORMAT_INVALID", where: { line: 2, path: '["a"]["b"][1]' } });
    }
  });

  test.for([
    ["!!int x", "FORMAT_INVALID"],
    ["!!binary ***", "FORMAT_INVALID"],
    ['"\\ud800"', "FORMAT_INVALID"],
    ['"\\U00110000"', "FORMAT_INVALID"],
    ["*nowhere", "FORMAT_INVALID"],
    ["&x [*x]", "FORMAT_INVALID"],
    ["[a?b]", "FORMAT_INVALID"],
  ] as const)("%s is refused", ([text, code]) => {
    expect(outcome(() => store.parse(`a: ${text}\n`))).toBe(code);
  });
});

describe("a file", () => {
  test.for([
    ["nothing", "", "EMPTY_INPUT"],
    ["nothing but comments", "# a\n", "FORMAT_INVALID"],
    ["a list at the top", "- a\n", "FORMAT_INVALID"],
    ["a text at the top", "a\n", "FORMAT_INVALID"],
    ["a key that is a number", "1: a\n", "FORMAT_INVALID"],
    ["a key that is null", "~: a\n", "FORMAT_INVALID"],
    ["a key that is a list", "? [a]\n: b\n", "FORMAT_INVALID"],
    ["two sops keys", "a: 1\nsops: 1\nsops: 2\n", "FORMAT_INVALID"],
    ["a tab as indentation", "a:\n\tb: 1\n", "FORMAT_INVALID"],
    ["a NUL", "a: \0\n", "FORMAT_INVALID"],
    ["a control character in quotes", 'a: "\x7f"\n', "FORMAT_INVALID"],
    ["a line separator", "a: x\u2028y\n", "FORMAT_INVALID"],
    ["10,000 levels of brackets", `a: ${"[".repeat(10_000)}`, "LIMIT_EXCEEDED"],
    [
      "10,000 levels of blocks",
      Array.from({ length: 10_000 }, (_, level) => `${" ".repeat(level)}k:\n`).join(""),
      "LIMIT_EXCEEDED",
    ],
    [
      "an alias bomb",
      `a0: &a0 [x,x,x,x,x,x,x,x]\n${Array.from({ length: 9 }, (_, n) => `a${n + 1}: &a${n + 1} [${Array(8).fill(`*a${n}`).join(",")}]\n`).join("")}`,
      "LIMIT_EXCEEDED",
    ],
  ] as const)("of %s is refused", ([, text, code]) => {
    expect(outcome(() => store.parse(text))).toBe(code);
  });

  test("that is not UTF-8 is refused", () => {
    expect(outcome(() => yamlStore.parse(new Uint8Array([0x61, 0x3a, 0x20, 0xff])))).toBe("FORMAT_INVALID");
  });

  test("with 490 levels is read and written", () => {
    const text = `${Array.from({ length: 490 }, (_, level) => `${" ".repeat(level)}k:`).join("\n")} v\n`;
    expect(store.splice(store.parse(text), store.parse(text.replace(" v", " w")).document)).toBe(
      text.replace(" v", " w"),
    );
  });

  test("keeps __proto__ an ordinary key", () => {
    const { document } = store.parse("__proto__:\n  constructor: 1\n");
    expect(document.branches[0]).toMatchObject({
      items: [{ key: "__proto__", value: { items: [{ key: "constructor" }] } }],
    });
    expect({}).not.toHaveProperty("constructor.items");
  });

  test("reports keys that stand twice in any document, by line and without their value", () => {
    const { warnings } = store.parse("a: 1\n---\nb: {c: secret, c: other}\nd: 1\nd: 2\n");
    expect(warnings.map(({ kind, line }) => [kind, line])).toEqual([
      ["duplicate-key", 3],
      ["duplicate-key", 5],
    ]);
    expect(JSON.stringify(warnings)).not.toMatch(/secret|other/);
  });

  test("takes the metadata of its first document, and drops it from the others (D49)", () => {
    const block =
      "sops:\n  age: [{recipient: age1, enc: x}]\n  lastmodified: 2026-01-02T03:04:05Z\n  mac: x\n  version: 3.13.3\n";
    const { document, metadata } = store.parse(`a: 1\n${block}---\nb: 2\n${block.replace("age1", "age2")}`);

    expect(metadata?.groups).toMatchObject([[{ key: { recipient: "age1" } }]]);
    expect(document.branches.map(({ items }) => items.length)).toEqual([1, 1]);
  });

  test("that js-yaml finds indented too little is read: everybody closes brackets below the key", () => {
    expect(scalarsOf("a: [\n1,\n2\n]\n")).toEqual([
      { kind: "int", value: 1n },
      { kind: "int", value: 2n },
    ]);
    expect(scalarsOf('a: [\n"b\n c" # d\n, "e\\\n\n f"\n]\n')).toEqual([
      { kind: "comment", text: " d", inline: true },
      { kind: "str", value: "b c" },
      { kind: "str", value: "e\nf" },
    ]);
  });

  test("of any text is read, or refused with one of our errors that quotes nothing", () => {
    const pieces = fc.constantFrom(
      ..."a: 1|- x|\n  |\n|[|]|{|}|,|#c| # d|'|\"|\\|&a |*a|!!str |? |: |---\n|...\n|% Y|>|\t|\r\n|é|~|sops: ".split(
        "|",
      ),
      "|",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
        const text = parts.join("");
        try {
          store.parse(text);
        } catch (error) {
          if (!(error instanceof KsealError)) throw error;
          expect(error.message).toMatch(/^[a-z][^\n]{0,110}$/);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test.for([
    "a: |\n  x\n\nb: >-\n  y\n  z\n# c\nd: [1, {e: 'f'}] # g\n---\nh: \"i\\n\" # j\n? k\n: - l\n  - &m n\n  - *m\n",
    "%YAML 1.1\n--- # a\nb:\n- c\n- !!binary aGk=\n...\n",
  ])("cut off anywhere does not crash", (text) => {
    for (let end = 0; end < text.length; end++) outcome(() => store.parse(text.slice(0, end)));
  });
});

describe("a comment", () => {
  const commentsIn = (text: string): string => {
    const places: string[] = [];
    const walk = (node: unknown, path: string): void => {
      const { items } = node as {
        items?: readonly { kind: string; text?: string; inline?: boolean; key?: string }[];
      };
      for (const [index, item] of (items ?? []).entries()) {
        if (item.kind === "comment") places.push(`${path}:${item.text?.trim()}${item.inline ? "!" : ""}`);
        else
          walk(
            item.kind === "entry" ? (item as { value?: unknown }).value : item,
            `${path}/${item.key ?? index}`,
          );
      }
    };
    for (const branch of store.parse(text).document.branches) walk(branch, "");
    return places.join(" ");
  };

  test.for([
    ["above a key", "# c\na: 1\n", ":c"],
    ["behind a value", "a: 1 # c\n", ":c!"],
    ["behind a key", "a: # c\n  b: 1\n", ":c"],
    ["at the end of a nested mapping", "a:\n  b: 1\n  # c\nd: 1\n", "/a:c"],
    ["below a nested mapping, dedented", "a:\n  b: 1\n# c\nd: 1\n", ":c"],
    ["below a value and before a blank line", "a:\n- 1\n# c\n\nd: 1\n", "/a:c"],
    ["below a list at its key's column", "a:\n- 1\n# c\nd: 1\n", ":c"],
    ["at the end of the file, where the metadata will stand", "a:\n- 1\n# c\n", ":c"],
    ["above a dash", "a:\n  # c\n  - 1\n", "/a:c"],
    ["behind an item", "a:\n  - 1 # c\n", "/a:c!"],
    ["behind a bracket", "a: [1] # c\n", "/a:c"],
    ["inside of brackets", "a: [\n  1, # c\n  2]\n", "/a:c!"],
    ["that go-yaml loses", "a: [ # c\n  1]\n", "/a:c"],
    ["behind the header of a block", "a: | # c\n  x\n", ":c!"],
    ["before the documents", "# c\n---\na: 1\n", ":c"],
    ["that is empty", "a:\n  #\n  - 1\n", "/a:"],
    ["in a block is none", "a: |\n  # c\n", ""],
    ["in quotes is none", "a: '# c'\n", ""],
  ] as const)("%s is where go-yaml puts it", ([, text, expected]) => {
    expect(commentsIn(text)).toBe(expected);
  });
});
