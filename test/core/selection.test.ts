import { describe, expect, test } from "vitest";
import { decryptTree } from "../../src/core/decrypt-tree.ts";
import { encryptTree } from "../../src/core/encrypt-tree.ts";
import { compileRe2 } from "../../src/core/regex.ts";
import { compileSelection, defaultSelection, type Selection } from "../../src/core/selection.ts";
import type { Document } from "../../src/core/tree.ts";
import type { Item } from "../../src/core/tree-diff.ts";
import { comment, countingRandom, document, entry, key, list, map, str } from "./build-tree.ts";

/** The texts of a file that are encrypted under a rule, in file order. */
async function encryptedTexts(tree: Document, selection: Selection): Promise<string[]> {
  const options = { key, selector: await compileSelection(selection), macOnlyEncrypted: false };
  const sealed = encryptTree(tree, { ...options, random: countingRandom() });
  const opened = decryptTree(sealed.document, options);
  expect(opened.document).toEqual(tree);
  expect(opened.mac).toBe(sealed.mac);
  const plain = tree.branches.flatMap(textsOf);
  const found = sealed.document.branches.flatMap(textsOf).flatMap((text, index) => {
    return text.startsWith("ENC[") ? [plain[index]!] : [];
  });
  expect(sealed.encrypted + sealed.encryptedComments).toBe(found.length);
  return found;
}

function textsOf(item: Item): string[] {
  switch (item.kind) {
    case "map":
    case "seq":
      return item.items.flatMap(textsOf);
    case "entry":
      return textsOf(item.value);
    case "comment":
      return [item.text];
    default:
      return item.kind === "str" ? [item.value] : [];
  }
}

const rule = (name: Selection["rule"], pattern: string): Selection => ({ rule: name, pattern });

describe("the suffix and regex rules", () => {
  const tree = document(
    comment("top"),
    entry("plain_unencrypted", map(entry("below", "1"), comment("c1"))),
    entry("secret", map(entry("inner_unencrypted", "2"), entry("other", "3"), comment("c2"))),
    entry("list_unencrypted", list(str("4"), map(entry("secret", "5")), comment("c3"))),
    entry("list", list(str("6"), list(str("7")), map(entry("x_unencrypted", "8")), comment("c4"))),
  );

  test.for([
    [rule("unencrypted_suffix", "_unencrypted"), ["top", "3", "c2", "6", "7", "c4"]],
    [rule("encrypted_suffix", "_unencrypted"), ["1", "c1", "2", "4", "5", "c3", "8"]],
    [rule("encrypted_suffix", "secret"), ["2", "3", "c2", "5"]],
    [rule("encrypted_regex", "^secret$"), ["2", "3", "c2", "5"]],
    [rule("encrypted_regex", "^(secret|list)$"), ["2", "3", "c2", "5", "6", "7", "8", "c4"]],
    [rule("encrypted_regex", "cre"), ["2", "3", "c2", "5"]],
    [rule("encrypted_regex", "(?i)SECRET"), ["2", "3", "c2", "5"]],
    [rule("encrypted_regex", "secret.*other"), []],
    [rule("unencrypted_regex", "^(list|secret)"), ["top", "1", "c1"]],
    [rule("unencrypted_regex", "_un"), ["top", "3", "c2", "6", "7", "c4"]],
    [
      rule("unencrypted_regex", "^nothing$"),
      ["top", "1", "c1", "2", "3", "c2", "4", "5", "c3", "6", "7", "8", "c4"],
    ],
    [defaultSelection, ["top", "3", "c2", "6", "7", "c4"]],
  ] as const)(
    "$0.rule $0.pattern: a match covers all below it, and comments go by their container",
    async ([selection, texts]) => {
      expect(await encryptedTexts(tree, selection)).toEqual(texts);
    },
  );

  test("list indices and document numbers are no keys", async () => {
    const two = { branches: [map(entry("a", list(str("1")))), map(entry("0", "2"))] };
    expect(await encryptedTexts(two, rule("encrypted_regex", "^0$"))).toEqual(["2"]);
  });
});

