import { KsealError } from "../errors.ts";
import { deepest, tooDeep } from "./depth.ts";
import type { Comment, Entry, MapNode, SeqNode, TreeNode } from "./tree.ts";

/** The way to a node: keys of maps and positions in lists, where comments do not count. */
export type TreePath = readonly (string | number)[];

// SOPS does not compare the quotes, so ["a'] is a key too.
const keyStep = /^\[["'](.*?)["']\](?=\[|$)/s;
const positionStep = /^\[\+?(\d{1,15})\]/;

/**
 * Reads a path in the syntax of SOPS: `["key"][0]['other']`. Quotes are taken off and nothing is unescaped: a key ends
 * where a quote and a bracket stand before the next step or the end.
 *
 * @throws KsealError `PATH_INVALID`, or `LIMIT_EXCEEDED` for more steps than a file can have levels.
 */
export function parseTreePath(text: string): TreePath {
  const path: (string | number)[] = [];
  let rest = text;
  do {
    const key = keyStep.exec(rest);
    const found = key ?? positionStep.exec(rest);
    const [step = "", inner = ""] = found ?? [];
    // Two steps with something between them are no key that holds brackets.
    if (found === null || (inner.includes("[") && /["']\]/.test(inner))) throw invalid(text);
    path.push(key ? inner : Number(inner));
    if (path.length > deepest) throw tooDeep();
    rest = rest.slice(step.length);
  } while (rest !== "");
  return path;
}

/** Prints a path so that {@link parseTreePath} reads it, unless a key holds what looks like the end of a step. */
export function printTreePath(path: TreePath): string {
  return path.map((step) => (typeof step === "number" ? `[${step}]` : `["${step}"]`)).join("");
}

/** The node at a path, or `undefined` when the path leads nowhere. Of equal keys the first counts, as in SOPS. */
export function getNode(tree: TreeNode, path: TreePath): TreeNode | undefined {
  let node: TreeNode | undefined = tree;
  for (const step of path) node = childOf(node, step);
  return node;
}

/**
 * Puts a value at a path. What is missing on the way is created: maps for keys, lists for positions. A position at or
 * beyond the end of a list appends to it, as in SOPS; a null on the way gives place.
 *
 * @throws KsealError `SET_INVALID` when the path needs a map or a list where something else stands, which SOPS would
 *   overwrite, or break off at.
 */
export function setNode(tree: MapNode, path: TreePath, value: TreeNode): MapNode {
  if (path.length === 0) throw refused("the whole document cannot be set", path);
  return setBelow(tree, { path, depth: 0, value }) as MapNode;
}

/**
 * Removes the entry or list item at a path, with the comment behind it on its line.
 *
 * @returns `undefined` when nothing is there.
 */
export function unsetNode(tree: MapNode, path: TreePath): MapNode | undefined {
  return changeParent(tree, path, (items, index) => {
    const isLineComment = (at: number): boolean => {
      const item = items[at];
      return item?.kind === "comment" && item.inline;
    };
    let start = index;
    while (isLineComment(start - 1)) start--;
    return items.toSpliced(start, index + 1 - start);
  });
}

/**
 * Gives the entry at a path another key; value and position stay.
 *
 * @returns `undefined` when nothing is there.
 * @throws KsealError `SET_INVALID` when the path ends in a list, or the new key is taken.
 */
export function renameKey(tree: MapNode, path: TreePath, key: string): MapNode | undefined {
  return changeParent(tree, path, (items, index) => {
    const item = items[index];
    if (item?.kind !== "entry") throw refused("an item of a list has no key", path);
    if (item.key === key) return items;
    if (items.some((other) => isEntryFor(other, key))) {
      throw refused(`the key ${JSON.stringify(key)} exists already`, path);
    }
    return items.with(index, { ...item, key });
  });
}

type Items = readonly (Entry | Comment | TreeNode)[];

function changeParent(
  tree: MapNode,
  path: TreePath,
  change: (items: Items, index: number) => Items,
): MapNode | undefined {
  const step = path.at(-1);
  const above = path.slice(0, -1);
  const parent = getNode(tree, above);
  if (step === undefined || (parent?.kind !== "map" && parent?.kind !== "seq")) return undefined;
  const index = indexOf(parent, step);
  if (index < 0) return undefined;
  const changed = { ...parent, items: change(parent.items, index) } as MapNode | SeqNode;
  return setBelow(tree, { path: above, depth: 0, value: changed }) as MapNode;
}

interface Setting {
  readonly path: TreePath;
  readonly depth: number;
  readonly value: TreeNode;
}

function setBelow(node: TreeNode, setting: Setting): TreeNode {
  const { path, depth, value } = setting;
  const step = path[depth];
  if (step === undefined) return value;
  const container = node.kind === "null" ? emptyFor(step) : node;
  const isFit = container.kind === (typeof step === "string" ? "map" : "seq");
  if ((container.kind !== "map" && container.kind !== "seq") || !isFit) {
    const wanted = typeof step === "string" ? "map" : "list";
    throw refused(`the path needs a ${wanted} at ${printTreePath(path.slice(0, depth)) || "the top"}`, path);
  }
  const items: Items = container.items;
  const index = indexOf(container, step);
  const inner = setBelow(childOf(container, step) ?? { kind: "null" }, { path, depth: depth + 1, value });
  const item = typeof step === "string" ? ({ kind: "entry", key: step, value: inner } as const) : inner;
  return { ...container, items: index < 0 ? [...items, item] : items.with(index, item) } as MapNode | SeqNode;
}

function emptyFor(step: string | number): MapNode | SeqNode {
  return { kind: typeof step === "string" ? "map" : "seq", items: [] };
}

function childOf(node: TreeNode | undefined, step: string | number): TreeNode | undefined {
  if (node?.kind !== "map" && node?.kind !== "seq") return undefined;
  const item = node.items[indexOf(node, step)];
  return item?.kind === "entry" ? item.value : item?.kind === "comment" ? undefined : item;
}

function indexOf(container: MapNode | SeqNode, step: string | number): number {
  if (container.kind === "map") return container.items.findIndex((item) => isEntryFor(item, step));
  let position = 0;
  return container.items.findIndex((item) => item.kind !== "comment" && position++ === step);
}

function isEntryFor(item: Items[number], key: string | number): boolean {
  return item.kind === "entry" && item.key === key;
}

function invalid(text: string): KsealError {
  return new KsealError("PATH_INVALID", `${JSON.stringify(text)} is no path into a file`, {
    hint: `write it as '["stringData"]["password"]' or '["list"][0]'`,
  });
}

function refused(message: string, path: TreePath): KsealError {
  return new KsealError("SET_INVALID", message, { where: { path: printTreePath(path) } });
}
