import type { KeyObject } from "node:crypto";
import { KsealError } from "../errors.ts";
import { MacHash } from "./mac.ts";
import { scalarBytes, valueType } from "./scalar-text.ts";
import type { Selector } from "./selection.ts";
import type { Comment, Document, Scalar, ValueType } from "./tree.ts";
import { sameNode } from "./tree-diff.ts";
import { isSealed, printSealed, sealValue } from "./value.ts";
import { mapLeaves, type Place } from "./walk.ts";

const utf8 = new TextEncoder();
const ivLength = 32;
// One call to the random source serves this many values.
const ivsAtOnce = 128;

export interface SealedTree {
  readonly document: Document;
  /** SHA-512 over the values in upper-case hex, for `sealMac`. Never to be shown. */
  readonly mac: string;
  /** How many values are encrypted. Empty strings are selected but stay empty, so they do not count. */
  readonly encrypted: number;
  readonly encryptedComments: number;
  /** How many values the rule selects, empty ones included. */
  readonly selected: number;
  /** The leaves that kept their ciphertext, each with what it opened to at its place. */
  readonly kept: ReadonlyMap<Scalar | Comment, Scalar | Comment>;
}

export interface EncryptTreeOptions {
  readonly key: KeyObject;
  readonly selector: Selector;
  readonly macOnlyEncrypted: boolean;
  readonly random: (length: number) => Uint8Array;
  /**
   * The file before an edit, opened and sealed under the same key. What did not change keeps its ciphertext, so that
   * the diff shows what did (sops.md D15).
   */
  readonly previous?: { readonly plain: Document; readonly sealed: Document } | undefined;
}

/**
 * Encrypts the values of a tree that the rule selects. Who writes the result opens it once more before (sops.md D3).
 *
 * @throws KsealError with the path: `FORMAT_INVALID` for a value that SOPS has no text for, `ENCRYPT_FAILED` for a
 *   comment that the rule would misread once it is encrypted.
 */
export function encryptTree(tree: Document, options: EncryptTreeOptions): SealedTree {
  const { key, selector, macOnlyEncrypted } = options;
  const hash = new MacHash(options);
  const nextIv = ivSource(options.random);
  const encrypted = { values: 0, comments: 0 };
  let selected = 0;
  const keptLeaves = new Map<Scalar | Comment, Scalar | Comment>();
  const document = mapLeaves(tree, {
    selector,
    earlier: options.previous,
    visit: (leaf, place) => {
      const isComment = leaf.kind === "comment";
      const plaintext = isComment ? utf8.encode(leaf.text) : scalarBytes(leaf);
      if (!isComment && (place.selected || !macOnlyEncrypted)) hash.add(plaintext);
      if (!place.selected) return leaf;
      if (!isComment) selected++;
      // SOPS leaves empty strings and comments empty; its readers cannot parse an encrypted one.
      if (plaintext.length === 0) return leaf;
      encrypted[isComment ? "comments" : "values"]++;
      const kept = keptLeaf(leaf, place);
      if (kept) keptLeaves.set(kept, leaf);
      const sealed = kept ?? sealLeaf(leaf, plaintext, { key, aad: place.aad, iv: nextIv() });
      if (sealed.kind === "comment" && selector.mistakesForMark(sealed.text)) throw ambiguousMark();
      return sealed;
    },
  });
  return {
    document,
    mac: hash.digest(),
    encrypted: encrypted.values,
    encryptedComments: encrypted.comments,
    selected,
    kept: keptLeaves,
  };
}

/**
 * The sealed leaf of the file before, if neither the leaf nor its place changed: the walk pairs leaves only under the
 * same keys, and the keys are all that is authenticated of a place.
 */
function keptLeaf(leaf: Scalar | Comment, { earlier }: Place): Scalar | Comment | undefined {
  if (earlier === undefined || !sameNode(leaf, earlier.plain)) return undefined;
  const { plain, sealed } = earlier;
  // A comment that did not open was taken as it stands; it is not sealed, whatever it looks like.
  if (!isLeaf(sealed) || sameNode(plain, sealed)) return undefined;
  if (sealed.kind === "comment") return isSealed(sealed.text) ? sealed : undefined;
  // A list comment that SOPS stored as a text item stays one as long as nobody changes it.
  return sealed.kind === "str" && isSealed(sealed.value) ? sealed : undefined;
}

function isLeaf(item: { readonly kind: string }): item is Scalar | Comment {
  return item.kind === "str" || item.kind === "comment";
}

function sealLeaf(
  leaf: Scalar | Comment,
  plaintext: Uint8Array,
  options: { key: KeyObject; aad: string; iv: Uint8Array },
): Scalar | Comment {
  const { key, iv } = options;
  const type: ValueType = leaf.kind === "comment" ? "comment" : valueType(leaf);
  const text = printSealed(sealValue(plaintext, { key, aad: utf8.encode(options.aad), iv, type }));
  // In lists too: SOPS writes a text item there, which its own comment rules then take for a value (sops.md D2, D3).
  return leaf.kind === "comment" ? { ...leaf, text } : { kind: "str", value: text };
}

function ambiguousMark(): KsealError {
  return new KsealError(
    "ENCRYPT_FAILED",
    "the pattern of unencrypted_comment_regex matches an encrypted comment",
    { hint: "use a pattern that base64 cannot match by chance, such as ^ public$" },
  );
}

function ivSource(random: (length: number) => Uint8Array): () => Uint8Array {
  let pool = new Uint8Array();
  let used = 0;
  return () => {
    if (used === pool.length) {
      pool = Uint8Array.from(random(ivLength * ivsAtOnce));
      used = 0;
    }
    used += ivLength;
    return pool.subarray(used - ivLength, used);
  };
}
