import { expect, test } from "vitest";
import { yamlStore } from "../../src/formats/yaml.ts";
import { loadTextStore, metadata, outcome, seal } from "./file-text.ts";

const store = await loadTextStore("yaml");

const texts: readonly (readonly [string, string])[] = [
  [
    "blocks",
    "# c\na: &x |2-\n    deep\n\n  back\nb:\n  - - >+\n      folded\n\n  - ? k\n    : 'it''s'\nc: *x\n",
  ],
  [
    "flow",
    '%YAML 1.1\n---\r\n{a: [1, "\\u00e9", {b: c}], # d\r\n "e f": !!str 1, g: {}}\r\n...\r\n--- # 2\nh: "x\\\n  y"\n',
  ],
  [
    "encrypted",
    store
      .print(store.parse("a: x\nb: [y, 'é😀']\n# c\n").document, metadata)
      .replace("x\n", `${seal("x")}\n`),
  ],
];

test.for(texts)("every prefix is refused or read: %s", ([, text]) => {
  const bytes = new TextEncoder().encode(text);

  const outcomes = new Set(
    Array.from(bytes, (_, length) => outcome(() => yamlStore.parse(bytes.subarray(0, length)))),
  );

  expect(
    [...outcomes].filter((code) => !/^(ok|EMPTY_INPUT|FORMAT_INVALID|METADATA_INVALID)$/.test(code)),
  ).toEqual([]);
  expect(outcome(() => yamlStore.parse(bytes))).toBe("ok");
});

test.for(texts.slice(0, 2))("what is left of a text is written back as it is: %s", ([, text]) => {
  for (let length = 1; length <= text.length; length++) {
    const part = text.slice(0, length);
    if (outcome(() => store.parse(part)) !== "ok") continue;
    const base = store.parse(part);
    expect(store.splice(base, base.document)).toBe(part);
  }
});

const nine = (name: string) => Array.from({ length: 9 }, () => name).join(", ");
const bomb = ["b", "c", "d", "e", "f", "g", "h", "i", "j"]
  .map((name) => `${name}: &${name} [${nine(`*${String.fromCharCode(name.charCodeAt(0) - 1)}`)}]\n`)
  .join("");

test.for([
  ["an alias bomb", `a: &a [${nine("lol")}]\n${bomb}`, "LIMIT_EXCEEDED"],
  ["an alias of what holds it", "a: &a [*a]\n", "FORMAT_INVALID"],
  ["an alias without an anchor", "a: *b\n", "FORMAT_INVALID"],
  ["10,000 lists in brackets", `a: ${"[".repeat(10_000)}${"]".repeat(10_000)}\n`, "LIMIT_EXCEEDED"],
  ["10,000 brackets that stay open", `a: ${"[".repeat(10_000)}`, "LIMIT_EXCEEDED"],
  ["10,000 dashes", `a:\n${"- ".repeat(10_000)}x\n`, "LIMIT_EXCEEDED"],
  [
    "10,000 mappings in lines",
    Array.from({ length: 10_000 }, (_, at) => `${" ".repeat(at)}a:\n`).join(""),
    "LIMIT_EXCEEDED",
  ],
  ["a NUL", "a: x\0\n", "FORMAT_INVALID"],
  ["a NUL in quotes", 'a: "x\0"\n', "FORMAT_INVALID"],
  ["a tab that indents", "a:\n\tb: c\n", "FORMAT_INVALID"],
  ["a tab behind blanks that indent", "a:\n  b: c\n \td: e\n", "FORMAT_INVALID"],
] as const)("%s is refused", ([, text, code]) => {
  expect(outcome(() => store.parse(text))).toBe(code);
});

test.for([
  ["a lone byte", [0x61, 0x3a, 0x20, 0xff, 0x0a]],
  ["a cut sequence", [0x61, 0x3a, 0x20, 0xe2, 0x82]],
  ["a surrogate", [0x61, 0x3a, 0x20, 0xed, 0xa0, 0x80, 0x0a]],
  ["an overlong slash", [0x61, 0x3a, 0x20, 0xc0, 0xaf, 0x0a]],
  ["UTF-16", [0xff, 0xfe, 0x61, 0x00, 0x3a, 0x00, 0x20, 0x00, 0x62, 0x00]],
] as const)("bytes that are no UTF-8 are refused: %s", ([, bytes]) => {
  expect(outcome(() => yamlStore.parse(Uint8Array.from(bytes)))).toBe("FORMAT_INVALID");
});

test("the time for a mapping grows with its keys, not faster", { timeout: 60_000 }, () => {
  const work = (count: number) => {
    const text = Array.from({ length: count }, (_, at) => `key${at}: value ${at}\n`).join("");
    const start = performance.now();
    const base = store.parse(text);
    const [branch] = base.document.branches;
    const changed = branch!.items.map((item) =>
      item.kind === "entry" ? { ...item, value: { kind: "str", value: "x" } as const } : item,
    );
    const result = store.splice(base, { branches: [{ kind: "map", items: changed }] });
    expect(result.length).toBe(text.replaceAll(/value \d+/g, "x").length);
    return performance.now() - start;
  };
  const best = (count: number) => Math.min(work(count), work(count));
  work(1000);

  expect(best(40_000) / best(10_000)).toBeLessThan(12);
  expect(work(100_000)).toBeLessThan(20_000);
});
