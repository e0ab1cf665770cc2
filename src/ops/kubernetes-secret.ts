import type { Selection } from "../core/selection.ts";
import type { Document, MapNode, TreeNode } from "../core/tree.ts";
import type { TreePath } from "../core/tree-path.ts";
import { entryOf, isHidden, isVacant, nodesOf, walkLeaves } from "./walk-leaves.ts";

/** What kseal encrypts in a file of Kubernetes Secrets when no rule says it. */
export const secretSelection: Selection = { rule: "encrypted_regex", pattern: "^(data|stringData)$" };

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";
const serverFields = ["managedFields", "resourceVersion", "uid", "creationTimestamp"];

/** The Secrets of a file, and how many of its objects are something else. */
export function findSecrets(document: Document): { secrets: readonly MapNode[]; others: number } {
  const objects = document.branches.flatMap((branch) => objectsIn(branch));
  const secrets = objects.filter(isSecret);
  return { secrets, others: objects.length - secrets.length };
}

/** The sections of Secrets (`data`, `stringData`) that hold values of which none is encrypted. */
export function clearSections(plain: Document, sealed: Document): readonly string[] {
  const found = new Set<string>();
  const twins = findSecrets(sealed).secrets;
  for (const [index, secret] of findSecrets(plain).secrets.entries()) {
    for (const section of ["data", "stringData"]) {
      if (isClear(entryOf(secret, section), entryOf(twins[index], section))) found.add(section);
    }
  }
  return [...found];
}

function isClear(plain: TreeNode | undefined, sealed: TreeNode | undefined): boolean {
  if (plain === undefined || sealed === undefined) return false;
  let values = 0;
  let hidden = 0;
  walkLeaves(plain, sealed, (value, twin) => {
    if (isVacant(value)) return;
    values += 1;
    if (isHidden(twin)) hidden += 1;
  });
  return values > 0 && hidden === 0;
}

/**
 * Fields of Secrets that came from a cluster and stay in clear: the annotation in which `kubectl apply` keeps the whole
 * Secret once more, and what the API server sets, which has no place in Git.
 */
export function clearStrayFields(plain: Document, sealed: Document): readonly TreePath[] {
  const found: TreePath[] = [];
  const twins = findSecrets(sealed).secrets;
  for (const [index, secret] of findSecrets(plain).secrets.entries()) {
    for (const path of strayFields(secret)) {
      const [value, twin] = [descend(secret, path), descend(twins[index], path)];
      if (value === undefined || twin === undefined) continue;
      let clear = false;
      walkLeaves(value, twin, (leaf, sealedLeaf) => {
        clear ||= !isVacant(leaf) && !isHidden(sealedLeaf);
      });
      if (clear) found.push(path);
    }
  }
  return found;
}

/** Takes the stray fields out of every Secret. */
export function stripSecrets(document: Document): { document: Document; stripped: readonly TreePath[] } {
  const stripped: TreePath[] = [];
  const strip = (node: MapNode): MapNode => {
    if (isSecret(node)) {
      const paths = strayFields(node);
      stripped.push(...paths);
      return withoutEmpty(paths.reduce(without, node));
    }
    if (!isList(node)) return node;
    return mapEntry(node, "items", (items) =>
      items.kind === "seq"
        ? { kind: "seq", items: items.items.map((item) => (item.kind === "map" ? strip(item) : item)) }
        : items,
    );
  };
  return { document: { branches: document.branches.map(strip) }, stripped };
}

function strayFields(secret: MapNode): readonly TreePath[] {
  const paths = [
    ["metadata", "annotations", lastApplied],
    ...serverFields.map((field) => ["metadata", field]),
    ["status"],
  ];
  return paths.filter((path) => holdsSomething(descend(secret, path)));
}

// `kubectl create --dry-run=client -o yaml` writes `creationTimestamp: null`, which nobody needs to remove.
function holdsSomething(node: TreeNode | undefined): boolean {
  if (node === undefined) return false;
  if (node.kind === "map" || node.kind === "seq") return node.items.length > 0;
  return !isVacant(node);
}

function objectsIn(node: MapNode): readonly MapNode[] {
  if (!isList(node)) return node.items.some(({ kind }) => kind === "entry") ? [node] : [];
  const items = entryOf(node, "items");
  if (items?.kind !== "seq") return [];
  return nodesOf(items).flatMap((item) => (item.kind === "map" ? objectsIn(item) : []));
}

function isSecret(node: MapNode): boolean {
  return textOf(node, "kind") === "Secret" && textOf(node, "apiVersion") === "v1";
}

function isList(node: MapNode): boolean {
  const kind = textOf(node, "kind");
  return (kind === "List" || kind === "SecretList") && textOf(node, "apiVersion") === "v1";
}

function textOf(node: MapNode, key: string): string | undefined {
  const value = entryOf(node, key);
  return value?.kind === "str" ? value.value : undefined;
}

function descend(node: TreeNode | undefined, path: TreePath): TreeNode | undefined {
  return path.reduce<TreeNode | undefined>((inside, key) => entryOf(inside, String(key)), node);
}

function without(node: MapNode, path: TreePath): MapNode {
  const [key, ...rest] = path;
  if (rest.length === 0) {
    return { kind: "map", items: node.items.filter((item) => item.kind !== "entry" || item.key !== key) };
  }
  return mapEntry(node, String(key), (value) => (value.kind === "map" ? without(value, rest) : value));
}

function withoutEmpty(secret: MapNode): MapNode {
  const annotations = descend(secret, ["metadata", "annotations"]);
  const isEmpty = annotations?.kind === "map" && annotations.items.length === 0;
  return isEmpty ? without(secret, ["metadata", "annotations"]) : secret;
}

function mapEntry(node: MapNode, key: string, change: (value: TreeNode) => TreeNode): MapNode {
  const items = node.items.map((item) =>
    item.kind === "entry" && item.key === key ? { ...item, value: change(item.value) } : item,
  );
  return { kind: "map", items };
}
