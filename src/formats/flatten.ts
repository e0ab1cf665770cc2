import type { Entry, MapNode, Scalar, TreeNode } from "../core/tree.ts";
import { sortedMap } from "./metadata-keys.ts";
import { unreadable } from "./weak-fields.ts";

/*
 * The metadata block in formats without nesting: a step into a mapping is `__map_<key>`, into a list
 * `__list_<index>`, and the first key stands bare.
 *
 *     key_groups__list_1__map_age__list_0__map_enc
 */

const step = /__(map|list)_/;

// The metadata of SOPS has five levels at most; an unknown field may have its own.
const deepest = 100;

/** A scalar of the block with its flat key. */
export interface FlatField {
  readonly key: string;
  readonly value: Scalar;
}

/** Flattens a mapping. Empty mappings and lists have no place in a flat format and vanish, as in SOPS. */
export function flatten(map: MapNode): readonly FlatField[] {
  const fields: FlatField[] = [];
  for (const item of map.items) if (item.kind === "entry") flattenInto(fields, item.key, item.value);
  const seen = new Set<string>();
  for (const { key } of fields) {
    if (seen.has(key)) throw unreadable(key, "stands for two fields when written flat");
    seen.add(key);
  }
  return fields;
}

/**
 * The nested mapping of flat fields.
 *
 * @throws KsealError `METADATA_INVALID` for a gap in a list, two values for one field, and a field that is both a
 *   value and a mapping or list.
 */
export function unflatten(fields: readonly FlatField[]): MapNode {
  const root: Branch = new Map();
  for (const field of fields) place(root, field);
  return asMap(root);
}

// Keys of a branch are steps: `.key` of a mapping, a number for the item of a list.
type Branch = Map<string | number, Branch | Scalar>;

function flattenInto(fields: FlatField[], key: string, node: TreeNode): void {
  if (node.kind === "map") {
    for (const item of node.items) {
      if (item.kind === "entry") flattenInto(fields, `${key}__map_${item.key}`, item.value);
    }
  } else if (node.kind === "seq") {
    const items = node.items.filter((item) => item.kind !== "comment");
    for (const [index, item] of items.entries()) flattenInto(fields, `${key}__list_${index}`, item);
  } else {
    fields.push({ key, value: node });
  }
}

function place(root: Branch, { key, value }: FlatField): void {
  const steps = parseSteps(key);
  let branch = root;
  for (const at of steps.slice(0, -1)) {
    const next = branch.get(at) ?? new Map();
    if (!(next instanceof Map)) throw unreadable(key, "is both a value and a list or mapping");
    branch.set(at, next);
    branch = next;
  }
  const last = steps.at(-1) ?? "";
  if (branch.has(last)) throw unreadable(key, "has two values");
  branch.set(last, value);
}

function parseSteps(key: string): readonly (string | number)[] {
  // With its group the pattern leaves the kind of every step between the names.
  const [first = "", ...parts] = key.split(step);
  if (parts.length > 2 * deepest) throw unreadable("sops", "is nested too deeply");
  const steps: (string | number)[] = [first];
  for (let i = 0; i < parts.length; i += 2) {
    const name = parts[i + 1] ?? "";
    if (parts[i] === "list" && !/^\d{1,9}$/.test(name))
      throw unreadable(key, "has a list index that is none");
    steps.push(parts[i] === "list" ? Number(name) : name);
  }
  return steps;
}

function asNode(node: Branch | Scalar, key: string): TreeNode {
  if (!(node instanceof Map)) return node;
  const steps = [...node.keys()];
  if (steps.every((at) => typeof at === "string")) return asMap(node);
  const isList = steps.every((at) => typeof at === "number" && at < node.size);
  if (!isList) throw unreadable(key, "is a list with gaps, or a list and a mapping at once");
  const items = steps.map((_, index) => node.get(index)).filter((item) => item !== undefined);
  return { kind: "seq", items: items.map((item, index) => asNode(item, `${key}[${index}]`)) };
}

function asMap(branch: Branch): MapNode {
  const entries = [...branch].map(
    ([key, node]): Entry => ({ kind: "entry", key: String(key), value: asNode(node, String(key)) }),
  );
  return sortedMap(entries);
}
