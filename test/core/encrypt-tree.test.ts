import { createSecretKey, randomBytes } from "node:crypto";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { describe, expect, test } from "vitest";
import { decryptTree } from "../../src/core/decrypt-tree.ts";
import { encryptTree } from "../../src/core/encrypt-tree.ts";
import { compileSelection, defaultSelection } from "../../src/core/selection.ts";
import type {
  Comment,
  Document,
  Entry,
  MapNode,
  Scalar,
  SeqNode,
  TreeNode,
  ValueType,
} from "../../src/core/tree.ts";
import { getNode } from "../../src/core/tree-path.ts";
import { openValue, parseSealed, printSealed, sealValue } from "../../src/core/value.ts";
import {
  bool,
  comment,
  countingRandom,
  document,
  entry,
  float,
  int,
  key,
  list,
  map,
  nothing,
  str,
  time,
} from "./build-tree.ts";

const utf8 = new TextEncoder();
const everything = { key, selector: await compileSelection(defaultSelection), macOnlyEncrypted: false };
const seal = (tree: Document, options = everything) =>
  encryptTree(tree, { ...options, random: countingRandom() });
const open = (tree: Document, options = everything) => decryptTree(tree, options);

/** A sealed text that no kseal would write: another place, another type. */
function sealed(text: string, { aad, type }: { aad: string; type: ValueType }): string {
  const iv = countingRandom()(32);
  return printSealed(sealValue(utf8.encode(text), { key, aad: utf8.encode(aad), iv, type }));
}

function sha512Of(text: string): string {
  return Buffer.from(sha512(utf8.encode(text)))
    .toString("hex")
    .toUpperCase();
}

describe("an encrypted tree", () => {
  const tree = document(
    comment(" top"),
    entry(
      "a",
      map(
        entry("b", "text"),
        comment(" inner"),
        entry("l", list(str("1"), list(int(2)), map(entry("k", bool(true))))),
      ),
    ),
    entry("foo ", float(1.5)),
    entry("", map(entry("x", time("2024-01-01T00:00:00Z")))),
    entry("ü:", "colon"),
    entry("section", map(entry("a", map(comment(" deep", true), entry("b", "9"))))),
  );

  test("authenticates the keys from the root, for a comment those of its container", () => {
    const { document } = seal(tree);
    const root = document.branches[0]!;
    const a = getNode(root, ["a"]) as MapNode;
    const texts: [string, Entry | Comment | TreeNode | undefined][] = [
      [":", root.items[0]],
      ["a:b:", getNode(root, ["a", "b"])],
      ["a:", a.items[1]],
      ["a:l:", getNode(root, ["a", "l", 0])],
      ["a:l:", getNode(root, ["a", "l", 1, 0])],
      ["a:l:k:", getNode(root, ["a", "l", 2, "k"])],
      ["foo :", getNode(root, ["foo "])],
      [":x:", getNode(root, ["", "x"])],
      ["ü::", getNode(root, ["ü:"])],
    ];
    for (const [aad, item] of texts) {
      const text = item?.kind === "comment" ? item.text : (item as { value: string }).value;
      expect(() => openValue(parseSealed(text), { key, aad: utf8.encode(aad) })).not.toThrow();
    }
  });

  test("hashes the bare values in file order, without keys, comments, nulls and borders", () => {
    expect(seal(tree).mac).toBe(sha512Of("text12True1.52024-01-01T00:00:00Zcolon9"));
    expect(seal({ branches: [...tree.branches, map(entry("z", "end"))] }).mac).toBe(
      sha512Of("text12True1.52024-01-01T00:00:00Zcolon9end"),
    );
  });

  test("opens again to what it was, item for item", () => {
    const { document, mac, encrypted, encryptedComments, selected } = seal(tree);
    expect(open(document)).toEqual({ document: tree, mac, warnings: [] });
    expect({ encrypted, encryptedComments, selected }).toEqual({
      encrypted: 8,
      encryptedComments: 3,
      selected: 8,
    });
  });

  test("says the type of every value in the file", () => {
    const { document } = seal(tree);
    const types = JSON.stringify(document).match(/type:\w+/g);
    expect(types?.join(" ").replaceAll("type:", "")).toBe(
      "comment str comment str int bool float time str comment str",
    );
  });

  test("leaves nulls, empty containers, empty strings and empty comments as they are", () => {
    const empty = document(
      entry("a", nothing),
      entry("b", map()),
      entry("c", list()),
      entry("d", ""),
      entry("e", list(nothing, str(""))),
      comment(""),
    );
    const { document: same, encrypted, selected, mac } = seal(empty);
    expect(same).toEqual(empty);
    expect({ encrypted, selected }).toEqual({ encrypted: 0, selected: 2 });
    expect(open(same)).toEqual({ document: empty, mac: sha512Of(""), warnings: [] });
    expect(mac).toBe(sha512Of(""));
  });

  test("D20: of 1.0 and of 1 differ in the type alone", () => {
    expect(seal(document(entry("a", float(1)))).mac).toBe(seal(document(entry("a", int(1)))).mac);
    expect(open(seal(document(entry("a", float(1)))).document).document).toEqual(
      document(entry("a", float(1))),
    );
  });

  test("holds bytes that are not UTF-8 as a string", () => {
    const bytes: Scalar = { kind: "bytes", value: Uint8Array.of(0, 0xff, 0xfe) };
    const { document: binary } = seal(document(entry("data", bytes)));
    expect(JSON.stringify(binary)).toContain("type:str");
    expect(open(binary).document).toEqual(document(entry("data", bytes)));
  });

  test("with mac_only_encrypted hashes only what is encrypted, behind a prefix of its own", () => {
    const options = { ...everything, macOnlyEncrypted: true };
    const mixed = (clear: string) =>
      document(entry("a", "1"), entry("b_unencrypted", clear), entry("c", "2"));
    const prefix = sha256(utf8.encode("sops"));
    const expected = sha512.create().update(prefix).update(utf8.encode("12")).digest();

    expect(seal(mixed("x"), options).mac).toBe(Buffer.from(expected).toString("hex").toUpperCase());
    expect(open(seal(mixed("x"), options).document, options).mac).toBe(seal(mixed("y"), options).mac);
    expect(seal(mixed("x")).mac).not.toBe(seal(mixed("y")).mac);
  });
});

