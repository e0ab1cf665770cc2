import type { Selector } from "../core/selection.ts";
import type { Comment, Document, Scalar, TreeNode } from "../core/tree.ts";
import type { TreePath } from "../core/tree-path.ts";

/** A value or comment of a file, and where it stands. */
export interface PlacedLeaf {
  readonly leaf: Scalar | Comment;
  /** From 0. */
  readonly document: number;
  /** Of a comment that of what it stands in. */
  readonly path: TreePath;
  /** Whether the selection rule wants it encrypted. */
  readonly selected: boolean;
}

/**
 * The values and comments of a file in their order, judged as SOPS judges them: as `mapLeaves` of `core/walk.ts`, with
 * the way to each. Nulls are left out.
 */
export function leavesOf(document: Document, selector: Selector): readonly PlacedLeaf[] {
  const found: PlacedLeaf[] = [];
  for (const [index, branch] of document.branches.entries()) {
    visit(branch, { document: index, path: [], matched: false }, { selector, found });
  }
  return found;
}

interface Spot {
  readonly document: number;
  readonly path: TreePath;
  /** Whether something matched that is in force here. */
  readonly matched: boolean;
}

interface Walk {
  readonly selector: Selector;
  readonly found: PlacedLeaf[];
}

function visit(node: TreeNode, spot: Spot, walk: Walk): void {
  if (node.kind === "null") return;
  const { document, path, matched } = spot;
  const { selector, found } = walk;
  if (node.kind !== "map" && node.kind !== "seq") {
    found.push({ leaf: node, document, path, selected: selector.encryptsValue(matched) });
    return;
  }
  let now = matched;
  let position = 0;
  for (const item of node.items) {
    if (item.kind === "comment") {
      const after = selector.afterComment(now, item.text);
      found.push({ leaf: item, document, path, selected: selector.encryptsComment(now, after) });
      now = after;
    } else if (item.kind === "entry") {
      const below = selector.afterKey(now, item.key);
      visit(item.value, { document, path: [...path, item.key], matched: below }, walk);
      now = matched;
    } else {
      visit(item, { document, path: [...path, position], matched: now }, walk);
      position += 1;
      now = matched;
    }
  }
}
