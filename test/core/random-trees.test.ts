import { gcm } from "@noble/ciphers/aes.js";
import { sha512 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decryptTree } from "../../src/core/decrypt-tree.ts";
import { encryptTree } from "../../src/core/encrypt-tree.ts";
import { compileSelection, defaultSelection, type Selector } from "../../src/core/selection.ts";
import type { Comment, Document, Entry, Scalar, TreeNode } from "../../src/core/tree.ts";
import { bool, countingRandom, entry, float, int, key, list, map, nothing, str, time } from "./build-tree.ts";

const utf8 = new TextEncoder();
const rawKey = key.export();

interface Options {
  readonly key: typeof key;
  readonly selector: Selector;
  readonly macOnlyEncrypted: boolean;
}

function seal(tree: Document, options: Options) {
  return encryptTree(tree, { ...options, random: countingRandom() });
}

const leaf: fc.Arbitrary<Scalar> = fc.oneof(
  fc.string({ unit: "binary" }).map(str),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(int),
  fc.double().map(float),
  fc.boolean().map(bool),
  fc.constantFrom("2024-02-29T23:59:59Z", "0001-01-01T00:00:00.123456789-11:30").map(time),
  fc
    .uint8Array({ minLength: 1 })
    .map((bytes): Scalar => ({ kind: "bytes", value: Uint8Array.of(0xff, ...bytes) })),
  fc.constant(nothing),
);
const remark = fc.record({
  kind: fc.constant("comment" as const),
  text: fc
    .oneof(fc.constantFrom("mark", "x mark", ""), fc.string({ unit: "binary" }))
    .filter((text) => !text.startsWith("ENC[")),
  inline: fc.boolean(),
});
const keys = fc.oneof(
  fc.constantFrom("a", "b_unencrypted", "secret", ""),
  fc.string({ unit: "binary", maxLength: 5 }),
);
const node = fc.letrec<{ node: TreeNode; map: ReturnType<typeof map> }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    tie("map"),
    fc.array(fc.oneof(tie("node"), remark), { maxLength: 5 }).map((items) => list(...items)),
  ),
  map: fc
    .array(
      fc.oneof(
        fc.tuple(keys, tie("node")).map(([key, value]) => entry(key, value)),
        remark,
      ),
      { maxLength: 5 },
    )
    .map((items) => map(...items)),
})).map;
const trees = fc.array(node, { minLength: 1, maxLength: 3 }).map((branches): Document => ({ branches }));
const selectors: fc.Arbitrary<Selector> = fc.constantFrom(
  ...(await Promise.all(
    (
      [
        defaultSelection,
        { rule: "encrypted_suffix", pattern: "t" },
        { rule: "encrypted_regex", pattern: "^(a|secret)$" },
        { rule: "unencrypted_regex", pattern: "^[a-f]" },
        { rule: "encrypted_comment_regex", pattern: "^mark$" },
        { rule: "unencrypted_comment_regex", pattern: "^mark$" },
      ] as const
    ).map(compileSelection),
  )),
);

test("random trees open to what they were, with the same MAC, under every rule", () => {
  fc.assert(
    fc.property(trees, selectors, fc.boolean(), (tree, selector, macOnlyEncrypted) => {
      const options = { key, selector, macOnlyEncrypted };
      const { document, mac } = seal(tree, options);
      expect(decryptTree(document, options)).toEqual({ document: tree, mac, warnings: [] });
    }),
    { numRuns: 300 },
  );
});

test("random trees agree with an independent AES-GCM and SHA-512", async () => {
  const selector = await compileSelection({ rule: "encrypted_regex", pattern: "(?s)^.*$" });
  fc.assert(
    fc.property(trees, (tree) => {
      const { document, mac } = seal(tree, { key, selector, macOnlyEncrypted: false });
      const hash = sha512.create();
      for (const branch of document.branches) openIndependently(branch, "", hash);
      expect(Buffer.from(hash.digest()).toString("hex").toUpperCase()).toBe(mac);
    }),
  );
});

test("random trees keep all ciphertext of what was not edited", () => {
  fc.assert(
    fc.property(trees, trees, selectors, (tree, other, selector) => {
      const options = { key, selector, macOnlyEncrypted: false };
      const previous = { plain: tree, sealed: seal(tree, options).document };
      const never = () => {
        throw new Error("no randomness is needed");
      };
      expect(encryptTree(structuredClone(tree), { ...options, random: never, previous }).document).toEqual(
        previous.sealed,
      );
      const next = encryptTree(other, { ...options, random: countingRandom(), previous });
      expect(decryptTree(next.document, options).document).toEqual(other);
    }),
  );
});

/** Opens everything below a node whose keys are all selected, with another AES-GCM. */
function openIndependently(
  item: TreeNode | Entry | Comment,
  aad: string,
  hash: { update(bytes: Uint8Array): unknown },
): void {
  if (item.kind === "map" || item.kind === "seq") {
    for (const inner of item.items) openIndependently(inner, aad, hash);
  } else if (item.kind === "entry") {
    openIndependently(item.value, `${aad}${item.key}:`, hash);
  } else if (item.kind === "str" && item.value !== "") {
    hash.update(opened(item.value, aad));
  } else if (item.kind === "comment" && item.text !== "" && aad !== "") {
    opened(item.text, aad);
  } else {
    expect(["null", "str", "comment"]).toContain(item.kind);
  }
}

function opened(text: string, aad: string): Uint8Array {
  const [data = "", iv = "", tag = ""] = /data:(.+),iv:(.+),tag:(.+),type/.exec(text)?.slice(1) ?? [];
  const bytes = Buffer.concat([Buffer.from(data, "base64"), Buffer.from(tag, "base64")]);
  return gcm(rawKey, Buffer.from(iv, "base64"), utf8.encode(aad)).decrypt(bytes);
}