describe("D13: what SOPS has no text for is refused with its path, before anything is written", () => {
  test.for([
    ["an integer above 64 bits", int(2n ** 63n)],
    ["an integer below 64 bits", int(-(2n ** 63n) - 1n)],
    ["half a surrogate pair", str("\udc00")],
  ] as const)("%s", async ([, value]) => {
    const refused = expect.objectContaining({ code: "FORMAT_INVALID", where: { path: `["a"][1]` } });
    const inList = document(entry("a", list(comment(" c"), str("x"), value)));
    expect(() => seal(inList)).toThrow(refused);
    const selector = await compileSelection({ rule: "encrypted_regex", pattern: "^b$" });
    expect(() => seal(inList, { ...everything, selector })).toThrow(refused);
  });
});

describe("D1, D2: comments of lists", () => {
  const asItem = sealed(" note", { aad: "l:", type: "comment" });
  const plain = document(entry("l", list(comment(" note"), str("x"))));

  test("are written as comments", () => {
    const { document: written } = seal(plain);
    expect(written.branches[0]).toMatchObject({
      items: [{ value: { items: [{ kind: "comment" }, { kind: "str" }] } }],
    });
  });

  test("are read as text items too, as SOPS writes them, and stay out of the MAC", () => {
    const value = sealed("x", { aad: "l:", type: "str" });
    const opened = open(document(entry("l", list(str(asItem), str(value)))));
    expect(opened).toEqual({ document: plain, mac: sha512Of("x"), warnings: [] });
  });

  test("keep the form they have when nobody changes them", () => {
    const value = sealed("x", { aad: "l:", type: "str" });
    const before = document(entry("l", list(str(asItem), str(value))));
    const again = encryptTree(plain, {
      ...everything,
      random: countingRandom(),
      previous: { plain, sealed: before },
    });
    expect(again.document).toEqual(before);
    expect([again.encrypted, again.encryptedComments]).toEqual([1, 1]);
  });

  test("D3: as text items they go on governing what follows, where SOPS cannot open its own file", async () => {
    const selector = await compileSelection({ rule: "encrypted_comment_regex", pattern: "sops:enc" });
    const file = document(
      entry("l", list(comment(" sops:enc"), str(asItem), str(sealed("x", { aad: "l:", type: "str" })))),
    );
    expect(open(file, { ...everything, selector }).document).toEqual(
      document(entry("l", list(comment(" sops:enc"), comment(" note"), str("x")))),
    );
  });
});

