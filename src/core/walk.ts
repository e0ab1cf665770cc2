import { KsealError } from "../errors.ts";
import { deepest, tooDeep } from "./depth.ts";
import type { Selector } from "./selection.ts";
import type { Comment, Document, MapNode, Scalar, SeqNode, TreeNode } from "./tree.ts";
import { alignItems, type Item } from "./tree-diff.ts";
import { printTreePath } from "./tree-path.ts";

/** Where a leaf stands, and what follows from it. */
export interface Place {
  /** The additional authenticated data: the keys from the root, each followed by a colon (sops.md 2.3). */
  readonly aad: string;
  /** Whether the selection rule wants this leaf encrypted. */
  readonly selected: boolean;
  readonly inList: boolean;
  /** What this leaf continues from an earlier version of the file. */
  readonly earlier: Earlier | undefined;
}

/** One item of an earlier version of the file, plain and sealed. */
interface Earlier {
  readonly plain: Item;
  readonly sealed: Item;
}

export interface WalkOptions {
  readonly selector: Selector;
  /** Gives the leaf that takes the place of another one. */
  readonly visit: (leaf: Scalar | Comment, place: Place) => Scalar | Comment;
  /** An earlier version of the file, twice with the same structure. */
  readonly earlier?: { readonly plain: Document; readonly sealed: Document } | undefined;
}

/**
 * Makes a tree with other leaves and the same structure. Leaves are visited in file order, documents one after the
 * other, which is the order of the MAC. Nulls and empty containers are not visited: SOPS leaves them as they are.
 * What the visitor throws gets the path of the leaf.
 *
 * @throws KsealError `LIMIT_EXCEEDED` below 1,000 levels.
 */
export function mapLeaves(document: Document, options: WalkOptions): Document {
  const { plain, sealed } = options.earlier ?? {};
  const branches = document.branches.map((branch, index): MapNode => {
    const earlier = pair(plain?.branches[index], sealed?.branches[index]);
    const root = { aad: "", matched: false, depth: 0, step: undefined, up: undefined, earlier };
    return { kind: "map", items: mapItems(branch.items, root, options) as MapNode["items"] };
  });
  return { branches };
}

/** One step on the way from the root to a leaf. */
interface Spot {
  readonly aad: string;
  /** The selector's bit: whether something matched that is in force here. */
  readonly matched: boolean;
  readonly depth: number;
  readonly step: string | number | undefined;
  readonly up: Spot | undefined;
  readonly earlier: Earlier | undefined;
}

function mapItems(items: readonly Item[], spot: Spot, options: WalkOptions): readonly Item[] {
  if (spot.depth >= deepest) throw tooDeep();
  const earlierItems = earlierItemsFor(items, spot.earlier);
  const mapped: Item[] = [];
  let matched = spot.matched;
  let position = 0;
  for (const [index, item] of items.entries()) {
    const earlier = earlierItems?.(index);
    if (item.kind === "comment") {
      const after = options.selector.afterComment(matched, item.text);
      mapped.push(mapComment(item, { spot, before: matched, after, earlier }, options));
      matched = after;
      continue;
    }
    const result = mapItem(item, { spot, matched, earlier, position }, options);
    mapped.push(result);
    position++;
    // SOPS stores an encrypted list comment as a text item: opened, it is a comment like others (sops.md D3).
    if (result.kind !== "comment") matched = spot.matched;
  }
  return mapped;
}

function mapComment(
  comment: Comment,
  at: { spot: Spot; before: boolean; after: boolean; earlier: Earlier | undefined },
  options: WalkOptions,
): Item {
  const { spot, before, after, earlier } = at;
  const selected = options.selector.encryptsComment(before, after);
  // SOPS joins the keys of the container with colons and adds one, also when there is no key.
  return visitLeaf(comment, { aad: spot.aad || ":", selected, inList: false, earlier }, spot, options);
}

function mapItem(
  item: Exclude<Item, Comment>,
  at: { spot: Spot; matched: boolean; earlier: Earlier | undefined; position: number },
  options: WalkOptions,
): Item {
  const { spot, matched, earlier, position } = at;
  const depth = spot.depth + 1;
  if (item.kind !== "entry") {
    return mapNode(item, { aad: spot.aad, matched, depth, step: position, up: spot, earlier }, options);
  }
  const { key } = item;
  const aad = `${spot.aad}${key}:`;
  const below = options.selector.afterKey(matched, key);
  const value = mapNode(item.value, { aad, matched: below, depth, step: key, up: spot, earlier }, options);
  return { kind: "entry", key, value: value as TreeNode };
}

function mapNode(node: TreeNode, spot: Spot, options: WalkOptions): TreeNode | Comment {
  switch (node.kind) {
    case "map":
      return { kind: "map", items: mapItems(node.items, spot, options) as MapNode["items"] };
    case "seq":
      return { kind: "seq", items: mapItems(node.items, spot, options) as SeqNode["items"] };
    case "null":
      return node;
    default: {
      const { aad, matched, step, earlier } = spot;
      const selected = options.selector.encryptsValue(matched);
      return visitLeaf(node, { aad, selected, inList: typeof step === "number", earlier }, spot, options);
    }
  }
}

function visitLeaf(
  leaf: Scalar | Comment,
  place: Place,
  spot: Spot,
  { visit }: WalkOptions,
): Scalar | Comment {
  try {
    return visit(leaf, place);
  } catch (error) {
    throw error instanceof KsealError ? error.at({ path: printSpot(spot) }) : error;
  }
}

function printSpot(spot: Spot): string {
  const path: (string | number)[] = [];
  for (let at: Spot | undefined = spot; at?.step !== undefined; at = at.up) path.unshift(at.step);
  return printTreePath(path);
}

function earlierItemsFor(
  items: readonly Item[],
  earlier: Earlier | undefined,
): ((index: number) => Earlier | undefined) | undefined {
  const plain = itemsOf(earlier?.plain);
  const sealed = itemsOf(earlier?.sealed);
  if (plain === undefined || sealed === undefined) return undefined;
  const origins = alignItems(plain, items);
  return (index) => {
    const origin = origins[index];
    return origin === undefined ? undefined : pair(nodeOf(plain[origin]), nodeOf(sealed[origin]));
  };
}

function pair(plain: Item | undefined, sealed: Item | undefined): Earlier | undefined {
  return plain === undefined || sealed === undefined ? undefined : { plain, sealed };
}

function nodeOf(item: Item | undefined): Item | undefined {
  return item?.kind === "entry" ? item.value : item;
}

function itemsOf(item: Item | undefined): readonly Item[] | undefined {
  return item?.kind === "map" || item?.kind === "seq" ? item.items : undefined;
}
