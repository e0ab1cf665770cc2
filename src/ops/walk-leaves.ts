import type { Entry, MapNode, Scalar, SeqNode, TreeNode } from "../core/tree.ts";
import type { TreePath } from "../core/tree-path.ts";
import { isSealed } from "../core/value.ts";

/** Visits two trees of the same shape, one the encrypted form of the other, leaf by leaf. */
export function walkLeaves(
  plain: TreeNode,
  sealed: TreeNode,
  visit: (plain: Scalar, sealed: Scalar, path: TreePath) => void,
  path: TreePath = [],
): void {
  if (plain.kind === "map" && sealed.kind === "map") {
    for (const [entry, twin] of pairs(plain, sealed))
      walkLeaves(entry.value, twin.value, visit, [...path, entry.key]);
  } else if (plain.kind === "seq" && sealed.kind === "seq") {
    let count = 0;
    for (const [index, item] of plain.items.entries()) {
      const twin = sealed.items[index];
      if (item.kind === "comment" || twin === undefined || twin.kind === "comment") continue;
      walkLeaves(item, twin, visit, [...path, count++]);
    }
  } else if (isScalar(plain) && isScalar(sealed)) {
    visit(plain, sealed, path);
  }
}

/** Whether a leaf of the encrypted tree hides its value. */
export function isHidden(sealed: Scalar): boolean {
  return sealed.kind === "str" && isSealed(sealed.value);
}

/** Whether there is nothing in a leaf that could be hidden: SOPS leaves nulls and empty strings as they are. */
export function isVacant(plain: Scalar): boolean {
  return (
    plain.kind === "null" || ((plain.kind === "str" || plain.kind === "bytes") && plain.value.length === 0)
  );
}

/** The entry of a map by its key; the first one if there are several. */
export function entryOf(map: TreeNode | undefined, key: string): TreeNode | undefined {
  if (map?.kind !== "map") return undefined;
  return map.items.find((item): item is Entry => item.kind === "entry" && item.key === key)?.value;
}

/** The nodes of a list without its comments. */
export function nodesOf(list: SeqNode): readonly TreeNode[] {
  return list.items.filter((item) => item.kind !== "comment");
}

function pairs(plain: MapNode, sealed: MapNode): readonly (readonly [Entry, Entry])[] {
  return plain.items.flatMap((item, index) => {
    const twin = sealed.items[index];
    return item.kind === "entry" && twin?.kind === "entry" ? [[item, twin] as const] : [];
  });
}

function isScalar(node: TreeNode): node is Scalar {
  return node.kind !== "map" && node.kind !== "seq";
}