describe("comments that do not open", () => {
  test("are taken as they stand when they are in clear, with a warning that does not repeat them", () => {
    const old = document(comment(" old"), entry("a", map(comment("ENCRYPT me"), entry("b", ""))));
    const { document: same, warnings } = open(old);
    expect(same).toEqual(old);
    expect(warnings).toEqual(["comments in clear that the rule wants encrypted: 2"]);
  });

  test("are taken as they stand when they were moved, as in SOPS", () => {
    const moved = document(comment(sealed("x", { aad: "a:", type: "comment" })));
    const { document: same, warnings } = open(moved);
    expect(same).toEqual(moved);
    expect(warnings).toEqual(["encrypted comments that do not open and are kept as they are: 1"]);
  });

  test("are encrypted by the next write", () => {
    for (const text of [" old", sealed("x", { aad: "a:", type: "comment" })]) {
      const file = document(comment(text));
      const previous = { plain: open(file).document, sealed: file };
      const next = encryptTree(previous.plain, { ...everything, random: countingRandom(), previous });
      expect(next.document).not.toEqual(file);
      expect(open(next.document).document).toEqual(file);
      expect(open(next.document).warnings).toEqual([]);
    }
  });

  test.for([
    ["cut off", sealed("x", { aad: ":", type: "comment" }).slice(0, -1)],
    ["followed by text", `${sealed("x", { aad: ":", type: "comment" })} `],
    ["values", sealed("x", { aad: ":", type: "str" })],
  ] as const)("are refused when they are %s", ([, text]) => {
    expect(() => open(document(comment(text)))).toThrow(expect.objectContaining({ code: "VALUE_MALFORMED" }));
  });
});

describe("a value that does not open is refused with its path", () => {
  const good = sealed("x", { aad: "a:", type: "str" });

  test.for([
    ["in clear", str("x"), "DECRYPT_FAILED"],
    ["an integer in clear", int(3), "DECRYPT_FAILED"],
    ["a float in clear", float(3), "DECRYPT_FAILED"],
    ["a time in clear", time("2024-01-01T00:00:00Z"), "DECRYPT_FAILED"],
    ["bytes in clear", { kind: "bytes", value: Uint8Array.of(0xff) }, "DECRYPT_FAILED"],
    ["D11: followed by text", str(`${good}x`), "VALUE_MALFORMED"],
    ["cut off", str(good.slice(0, -1)), "VALUE_MALFORMED"],
    ["of another place", str(sealed("x", { aad: "b:", type: "str" })), "DECRYPT_FAILED"],
    ["called an integer", str(good.replace("type:str", "type:int")), "VALUE_MALFORMED"],
    ["called a comment", str(good.replace("type:str", "type:comment")), "VALUE_MALFORMED"],
  ] as const)("%s", ([, value, code]) => {
    const refused = expect.objectContaining({ code, where: { path: `["a"]` } });
    expect(() => open(document(entry("a", value)))).toThrow(refused);
  });

  test("and its path counts list items without the comments", () => {
    const file = document(entry("a", list(comment(""), str(good), map(entry("b", str(good))))));
    expect(() => open(file)).toThrow(
      expect.objectContaining({ code: "DECRYPT_FAILED", where: { path: `["a"][1]["b"]` } }),
    );
  });

  test("a message holds nothing of the value", () => {
    const secrets = [str("hunter2"), str(sealed("hunter2", { aad: "a:", type: "int" })), str("ENC[hunter2")];
    for (const value of secrets) {
      let message = "";
      try {
        open(document(entry("a", value)));
      } catch (error) {
        message = `${error} ${JSON.stringify(error)} ${(error as Error).stack}`;
      }
      expect(message).not.toBe("");
      expect(message).not.toContain("hunter2");
    }
  });

  test("D12: the type bytes of Python's sops is opened", () => {
    const file = document(entry("a", str(sealed("text", { aad: "a:", type: "bytes" }))));
    expect(open(file)).toMatchObject({ document: document(entry("a", "text")), mac: sha512Of("text") });
  });
});

