import { compileSelection, defaultSelection, type Selection, type Selector } from "../core/selection.ts";
import type { Comment, Entry, MapNode, TreeNode } from "../core/tree.ts";
import { parseTreePath, printTreePath, type TreePath } from "../core/tree-path.ts";
import { isSealed } from "../core/value.ts";
import { KsealError } from "../errors.ts";
import { leavesOf } from "./check-leaves.ts";
import { type CheckedText, pathText } from "./check-text.ts";

/** What a path of a file leads to, and why it is encrypted or not. */
export interface PathReason {
  /** As `kseal get` takes it. */
  readonly path: string;
  /** From 1; `undefined` when nothing is there yet. */
  readonly line: number | undefined;
  /** `missing`: no such key, and what would become of it. `group`: a map or list with values below it. */
  readonly kind: "value" | "comment-sealed" | "empty" | "group" | "missing";
  /** Whether the rule wants it encrypted. */
  readonly selected: boolean;
  /** Whether it is, in the file as it is. */
  readonly isSealed: boolean;
  /** What decided. `undefined`: nothing on the way matched. */
  readonly cause: Cause | undefined;
  /** Of a group: how many values below it are encrypted, and how many stand in clear. */
  readonly below: { readonly sealed: number; readonly clear: number };
}

/** A key on the way, or a comment above, that the selection rule matches. */
interface Cause {
  readonly kind: "key" | "comment";
  readonly text: string;
}

/**
 * Explains a path.
 *
 * @param wanted - `["stringData"]["password"]`, or `stringData.password` where that is how a key of the file reads.
 * @throws KsealError `PATH_INVALID`.
 */
export async function explainPath(
  text: CheckedText,
  wanted: string,
  selection: Selection | undefined,
): Promise<PathReason> {
  const selector = await compileSelection(selection ?? defaultSelection);
  const { branches } = text.parsed.document;
  const path = findPath(branches, wanted);
  const index = Math.max(
    0,
    branches.findIndex((branch) => trace(branch, path, selector).node !== undefined),
  );
  const { node, matched, cause } = trace(branches[index] ?? { kind: "map", items: [] }, path, selector);
  const shared = {
    path: printTreePath(path),
    line: node === undefined ? undefined : text.lineOf(index, path),
    selected: text.format === "binary" || selector.encryptsValue(matched),
    cause,
  };
  if (node === undefined) return { ...shared, kind: "missing", isSealed: false, below: none };
  if (node.kind === "map" || node.kind === "seq") {
    return { ...shared, kind: "group", isSealed: false, below: countBelow(node, selector) };
  }
  const value = node.kind === "str" ? node.value : undefined;
  const kind = node.kind === "null" || value === "" ? "empty" : "value";
  return { ...shared, kind, isSealed: value !== undefined && isSealed(value), below: none };
}

const none = { sealed: 0, clear: 0 } as const;

/** A path as it was typed, in either spelling. */
function findPath(branches: readonly MapNode[], wanted: string): TreePath {
  if (wanted.startsWith("[")) return parseTreePath(wanted);
  for (const branch of branches) {
    const found = pathsOf(branch, []).find((path) => pathText(path) === wanted);
    if (found !== undefined) return found;
  }
  if (/^[\w-]+(?:\.[\w-]+)*$/.test(wanted)) return wanted.split(".");
  throw new KsealError("PATH_INVALID", `${JSON.stringify(wanted)} is no path into the file`, {
    hint: `write it as '["stringData"]["password"]', or stringData.password`,
  });
}

function pathsOf(node: TreeNode, path: TreePath): readonly TreePath[] {
  if (node.kind !== "map" && node.kind !== "seq") return [path];
  const items: readonly (Entry | Comment | TreeNode)[] = node.items;
  let position = 0;
  const found: TreePath[] = [path];
  for (const item of items) {
    if (item.kind === "comment") continue;
    const below =
      item.kind === "entry" ? pathsOf(item.value, [...path, item.key]) : pathsOf(item, [...path, position++]);
    found.push(...below);
  }
  return found;
}

interface Traced {
  /** `undefined` when the path leads nowhere. */
  readonly node: TreeNode | undefined;
  readonly matched: boolean;
  readonly cause: Cause | undefined;
}

/** Goes a path as SOPS goes through a file, and remembers what made the selection rule match. */
function trace(branch: MapNode, path: TreePath, selector: Selector): Traced {
  let at: Traced = { node: branch, matched: false, cause: undefined };
  for (const step of path) at = stepInto(at, step, selector);
  return at;
}

function stepInto({ node, matched, cause }: Traced, step: string | number, selector: Selector): Traced {
  let now: Omit<Traced, "node"> = { matched, cause };
  const items: readonly (Entry | Comment | TreeNode)[] =
    node?.kind === "map" || node?.kind === "seq" ? node.items : [];
  let position = 0;
  for (const item of items) {
    if (item.kind === "comment") {
      const after = selector.afterComment(now.matched, item.text);
      if (after && !now.matched) now = { matched: after, cause: { kind: "comment", text: item.text.trim() } };
      continue;
    }
    if (item.kind === "entry" && item.key === step)
      return { node: item.value, ...afterKey(now, step, selector) };
    if (item.kind !== "entry" && position++ === step) return { node: item, ...now };
    now = { matched, cause };
  }
  const after = typeof step === "string" ? afterKey({ matched, cause }, step, selector) : { matched, cause };
  return { node: undefined, ...after };
}

function afterKey(now: Omit<Traced, "node">, key: string, selector: Selector): Omit<Traced, "node"> {
  if (now.matched || !selector.afterKey(now.matched, key)) return now;
  return { matched: true, cause: { kind: "key", text: key } };
}

function countBelow(node: MapNode | TreeNode, selector: Selector): PathReason["below"] {
  const root: MapNode =
    node.kind === "map" ? node : { kind: "map", items: [{ kind: "entry", key: "", value: node }] };
  const leaves = leavesOf({ branches: [root] }, selector).filter(({ leaf }) => leaf.kind !== "comment");
  const sealed = leaves.filter(({ leaf }) => leaf.kind === "str" && isSealed(leaf.value)).length;
  return { sealed, clear: leaves.length - sealed };
}
