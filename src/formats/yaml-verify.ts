import type { Comment, Document, Entry, MapNode, SeqNode, TreeNode } from "../core/tree.ts";
import { sameNode } from "../core/tree-diff.ts";
import { printTreePath, type TreePath } from "../core/tree-path.ts";
import { isSealed } from "../core/value.ts";

type Item = Entry | Comment | TreeNode;

export interface Comparison {
  /** Every comment must stand in the same mapping or list; else only encrypted ones, which do not open elsewhere. */
  readonly allComments: boolean;
  /** SOPS writes the float 1.0 as `1`, which is read as an integer. */
  readonly looseFloats: boolean;
  /** SOPS moves some comments to other places when it prints; its own layout is wanted. */
  readonly ignoresComments: boolean;
}

/**
 * Compares what was written with what was meant.
 *
 * @returns The path of the first difference, `undefined` when there is none.
 */
export function findDifference(
  meant: Document,
  written: Document,
  comparison: Comparison,
): string | undefined {
  if (meant.branches.length !== written.branches.length) return "";
  for (const [index, branch] of meant.branches.entries()) {
    const other = written.branches[index];
    const path = other && compareNodes(branch, other, { ...comparison, path: [] });
    if (path) return printTreePath(path);
  }
  return undefined;
}

interface Comparing extends Comparison {
  readonly path: (string | number)[];
}

function compareNodes(meant: TreeNode, written: TreeNode, comparing: Comparing): TreePath | undefined {
  if (meant === written) return undefined;
  if (meant.kind === "map" || meant.kind === "seq") {
    return meant.kind === written.kind
      ? compareItems(meant, written as MapNode | SeqNode, comparing)
      : [...comparing.path];
  }
  if (sameNode(meant, written)) return undefined;
  const isLoose = comparing.looseFloats && meant.kind === "float" && written.kind === "int";
  return isLoose && Number(written.value) === meant.value ? undefined : [...comparing.path];
}

function compareItems(
  meant: MapNode | SeqNode,
  written: MapNode | SeqNode,
  comparing: Comparing,
): TreePath | undefined {
  const { path } = comparing;
  const values = valuesOf(meant);
  const others = valuesOf(written);
  for (const [index, item] of values.entries()) {
    const other = others[index];
    path.push(item.kind === "entry" ? item.key : index);
    const isSame =
      other !== undefined && (item.kind !== "entry" || (other.kind === "entry" && item.key === other.key));
    const difference = isSame ? compareNodes(nodeOf(item), nodeOf(other), comparing) : [...path];
    path.pop();
    if (difference) return difference;
  }
  const hasComments = meant.items.length !== values.length || written.items.length !== others.length;
  const hasSameComments =
    !hasComments ||
    comparing.ignoresComments ||
    commentsOf(meant, comparing) === commentsOf(written, comparing);
  return values.length === others.length && hasSameComments ? undefined : [...path];
}

function valuesOf({ items }: MapNode | SeqNode): readonly Exclude<Item, Comment>[] {
  const all: readonly Item[] = items;
  const hasComments = all.some(({ kind }) => kind === "comment");
  return (hasComments ? all.filter(({ kind }) => kind !== "comment") : all) as readonly Exclude<
    Item,
    Comment
  >[];
}

function nodeOf(item: Exclude<Item, Comment>): TreeNode {
  return item.kind === "entry" ? item.value : item;
}

function commentsOf({ items }: MapNode | SeqNode, { allComments }: Comparison): string {
  return (items as readonly Item[])
    .flatMap((item) => (item.kind === "comment" && (allComments || isSealed(item.text)) ? [item.text] : []))
    .sort()
    .join("\n");
}