test("D14: encrypted text under a key that the rule leaves in clear stays text", () => {
  const text = sealed("x", { aad: "a_unencrypted:", type: "str" });
  const file = document(entry("a_unencrypted", text));
  expect(open(file)).toEqual({ document: file, mac: sha512Of(text), warnings: [] });
  expect(seal(file).document).toEqual(file);
});

describe("D4: what the MAC cannot tell apart, as in SOPS", () => {
  const clear = (...items: (Entry | Comment)[]) => document(entry("x_unencrypted", map(...items)));

  test.for([
    [
      "a border moved",
      clear(entry("a", "12"), entry("b", "3")),
      clear(entry("a", "1"), entry("renamed", "23")),
    ],
    [
      "other structure",
      clear(entry("a", "12")),
      clear(entry("a", map(entry("x", "1"), entry("y", list(int(2)))))),
    ],
    ["another type", clear(entry("a", "12")), clear(entry("a", int(12)))],
    ["text for a bool", clear(entry("a", bool(true))), clear(entry("a", "True"))],
    [
      "nulls, empties and comments more",
      clear(entry("a", "1")),
      clear(
        comment(" c"),
        entry("n", nothing),
        entry("a", "1"),
        entry("e", ""),
        entry("m", map()),
        entry("l", list()),
      ),
    ],
    [
      "values in another document",
      { branches: [map(entry("x_unencrypted", "1")), map()] },
      { branches: [map(), map(entry("x_unencrypted", "1"))] },
    ],
  ] as const)("%s", ([, one, other]) => {
    expect(open(one).mac).toBe(open(other).mac);
  });

  test("the keys a:b and a, b share their place; so do the items of a list, but their order is in the MAC", () => {
    const { document: nested } = seal(document(entry("a", map(entry("b", "1")))));
    const value = getNode(nested.branches[0]!, ["a", "b"])!;
    expect(open(document(entry("a:b", value))).document).toEqual(document(entry("a:b", "1")));

    const items = getNode(seal(document(entry("l", list(str("1"), str("2"))))).document.branches[0]!, ["l"])!;
    const swapped = list(...(items as SeqNode).items.toReversed());
    const opened = open(document(entry("l", swapped)));
    expect(opened.document).toEqual(document(entry("l", list(str("2"), str("1")))));
    expect(opened.mac).not.toBe(sha512Of("12"));
  });
});

describe("D15: after an edit", () => {
  const plain = document(
    comment(" c"),
    entry("a", "1"),
    entry("same", list(str("x"), str("x"), int(5))),
    entry("m", map(entry("deep", "2"), entry("zero", float(0)))),
    entry("b_unencrypted", "clear"),
  );
  const before = seal(plain);

  function edited(next: Document) {
    const after = encryptTree(next, {
      ...everything,
      random: randomBytes,
      previous: { plain, sealed: before.document },
    });
    expect(open(after.document).document).toEqual(next);
    const [old, now] = [textsIn(before.document), textsIn(after.document)];
    return {
      kept: now.filter((text) => old.includes(text)).length,
      fresh: now.filter((text) => !old.includes(text)),
    };
  }

  const textsIn = (tree: Document): string[] => JSON.stringify(tree).match(/ENC\[[^\]]+\]/g) ?? [];
  const withItem = (index: number, item: Entry | Comment) => ({
    branches: [map(...plain.branches[0]!.items.with(index, item))],
  });

  test("nothing changed, so nothing changes", () => {
    expect(edited(structuredClone(plain))).toEqual({ kept: 7, fresh: [] });
  });

  test.for([
    ["a value", withItem(1, entry("a", "new")), 6, 1],
    ["its type", withItem(1, entry("a", int(1))), 6, 1],
    ["its key", withItem(1, entry("renamed", "1")), 6, 1],
    ["a sign", withItem(3, entry("m", map(entry("deep", "2"), entry("zero", float(-0))))), 6, 1],
    ["a comment", withItem(0, comment(" d")), 6, 1],
    [
      "a list item more in front",
      withItem(2, entry("same", list(str("y"), str("x"), str("x"), int(5)))),
      7,
      1,
    ],
    ["a list item less", withItem(2, entry("same", list(str("x"), int(5)))), 6, 0],
    [
      "a map moved",
      withItem(
        3,
        entry("n", plain.branches[0]!.items[3]!.kind === "entry" ? map(entry("deep", "2")) : map()),
      ),
      5,
      1,
    ],
    ["a value that was in clear", withItem(4, entry("b", "clear")), 7, 1],
  ] as const)("%s: only that gets new ciphertext", ([, next, kept, fresh]) => {
    const result = edited(next);
    expect({ kept: result.kept, fresh: result.fresh.length }).toEqual({ kept, fresh });
  });

  test("equal items of a list have ciphertexts of their own, before and after", () => {
    expect(new Set(textsIn(before.document)).size).toBe(7);
    const more = edited(withItem(2, entry("same", list(str("x"), str("x"), str("x"), str("x"), int(5)))));
    expect(more.kept).toBe(7);
    expect(new Set(more.fresh).size).toBe(2);
  });

  test("a key that moved in its map keeps its ciphertext", () => {
    expect(edited({ branches: [map(...plain.branches[0]!.items.toReversed())] }).fresh).toEqual([]);
  });

  test("ciphertext of another place is not kept, even for an equal value", () => {
    const { fresh } = edited(withItem(3, entry("m", map(entry("other", "2"), entry("zero", float(0))))));
    expect(fresh).toHaveLength(1);
  });

  test("without the file before, everything gets a fresh IV", () => {
    const one = textsIn(encryptTree(plain, { ...everything, random: countingRandom() }).document);
    const ivs = one.map((text) => Buffer.from(parseSealed(text).iv).toString("hex"));
    expect(new Set(ivs).size).toBe(7);
    expect(ivs.every((iv) => iv.length === 64)).toBe(true);
  });
});

