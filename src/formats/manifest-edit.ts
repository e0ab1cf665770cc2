import type { Entry, MapNode, TreeNode } from "../core/tree.ts";
import { getNode, setNode, type TreePath, unsetNode } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import { compareKeys } from "./manifest-key-order.ts";

/**
 * A document with another value at a path. A key that is new goes to its place in the alphabet where the keys around it
 * are sorted, else behind them.
 *
 * @param value - `undefined` removes what is there.
 * @throws KsealError `SET_INVALID` when the path needs a mapping or a list where something else stands, `NOT_FOUND` when
 *   there is nothing to remove.
 */
export function withEdit(document: MapNode, path: TreePath, value: TreeNode | undefined): MapNode {
  if (value === undefined) {
    const without = unsetNode(document, path);
    if (without === undefined) throw new KsealError("NOT_FOUND", "there is nothing to remove");
    return without;
  }
  const depth = path.findIndex((_, index) => getNode(document, path.slice(0, index + 1)) === undefined);
  const changed = setNode(document, path, value);
  const parent = depth === -1 ? undefined : getNode(changed, path.slice(0, depth));
  if (parent?.kind !== "map") return changed;
  const sorted = lastInOrder(parent);
  return depth === 0 ? sorted : setNode(changed, path.slice(0, depth), sorted);
}

/** The mapping with its last entry where the order of the others wants it. */
function lastInOrder(map: MapNode): MapNode {
  const last = map.items.at(-1);
  if (last?.kind !== "entry") return map;
  const others = map.items.slice(0, -1);
  const keys = others.filter(isEntry).map(({ key }) => key);
  // YAML and JSON of kubeseal do not agree about the order.
  const compare = [compareKeys, compareUnits].find((order) => isSorted(keys, order));
  if (compare === undefined || keys.length === 0) return map;
  const before = others.findLastIndex((item) => isEntry(item) && compare(item.key, last.key) < 0);
  return { ...map, items: others.toSpliced(before + 1, 0, last) };
}

function isEntry(item: MapNode["items"][number]): item is Entry {
  return item.kind === "entry";
}

function isSorted(keys: readonly string[], compare: (a: string, b: string) => number): boolean {
  return keys.every((key, index) => index === 0 || compare(keys[index - 1] ?? "", key) < 0);
}

function compareUnits(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
