import type { Comment, Entry, MapNode, SeqNode, TreeNode } from "../core/tree.ts";
import type { CommentLines } from "./yaml-comment-lines.ts";
import { type NodeComments, noComments } from "./yaml-comments.ts";
import {
  type CommentSyntax,
  type ElementSyntax,
  type EntrySyntax,
  type MapSyntax,
  reachOf,
  type SeqSyntax,
  type Syntax,
} from "./yaml-syntax.ts";

/** A key with its value, before the comments have found their places. */
export interface Pair {
  readonly key: EntrySyntax["key"];
  readonly keyComments: NodeComments;
  readonly value: Syntax;
  readonly valueComments: NodeComments;
  readonly start: number;
}

/** An element of a list with the comments that go-yaml hangs on it. */
export interface Element {
  readonly value: Syntax;
  readonly comments: NodeComments;
  readonly start: number;
}

const none: CommentLines = [];
const notInline = { inline: false };

interface Items<S, N> {
  readonly syntax: (S | CommentSyntax)[];
  readonly nodes: (N | Comment)[];
}

/**
 * The items of a mapping as SOPS has them: the comments of a key, then those of a scalar value, then the entry, then
 * what stood at the foot of either. The comments of a mapping or list go inside it.
 */
export function mapItems(
  text: string,
  pairs: readonly Pair[],
  { comments, flow }: { comments: NodeComments; flow: boolean },
): { items: Items<EntrySyntax, Entry>; own: NodeComments } {
  const { feet, valueFeet, ownFoot, lost } = moveFeet(pairs, comments.foot, flow);
  const items: Items<EntrySyntax, Entry> = { syntax: [], nodes: [] };
  for (const [index, pair] of pairs.entries()) {
    const isPlain = pair.keyComments === noComments && pair.valueComments === noComments;
    if (isPlain) addEntry(items, pair, pair.value);
    else addWithComments(text, items, pair, valueFeet?.[index] ?? none);
    addComments(text, items, feet?.[index] ?? none);
  }
  addComments(text, items, lost);
  addComments(text, items, comments.lost);
  return { items, own: comments === noComments ? noComments : { ...comments, foot: ownFoot, lost: none } };
}

function addWithComments(
  text: string,
  items: Items<EntrySyntax, Entry>,
  pair: Pair,
  valueFoot: CommentLines,
): void {
  const { keyComments, value } = pair;
  const { head, line } = pair.valueComments;
  addComments(text, items, keyComments.head);
  addComments(text, items, keyComments.line);
  if (value.kind === "map" || value.kind === "seq") {
    addEntry(items, pair, surround(text, value, [...head, ...line], valueFoot));
    return;
  }
  addComments(text, items, head);
  addComments(text, items, line, { inline: true });
  addEntry(items, pair, value);
  addComments(text, items, valueFoot);
}

function addEntry(items: Items<EntrySyntax, Entry>, { key, start }: Pair, value: Syntax): void {
  items.syntax.push({ kind: "entry", key, value, start, end: Math.max(key.end, reachOf(value)) });
  items.nodes.push({ kind: "entry", key: key.node.kind === "str" ? key.node.value : "", value: value.node });
}

/** The items of a list: the comments of an element stand around it. */
export function seqItems(
  text: string,
  elements: readonly Element[],
  comments: NodeComments,
): Items<ElementSyntax, TreeNode> {
  const items: Items<ElementSyntax, TreeNode> = { syntax: [], nodes: [] };
  for (const { value, comments: own, start } of elements) {
    addComments(text, items, own.head);
    addComments(text, items, own.line, { inline: true });
    items.syntax.push({ kind: "element", value, start, end: Math.max(start + 1, reachOf(value)) });
    items.nodes.push(value.node);
    addComments(text, items, own.foot);
  }
  addComments(text, items, comments.lost);
  return items;
}

/** The same mapping or list with comments at its start and end. */
export function surround<S extends Syntax>(
  text: string,
  syntax: S,
  before: CommentLines,
  behind: CommentLines,
): S {
  if ((before.length === 0 && behind.length === 0) || (syntax.kind !== "map" && syntax.kind !== "seq"))
    return syntax;
  const first: Items<never, never> = { syntax: [], nodes: [] };
  const last: Items<never, never> = { syntax: [], nodes: [] };
  addComments(text, first, before);
  addComments(text, last, behind);
  const items = [...first.syntax, ...syntax.items, ...last.syntax];
  const node = { kind: syntax.kind, items: [...first.nodes, ...syntax.node.items, ...last.nodes] } as
    | MapNode
    | SeqNode;
  const reach = Math.max(syntax.reach, ...[...first.syntax, ...last.syntax].map(({ end }) => end));
  return { ...syntax, items, node, reach } as MapSyntax & SeqSyntax & S;
}

/** A value as its aliases have it: the comments stay with the anchor (sops.md D19). */
export function withoutComments(node: TreeNode): TreeNode {
  if (node.kind === "map") {
    const items = node.items.flatMap((item) =>
      item.kind === "comment" ? [] : [{ ...item, value: withoutComments(item.value) }],
    );
    return { kind: "map", items };
  }
  if (node.kind !== "seq") return node;
  return {
    kind: "seq",
    items: node.items.flatMap((item) => (item.kind === "comment" ? [] : [withoutComments(item)])),
  };
}

function addComments(
  text: string,
  items: Items<unknown, unknown>,
  lines: CommentLines,
  { inline } = notInline,
): void {
  if (lines.length === 0) return;
  for (const line of lines) {
    if (!line) continue;
    items.syntax.push({ ...line, inline });
    items.nodes.push({ kind: "comment", text: text.slice(line.start + 1, line.end), inline });
  }
}

/**
 * Where the comments below a value belong in go-yaml: in a block, what a key has at its foot belongs to the entry
 * before it, what the mapping has at its foot to its last entry, and what a value has at its foot to its key.
 */
function moveFeet(
  pairs: readonly Pair[],
  foot: CommentLines,
  flow: boolean,
): { feet?: CommentLines[]; valueFeet?: CommentLines[]; ownFoot: CommentLines; lost: CommentLines } {
  const hasFeet = (comments: NodeComments) => comments !== noComments && comments.foot.length > 0;
  const isNeeded = pairs.some(
    ({ keyComments, valueComments }) => hasFeet(keyComments) || hasFeet(valueComments),
  );
  if (!isNeeded && foot.length === 0) return { ownFoot: foot, lost: none };
  const feet: CommentLines[] = [];
  const valueFeet: CommentLines[] = [];
  const lost: (CommentSyntax | undefined)[] = [];
  // go-yaml keeps one foot an entry: a second one takes the place of the first.
  const replace = (index: number, lines: CommentLines) => {
    lost.push(...(feet[index] ?? none));
    feet[index] = lines;
  };
  for (const [index, { keyComments, valueComments }] of pairs.entries()) {
    const moves = !flow && keyComments.foot.length > 0 && index > 0;
    if (moves) replace(index - 1, keyComments.foot);
    const own = moves ? none : keyComments.foot;
    feet[index] = own.length > 0 ? own : valueComments.foot;
    valueFeet[index] = own.length > 0 ? valueComments.foot : none;
  }
  if (flow || foot.length === 0 || pairs.length === 0) return { feet, valueFeet, ownFoot: foot, lost };
  replace(pairs.length - 1, foot);
  return { feet, valueFeet, ownFoot: none, lost };
}
