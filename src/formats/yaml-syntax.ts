import type { MapNode, Scalar, SeqNode, TreeNode } from "../core/tree.ts";

/** A stretch of the text, in UTF-16 units. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A comment with its `#`, without its line break. */
export interface CommentSyntax extends Span {
  readonly kind: "comment";
  /** As SOPS has it: behind a scalar on the same line. */
  readonly inline: boolean;
}

/** Anchor and tag of a node, each with its mark. */
export interface Properties extends Span {
  readonly anchor: Span | undefined;
  readonly tag: Span | undefined;
}

export type ScalarStyle = "plain" | "single" | "double" | "literal" | "folded";

/** What a block scalar says in its header, and where its lines stand. */
export interface BlockScalar {
  /** Where the first line of the content begins. */
  readonly body: number;
  /** The column of the content; -1 when there is none. */
  readonly column: number;
  readonly chomping: "clip" | "strip" | "keep";
}

/**
 * A scalar; its span takes in quotes and block header, never the line break behind it. A null without text has an
 * empty span where a text would stand.
 */
export interface ScalarSyntax extends Span {
  readonly kind: "scalar";
  readonly style: ScalarStyle;
  readonly block: BlockScalar | undefined;
  readonly properties: Properties | undefined;
  readonly node: Scalar;
}

export interface AliasSyntax extends Span {
  readonly kind: "alias";
  readonly properties: undefined;
  readonly target: Syntax;
  readonly node: TreeNode;
}

export interface EntrySyntax extends Span {
  readonly kind: "entry";
  readonly key: ScalarSyntax;
  readonly value: Syntax;
}

export interface ElementSyntax extends Span {
  readonly kind: "element";
  readonly value: Syntax;
}

interface CollectionSyntax extends Span {
  /** Written in brackets, or one pair in a list in brackets. The span of the first takes in the brackets. */
  readonly flow: boolean;
  readonly properties: Properties | undefined;
  /** Where the last thing in it ends, comments behind it included. */
  readonly reach: number;
}

/** A mapping. Its items are those of its node, in the same order. */
export interface MapSyntax extends CollectionSyntax {
  readonly kind: "map";
  readonly items: readonly (EntrySyntax | CommentSyntax)[];
  readonly node: MapNode;
}

/** A list. Its items are those of its node, in the same order; an element begins at its dash. */
export interface SeqSyntax extends CollectionSyntax {
  readonly kind: "seq";
  readonly items: readonly (ElementSyntax | CommentSyntax)[];
  readonly node: SeqNode;
}

export type Syntax = ScalarSyntax | AliasSyntax | MapSyntax | SeqSyntax;

/** A document. */
export interface DocumentSyntax extends Span {
  /** The mapping at the top and the comments around it. A document without one has an empty one here. */
  readonly root: MapSyntax;
  /** Whether the document holds a mapping, a null, or nothing but comments. */
  readonly content: "map" | "null" | "nothing";
  /** Whether `---` stands above it. */
  readonly explicitStart: boolean;
}

/** Where the last thing that belongs to a node ends. */
export function reachOf(syntax: Syntax): number {
  return syntax.kind === "map" || syntax.kind === "seq" ? syntax.reach : syntax.end;
}

/** What a node is called in messages. */
export function nameOf(syntax: Syntax): string {
  if (syntax.kind === "alias") return nameOf(syntax.target);
  if (syntax.kind !== "scalar") return syntax.kind === "map" ? "a mapping" : "a list";
  return scalarNames[syntax.node.kind];
}

const scalarNames: Readonly<Record<Scalar["kind"], string>> = {
  int: "a number",
  float: "a number",
  bool: "true or false",
  time: "a date",
  null: "empty or null",
  str: "a text",
  bytes: "a text",
};
