import { sha256Hex } from "../core/digest.ts";
import type { Selector } from "../core/selection.ts";
import { printTreePath } from "../core/tree-path.ts";
import { isSealed } from "../core/value.ts";
import { KsealError } from "../errors.ts";
import type { Store } from "../formats/store.ts";
import { leavesOf } from "./check-leaves.ts";

/** The ciphertexts of one version of a file, as far as it takes to compare them. */
export interface SealedValues {
  /** A digest of IV and tag of every encrypted value, by its path; no other value has the two. */
  readonly values: ReadonlyMap<string, string>;
  /** All of those, comments included, and the wrapped data keys: what two versions share is of the same data key. */
  readonly marks: ReadonlySet<string>;
}

/** What somebody who could read one version still knows of another. */
export interface Known {
  /** Paths of values whose ciphertext is the same. */
  readonly same: readonly string[];
  /** Encrypted anew: whether the value is another one cannot be seen. */
  readonly anew: readonly string[];
  /** No longer in the file. */
  readonly gone: readonly string[];
  /** Whether the data key certainly is the one they had: it opens the whole file, also what was added since. */
  readonly sameDataKey: boolean;
}

const encoder = new TextEncoder();

// All leaves are looked at, whatever rule the file was encrypted by.
const everything: Selector = {
  afterKey: (matched) => matched,
  afterComment: (matched) => matched,
  encryptsValue: () => true,
  encryptsComment: () => true,
  mistakesForMark: () => false,
};

/** Reads the ciphertexts of a version; `undefined` for one that is not encrypted, or damaged. */
export function sealedValues(bytes: Uint8Array, store: Store): SealedValues | undefined {
  try {
    const { document, metadata } = store.parse(bytes);
    if (metadata === undefined) return undefined;
    const values = new Map<string, string>();
    const wrapped = metadata.groups.flat().flatMap(({ enc }) => enc.trim() || []);
    const marks = new Set(wrapped.map((text) => sha256Hex(encoder.encode(text))));
    for (const { leaf, document: index, path } of leavesOf(document, everything)) {
      const text = leaf.kind === "comment" ? leaf.text.trim() : leaf.kind === "str" ? leaf.value : "";
      if (!isSealed(text)) continue;
      // A digest, because a part of a text would keep the whole text in memory.
      const mark = sha256Hex(encoder.encode(text.slice(text.indexOf(",iv:"))));
      marks.add(mark);
      const place = `${document.branches.length > 1 ? `document ${index + 1} ` : ""}${printTreePath(path)}`;
      if (leaf.kind !== "comment") values.set(place, mark);
    }
    return { values, marks };
  } catch (error) {
    if (error instanceof KsealError) return undefined;
    throw error;
  }
}

/**
 * Compares the last version that somebody could read with the present one, without a key.
 *
 * @param between - The version from which they were removed: a data key that it shares with both is still the same.
 */
export function compareValues(
  last: SealedValues,
  now: SealedValues,
  between: SealedValues | undefined,
): Known {
  const paths = [...last.values.keys()];
  const isSame = (path: string): boolean => now.values.get(path) === last.values.get(path);
  const viaBetween = between !== undefined && share(last, between) && share(between, now);
  return {
    same: paths.filter(isSame),
    anew: paths.filter((path) => now.values.has(path) && !isSame(path)),
    gone: paths.filter((path) => !now.values.has(path)),
    sameDataKey: share(last, now) || viaBetween,
  };
}

function share(a: SealedValues, b: SealedValues): boolean {
  for (const mark of a.marks) if (b.marks.has(mark)) return true;
  return false;
}