describe("a tree of 1,000 levels", () => {
  const deep = (levels: number) => {
    let node: TreeNode = str("x");
    for (let level = 1; level < levels; level++) node = level % 2 ? list(node) : map(entry("k", node));
    return document(entry("top", node));
  };

  test("is encrypted and opened, also with the file before", () => {
    const plain = deep(1000);
    const { document: sealed } = seal(plain);
    expect(open(sealed).document).toEqual(plain);
    const again = encryptTree(deep(1000), {
      ...everything,
      random: countingRandom(),
      previous: { plain, sealed },
    });
    expect(again.document).toEqual(sealed);
  });

  test.for([1001, 100_000])("and one of %i is refused", (levels) => {
    const refused = expect.objectContaining({ code: "LIMIT_EXCEEDED" });
    expect(() => seal(deep(levels))).toThrow(refused);
    expect(() => open(deep(levels))).toThrow(refused);
  });
});

test("the previous file under another key is not mixed in silently: what is kept does not open", () => {
  const plain = document(entry("a", "1"));
  const foreign = encryptTree(plain, {
    ...everything,
    key: createSecretKey(new Uint8Array(32)),
    random: countingRandom(),
  });
  const previous = { plain, sealed: foreign.document };
  const mixed = encryptTree(plain, { ...everything, random: countingRandom(), previous });
  expect(() => open(mixed.document)).toThrow(expect.objectContaining({ code: "DECRYPT_FAILED" }));
});

describe("opening what was sealed a moment ago", () => {
  const before = document(entry("kept", "same"), entry("changed", "old"));
  const first = seal(before);
  const after = document(entry("kept", "same"), entry("changed", "new"));
  const previous = { plain: before, sealed: first.document };
  const second = encryptTree(after, { ...everything, random: countingRandom(), previous });

  test("opens no kept ciphertext again, and says the same", () => {
    const kept = getNode(second.document.branches[0]!, ["kept"]) as Scalar;
    expect([...second.kept]).toEqual([[kept, str("same")]]);
    const foreignKey = createSecretKey(randomBytes(32));
    const withoutIts = document(entry("kept", kept));
    expect(() => decryptTree(withoutIts, { ...everything, key: foreignKey })).toThrow("does not belong here");
    const opened = decryptTree(withoutIts, { ...everything, key: foreignKey, opened: second.kept });
    expect(opened.document).toEqual(document(entry("kept", "same")));
    expect(decryptTree(second.document, { ...everything, opened: second.kept })).toEqual(
      decryptTree(second.document, everything),
    );
  });

  test("does not take what the rule leaves in clear for something that was opened", async () => {
    const selector = await compileSelection({ rule: "encrypted_regex", pattern: "^other$" });
    const opened = decryptTree(second.document, { ...everything, selector, opened: second.kept });
    expect(opened.document).toEqual(second.document);
  });
});
