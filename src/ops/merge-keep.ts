import { compileSelection, defaultSelection } from "../core/selection.ts";
import type { Comment, Document, Scalar } from "../core/tree.ts";
import { sameNode } from "../core/tree-diff.ts";
import { isSealed } from "../core/value.ts";
import { mapLeaves } from "../core/walk.ts";

/** One version of a file, plain and sealed, with the same structure. */
export interface SealedVersion {
  readonly plain: Document;
  readonly sealed: Document;
}

/**
 * The merged tree with the ciphertext of every value that a version has at the same keys: what nobody changed, and what
 * one side changed, stays as that side sealed it. All versions have the data key in common.
 *
 * @returns Item for item in the structure of `merged`; what no version has stands there in clear.
 */
export async function keepCiphertext(
  merged: Document,
  versions: readonly SealedVersion[],
): Promise<Document> {
  // Every leaf is visited whatever the rule; which it is makes no difference here.
  const selector = await compileSelection(defaultSelection);
  const kept = new Map<number, Scalar | Comment>();
  for (const earlier of versions) {
    let at = 0;
    mapLeaves(merged, {
      selector,
      earlier,
      visit: (leaf, place) => {
        const sealed = sealedLeaf(leaf, place.earlier);
        if (sealed !== undefined && !kept.has(at)) kept.set(at, sealed);
        at++;
        return leaf;
      },
    });
  }
  let at = 0;
  return mapLeaves(merged, { selector, visit: (leaf) => kept.get(at++) ?? leaf });
}

function sealedLeaf(
  leaf: Scalar | Comment,
  earlier: { readonly plain: object; readonly sealed: object } | undefined,
): Scalar | Comment | undefined {
  if (earlier === undefined) return undefined;
  const { plain, sealed } = earlier as { plain: Scalar | Comment; sealed: Scalar | Comment };
  if (plain === sealed || !sameNode(leaf, plain)) return undefined;
  const text = sealed.kind === "comment" ? sealed.text : sealed.kind === "str" ? sealed.value : "";
  return isSealed(text) ? sealed : undefined;
}
