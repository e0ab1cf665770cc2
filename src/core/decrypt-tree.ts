import type { KeyObject } from "node:crypto";
import { KsealError } from "../errors.ts";
import { MacHash } from "./mac.ts";
import { decodeText, parseScalar, scalarBytes } from "./scalar-text.ts";
import type { Selector } from "./selection.ts";
import type { Comment, Document, Scalar } from "./tree.ts";
import { isSealed, openValue, parseSealed } from "./value.ts";
import { mapLeaves, type Place } from "./walk.ts";

const utf8 = new TextEncoder();

export interface OpenedTree {
  /** Item for item in the structure of the sealed tree. */
  readonly document: Document;
  /** SHA-512 over the values in upper-case hex, for `verifyMac`. Never to be shown. */
  readonly mac: string;
  /** Comments that the rule wants encrypted and that were taken as they stand. */
  readonly warnings: readonly string[];
}

export interface DecryptTreeOptions {
  readonly key: KeyObject;
  readonly selector: Selector;
  readonly macOnlyEncrypted: boolean;
  /** Leaves that were opened before under the same keys, with what they opened to: they are not opened once more. */
  readonly opened?: ReadonlyMap<Scalar | Comment, Scalar | Comment> | undefined;
}

/**
 * Decrypts the values of a tree that the rule selects. The result must not leave the caller before the MAC was
 * verified.
 *
 * @throws KsealError `DECRYPT_FAILED` or `VALUE_MALFORMED` with the path of the first value that does not open.
 */
export function decryptTree(sealed: Document, options: DecryptTreeOptions): OpenedTree {
  const { key, macOnlyEncrypted } = options;
  const hash = new MacHash(options);
  const comments = { inClear: 0, unopened: 0 };
  const document = mapLeaves(sealed, {
    selector: options.selector,
    visit: (leaf, place) => {
      if (!place.selected) {
        if (leaf.kind !== "comment" && !macOnlyEncrypted) hash.add(scalarBytes(leaf));
        return leaf;
      }
      const opened = options.opened?.get(leaf) ?? openLeaf(leaf, place, key);
      if (opened === undefined) {
        comments[leaf.kind === "comment" && isSealed(leaf.text) ? "unopened" : "inClear"]++;
        return leaf;
      }
      // What was opened decides, not what stood there: SOPS stores list comments as text items (sops.md D1).
      if (opened.kind !== "comment") hash.add(scalarBytes(opened));
      return opened;
    },
  });
  return { document, mac: hash.digest(), warnings: warningsFor(comments) };
}

/** `undefined` for a comment that stays as it stands. */
function openLeaf(leaf: Scalar | Comment, place: Place, key: KeyObject): Scalar | Comment | undefined {
  return leaf.kind === "comment" ? openComment(leaf, place, key) : openScalar(leaf, place, key);
}

function openScalar(scalar: Scalar, place: Place, key: KeyObject): Scalar | Comment {
  if (scalar.kind === "str" && scalar.value === "") return scalar;
  if (scalar.kind !== "str" || !isSealed(scalar.value)) {
    throw new KsealError(
      "DECRYPT_FAILED",
      "the rule says that this value is encrypted, but it stands in clear",
      {
        hint: "somebody added or changed it without the key: take it out, and set it again with kseal",
      },
    );
  }
  const sealed = parseSealed(scalar.value);
  const bytes = openValue(sealed, { key, aad: utf8.encode(place.aad) });
  if (sealed.type !== "comment") return parseScalar(sealed.type, bytes);
  const text = decodeText(bytes);
  // The type is not authenticated: believing it anywhere else would take a value out of the MAC.
  if (!place.inList || text === undefined) {
    throw new KsealError("VALUE_MALFORMED", "a comment stands where a value belongs");
  }
  return { kind: "comment", text, inline: false };
}

/** `undefined` for a comment that is not this file's own: SOPS takes it as it stands, and no MAC covers comments. */
function openComment(comment: Comment, place: Place, key: KeyObject): Comment | undefined {
  if (comment.text === "") return comment;
  // The first versions of SOPS left comments in clear.
  if (!isSealed(comment.text)) return undefined;
  const sealed = parseSealed(comment.text);
  const bytes = tryOpen(() => openValue(sealed, { key, aad: utf8.encode(place.aad) }));
  if (bytes === undefined) return undefined;
  const text = decodeText(bytes);
  if (sealed.type !== "comment" || text === undefined) {
    throw new KsealError("VALUE_MALFORMED", "a value stands where a comment belongs");
  }
  return { ...comment, text };
}

function tryOpen(open: () => Uint8Array): Uint8Array | undefined {
  try {
    return open();
  } catch (error) {
    if (error instanceof KsealError) return undefined;
    throw error;
  }
}

function warningsFor({ inClear, unopened }: { inClear: number; unopened: number }): readonly string[] {
  const warnings: string[] = [];
  if (inClear > 0) warnings.push(`comments in clear that the rule wants encrypted: ${inClear}`);
  if (unopened > 0)
    warnings.push(`encrypted comments that do not open and are kept as they are: ${unopened}`);
  return warnings;
}
