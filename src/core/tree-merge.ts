import { deepest, tooDeep } from "./depth.ts";
import { mergeOrder } from "./merge-order.ts";
import type { Comment, Document, MapNode, SeqNode, TreeNode } from "./tree.ts";
import { sameNode } from "./tree-diff.ts";
import type { TreePath } from "./tree-path.ts";
import { type Unit, unitsOf, withoutUnits } from "./tree-units.ts";

/** Which version of a place is taken where both sides changed it. */
export type Side = "ours" | "theirs";

/** A place that both sides changed, each in its own way. */
export interface MergeConflict {
  /** Which document of the file, from 0, as the result counts them. */
  readonly document: number;
  /** Positions are those of the result. */
  readonly path: TreePath;
  readonly what: ConflictKind;
}

type ConflictKind =
  | "changed on both sides"
  | "added on both sides"
  | "removed by us, changed by them"
  | "changed by us, removed by them"
  | "items added by both sides at the same place"
  | "a comment that both sides changed";

export interface MergedTree {
  /** With our side of every conflict that was not decided. */
  readonly document: Document;
  readonly conflicts: readonly MergeConflict[];
}

export interface TreeVersions {
  /** The last version that both sides come from; without one everything was added on both sides. */
  readonly base: Document | undefined;
  readonly ours: Document;
  readonly theirs: Document;
}

/**
 * Merges two versions of a tree, by structure: a change of one side is taken, the same change of both is taken once,
 * and two changes of one value are a conflict. Entries of maps are found by their keys wherever they stand, items of
 * lists by their content. Order and layout are ours, what they added stands behind what it stands behind in their
 * version.
 *
 * The leaves of the result are leaves of the versions, not copies of them.
 *
 * @param choose - Decides conflicts that were looked at; `undefined` leaves one undecided.
 * @throws KsealError `LIMIT_EXCEEDED` below 1,000 levels.
 */
export function mergeTrees(
  { base, ours, theirs }: TreeVersions,
  choose: (conflict: MergeConflict) => Side | undefined = () => undefined,
): MergedTree {
  const conflicts: MergeConflict[] = [];
  const decide = (conflict: MergeConflict): Side => {
    const side = choose(conflict);
    if (side === undefined) conflicts.push(conflict);
    return side ?? "ours";
  };
  const merge = (place: Place, versions: Versions<TreeNode>): TreeNode | undefined =>
    mergeNode(place, versions, decide);
  const documents = mergeOrder<MapNode>(
    { base: base?.branches ?? nothingOf(ours, theirs), ours: ours.branches, theirs: theirs.branches },
    { itemOf: (branch) => branch, nameOf: nameOfDocument },
  );
  const branches: MapNode[] = [];
  for (const versions of documents) {
    const place = { document: branches.length, path: [] };
    const merged = merge(place, versions);
    if (merged?.kind === "map") branches.push(merged);
  }
  return { document: { branches }, conflicts };
}

/** Two files of one document each are versions of one, whatever it is called. */
function nothingOf(ours: Document, theirs: Document): readonly MapNode[] {
  return ours.branches.length === 1 && theirs.branches.length === 1 ? [{ kind: "map", items: [] }] : [];
}

/** One item in the versions that have it. */
interface Versions<T> {
  readonly base?: T | undefined;
  readonly ours?: T | undefined;
  readonly theirs?: T | undefined;
}

interface Place {
  readonly document: number;
  readonly path: TreePath;
}

type Decide = (conflict: MergeConflict) => Side;

/** `undefined` when the item is gone. */
function mergeNode(place: Place, versions: Versions<TreeNode>, decide: Decide): TreeNode | undefined {
  if (place.path.length > deepest) throw tooDeep();
  const { base, ours, theirs } = versions;
  const settled = settle(versions, sameNode);
  if (settled !== undefined) return settled.taken;
  if (ours?.kind === "map" && theirs?.kind === "map" && (base === undefined || base.kind === "map")) {
    const items = mergeItems(
      place,
      { base: base?.items ?? [], ours: ours.items, theirs: theirs.items },
      decide,
    );
    return { kind: "map", items: items as MapNode["items"] };
  }
  if (base?.kind === "seq" && ours?.kind === "seq" && theirs?.kind === "seq") {
    const items = mergeItems(place, { base: base.items, ours: ours.items, theirs: theirs.items }, decide);
    return { kind: "seq", items: items as SeqNode["items"] };
  }
  const side = decide({ ...place, what: kindOf(versions) });
  return versions[side];
}

/** What needs no thought: one side left the item alone, or both did the same with it. */
function settle<T>(
  { base, ours, theirs }: Versions<T>,
  same: (a: T, b: T) => boolean,
): { readonly taken: T | undefined } | undefined {
  const equal = (a: T | undefined, b: T | undefined): boolean =>
    a === undefined || b === undefined ? a === b : same(a, b);
  if (equal(ours, theirs) || equal(base, theirs)) return { taken: ours };
  return equal(base, ours) ? { taken: theirs } : undefined;
}