describe("the comment rules", () => {
  const tree = document(
    comment("before"),
    comment("mark"),
    comment("after"),
    entry("a", map(entry("b", "1"), comment("inner"), entry("c", list(str("2"), comment("listed"))))),
    comment("free"),
    entry("d", "3"),
    comment("mark line", true),
    entry("e", "4"),
    entry("f", map(comment("mark"), entry("g", "5"), entry("h", "6"))),
    entry("i", "7"),
    comment("end"),
  );

  test("encrypted_comment_regex: a comment governs the comments behind it and the next item with all below it", async () => {
    expect(await encryptedTexts(tree, rule("encrypted_comment_regex", "^mark"))).toEqual([
      "after",
      "1",
      "inner",
      "2",
      "listed",
      "4",
      "5",
    ]);
  });

  test("unencrypted_comment_regex: the same things stay in clear, and the comment itself", async () => {
    expect(await encryptedTexts(tree, rule("unencrypted_comment_regex", "^mark"))).toEqual([
      "before",
      "free",
      "3",
      "6",
      "7",
      "end",
    ]);
  });

  const items = list(
    str("1"),
    comment("mark"),
    comment("second"),
    comment("mark again"),
    map(entry("x", "2"), comment("inner")),
    str("3"),
    comment("mark"),
    list(str("4"), comment("deep"), str("5")),
    str("6"),
  );

  test("D3: in lists too, for the comments between a mark and its item as well", async () => {
    const listed = document(entry("l", items));
    const governed = ["second", "mark again", "2", "inner", "4", "deep", "5"];
    expect(await encryptedTexts(listed, rule("encrypted_comment_regex", "^mark"))).toEqual(governed);
    expect(await encryptedTexts(listed, rule("unencrypted_comment_regex", "^mark"))).toEqual(["1", "3", "6"]);
  });

  test("a null, an empty container and a list end what a comment governs", async () => {
    const ended = document(
      comment("mark"),
      entry("a", { kind: "null" }),
      entry("b", "1"),
      comment("mark"),
      entry("c", map()),
      entry("d", "2"),
    );
    expect(await encryptedTexts(ended, rule("encrypted_comment_regex", "mark"))).toEqual([]);
  });

  test("a document does not inherit the comments of the one before", async () => {
    const two = { branches: [map(comment("mark")), map(entry("a", "1"))] };
    expect(await encryptedTexts(two, rule("encrypted_comment_regex", "mark"))).toEqual([]);
  });

  test("a comment whose ciphertext the rule would take for a mark is refused, with its place", async () => {
    const tree = document(entry("a", map(comment("note"), entry("b", "1"))));
    const options = { key, macOnlyEncrypted: false, random: countingRandom() };
    for (const pattern of ["ENC", "AES256", "^E", "="]) {
      const selector = await compileSelection(rule("unencrypted_comment_regex", pattern));
      expect(() => encryptTree(tree, { ...options, selector })).toThrow(
        expect.objectContaining({ code: "ENCRYPT_FAILED", where: { path: `["a"]` } }),
      );
    }
  });
});

describe("D5: a rule that cannot be meant is refused", () => {
  test.for([
    rule("encrypted_regex", "("),
    rule("encrypted_regex", "(?=a)"),
    rule("unencrypted_regex", "(?<!a)b"),
    rule("encrypted_comment_regex", "(a)\\1"),
    rule("unencrypted_suffix", ""),
    rule("encrypted_regex", ""),
  ])("$rule $pattern", async (selection) => {
    await expect(compileSelection(selection)).rejects.toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID" }),
    );
  });
});

describe("D49: patterns are those of RE2", () => {
  test.for([
    ["(?i)PassWord", "my_password", true],
    ["(?s)a.b", "a\nb", true],
    ["a.b", "a\nb", false],
    ["(?m)^b$", "a\nb\nc", true],
    ["^b$", "a\nb\nc", false],
    ["a$", "a\n", false],
    ["\\Aab\\z", "ab", true],
    ["\\Qa.b\\E", "axb", false],
    ["\\Qa.b\\E", "xa.by", true],
    ["(?P<name>x)y", "xy", true],
    ["[[:upper:]]", "abC", true],
    ["\\pL", "é", true],
    ["\\p{Greek}", "α", true],
    ["^.$", "😀", true],
    ["\\d", "٣", false],
    ["(?U)a+b", "aab", true],
    ["x{2,3}", "axxb", true],
    ["^(data|stringData)$", "data", true],
    ["^(data|stringData)$", "data\n", false],
    ["^(data|stringData)$", "metadata", false],
    ["^(data)$", "data", true],
  ] as const)("%s in %j: %s", ([pattern, text, found]) => {
    expect(compileRe2(pattern).test(text)).toBe(found);
  });

  test.for([
    "a**",
    "[z-a]",
    "x{1001}",
    "\\",
    "(?P<n>a)(?P<n>b)",
    "\\8",
    "(?#c)",
    "a{2}{3}{4}{5}{1000}{1000}",
  ])("%s is refused", (pattern) => {
    expect(() => compileRe2(pattern)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
  });

  test("a pattern that explodes elsewhere takes linear time", () => {
    expect(compileRe2("^(a|a)*(a|aa)*$").test(`${"a".repeat(20_000)}b`)).toBe(false);
  });
});
