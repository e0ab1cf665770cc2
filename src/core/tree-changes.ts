import { deepest, tooDeep } from "./depth.ts";
import type { Document, Entry, MapNode, TreeNode } from "./tree.ts";
import { alignItems, sameNode } from "./tree-diff.ts";
import type { TreePath } from "./tree-path.ts";

/** A value that is not the same in two versions of a tree. */
export interface TreeChange {
  /** Which document, from 0: as the later version counts them, unless it is gone there. */
  readonly document: number;
  /** As the later version counts positions, unless it is gone there. */
  readonly path: TreePath;
  readonly before: TreeNode | undefined;
  readonly after: TreeNode | undefined;
}

/**
 * Lists the values in which two versions of a tree differ. Order, comments and layout are no differences; a map or list
 * that came or went is listed value by value, an empty one as itself.
 *
 * @throws KsealError `LIMIT_EXCEEDED` below 1,000 levels.
 */
export function listChanges(
  before: Document | undefined,
  after: Document | undefined,
): readonly TreeChange[] {
  const changes: TreeChange[] = [];
  const [old, now] = [before?.branches ?? [], after?.branches ?? []];
  const origins = alignItems(old, now);
  const gone = new Set(old.keys());
  for (const [at, branch] of now.entries()) {
    const origin = origins[at];
    if (origin !== undefined) gone.delete(origin);
    compare({ document: at, path: [] }, origin === undefined ? undefined : old[origin], branch, changes);
  }
  for (const at of gone) compare({ document: at, path: [] }, old[at], undefined, changes);
  return changes;
}

type Place = Pick<TreeChange, "document" | "path">;

function compare(
  place: Place,
  before: TreeNode | undefined,
  after: TreeNode | undefined,
  changes: TreeChange[],
): void {
  if (place.path.length > deepest) throw tooDeep();
  const [old, now] = [childrenOf(before), childrenOf(after)];
  const isKindChange = old !== undefined && now !== undefined && before?.kind !== after?.kind;
  const isContainer = (old !== undefined || now !== undefined) && !isKindChange;
  const isLeafToo = (before !== undefined && old === undefined) || (after !== undefined && now === undefined);
  if (isContainer && !isLeafToo && (old ?? []).length + (now ?? []).length > 0) {
    compareItems(place, old ?? [], now ?? [], changes);
    return;
  }
  const isSame = before !== undefined && after !== undefined && sameNode(before, after);
  if (!isSame) changes.push({ ...place, before, after });
}

type Child = Entry | TreeNode;

/** What stands in a container besides comments; `undefined` for a leaf. */
function childrenOf(node: TreeNode | undefined): readonly Child[] | undefined {
  if (node?.kind !== "map" && node?.kind !== "seq") return undefined;
  const items: readonly (MapNode["items"][number] | TreeNode)[] = node.items;
  return items.filter((item) => item.kind !== "comment");
}

function compareItems(
  { document, path }: Place,
  old: readonly Child[],
  now: readonly Child[],
  changes: TreeChange[],
): void {
  const origins = alignItems(old, now);
  const gone = new Set(old.keys());
  const below = (item: Child, at: number): Place => ({
    document,
    path: [...path, item.kind === "entry" ? item.key : at],
  });
  for (const [at, item] of now.entries()) {
    const origin = origins[at];
    if (origin !== undefined) gone.delete(origin);
    compare(below(item, at), origin === undefined ? undefined : nodeOf(old[origin]), nodeOf(item), changes);
  }
  for (const at of gone) {
    const item = old[at];
    if (item !== undefined) compare(below(item, at), nodeOf(item), undefined, changes);
  }
}

function nodeOf(item: Child | undefined): TreeNode | undefined {
  return item?.kind === "entry" ? item.value : item;
}