function kindOf({ base, ours, theirs }: Versions<TreeNode>): ConflictKind {
  if (ours === undefined) return "removed by us, changed by them";
  if (theirs === undefined) return "changed by us, removed by them";
  return base === undefined ? "added on both sides" : "changed on both sides";
}

type Items = MapNode["items"] | SeqNode["items"];

function mergeItems(
  place: Place,
  versions: { readonly base: Items; readonly ours: Items; readonly theirs: Items },
  decide: Decide,
): Items {
  const units = {
    base: unitsOf(versions.base),
    ours: unitsOf(versions.ours),
    theirs: unitsOf(versions.theirs),
  };
  const isList = [units.base, units.ours, units.theirs].some((some) =>
    some.some(({ item }) => item.kind !== "entry" && item.kind !== "comment"),
  );
  const order = mergeOrder<Unit>(units, { itemOf: ({ item }) => item, nameOf: keyOf });
  const bothAdded = isList && order.some(({ clash }) => clash);
  const side = bothAdded
    ? decide({ ...place, what: "items added by both sides at the same place" })
    : undefined;
  const merged: Unit[] = [];
  let position = 0;
  for (const { clash, ...unit } of order) {
    const isOther = side !== undefined && clash && unit[side] === undefined;
    if (isOther) continue;
    const step = stepOf(unit, position);
    const taken = mergeUnit(
      { ...place, path: step === undefined ? place.path : [...place.path, step] },
      unit,
      decide,
    );
    if (taken === undefined) continue;
    merged.push(taken);
    if (taken.item.kind !== "comment") position++;
  }
  return withoutUnits(merged);
}

function mergeUnit(place: Place, { base, ours, theirs }: Versions<Unit>, decide: Decide): Unit | undefined {
  const items = { base: base?.item, ours: ours?.item, theirs: theirs?.item };
  const [any] = [items.ours, items.theirs, items.base].filter((item) => item !== undefined);
  const item =
    any?.kind === "comment" ? mergeComment(place, items, decide) : mergeValue(place, items, decide);
  if (item === undefined) return undefined;
  return { item, inline: mergeInline(place, { base, ours, theirs }, decide) };
}

function mergeValue(
  place: Place,
  { base, ours, theirs }: Versions<Unit["item"]>,
  decide: Decide,
): Unit["item"] | undefined {
  const value = mergeNode(place, { base: nodeOf(base), ours: nodeOf(ours), theirs: nodeOf(theirs) }, decide);
  if (value === undefined) return undefined;
  const entry = [ours, theirs].find((item) => item?.kind === "entry");
  return entry?.kind === "entry" ? { kind: "entry", key: entry.key, value } : value;
}

function mergeComment(place: Place, items: Versions<Unit["item"]>, decide: Decide): Unit["item"] | undefined {
  const settled = settle(items, sameNode);
  return settled ? settled.taken : items[decide({ ...place, what: "a comment that both sides changed" })];
}

function mergeInline(
  place: Place,
  { base, ours, theirs }: Versions<Unit>,
  decide: Decide,
): readonly Comment[] {
  const same = (a: readonly Comment[], b: readonly Comment[]): boolean =>
    a.length === b.length && a.every(({ text }, at) => text === b[at]?.text);
  const inlines = { base: base?.inline, ours: ours?.inline, theirs: theirs?.inline };
  const settled = settle<readonly Comment[]>(inlines, same);
  const taken = settled
    ? settled.taken
    : inlines[decide({ ...place, what: "a comment that both sides changed" })];
  // The item was kept although one side removed it, and its comment with it.
  return taken ?? inlines.ours ?? inlines.theirs ?? [];
}

function stepOf(unit: Versions<Unit>, position: number): string | number | undefined {
  const item = (unit.ours ?? unit.theirs ?? unit.base)?.item;
  if (item === undefined || item.kind === "comment") return undefined;
  return item.kind === "entry" ? item.key : position;
}

function nodeOf(item: Unit["item"] | undefined): TreeNode | undefined {
  if (item?.kind === "entry") return item.value;
  return item?.kind === "comment" ? undefined : item;
}

function keyOf({ item }: Unit): string | undefined {
  return item.kind === "entry" ? item.key : undefined;
}

/** What makes a document of Kubernetes the same one in another version of a file. */
function nameOfDocument(branch: MapNode): string | undefined {
  const texts = [["kind"], ["metadata", "namespace"], ["metadata", "name"]].map((path) =>
    textAt(branch, path),
  );
  const [kind, , name] = texts;
  return kind === undefined || name === undefined ? undefined : JSON.stringify(texts);
}

function textAt(branch: MapNode, path: readonly string[]): string | undefined {
  let node: TreeNode | undefined = branch;
  for (const step of path) {
    const items: MapNode["items"] = node?.kind === "map" ? node.items : [];
    const entry = items.find((item) => item.kind === "entry" && item.key === step);
    node = entry?.kind === "entry" ? entry.value : undefined;
  }
  return node?.kind === "str" ? node.value : undefined;
}
