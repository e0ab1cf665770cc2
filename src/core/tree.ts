/**
 * The tree of a SOPS file. Scalars carry their SOPS type, because a JavaScript number can neither tell 1 from 1.0
 * nor hold a 64-bit integer. Trees are never changed: an edit makes a new one.
 */
export type Scalar =
  | { readonly kind: "str"; readonly value: string }
  /** A signed 64-bit integer. */
  | { readonly kind: "int"; readonly value: bigint }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "bool"; readonly value: boolean }
  /** RFC 3339, as SOPS hashes it: offset kept, up to nine fractional digits without trailing zeros. */
  | { readonly kind: "time"; readonly value: string }
  /** Bytes that are not valid UTF-8: binary files, YAML `!!binary`. Hashed and encrypted like a `str`. */
  | { readonly kind: "bytes"; readonly value: Uint8Array }
  | { readonly kind: "null" };

/** A comment without its marker: `# x` has the text ` x`. It is encrypted like a value and never hashed. */
export interface Comment {
  readonly kind: "comment";
  readonly text: string;
  /** It stands behind a value on the same line. In the list of items it comes *before* that value, as in SOPS. */
  readonly inline: boolean;
}

export interface Entry {
  readonly kind: "entry";
  readonly key: string;
  readonly value: TreeNode;
}

export interface MapNode {
  readonly kind: "map";
  readonly items: readonly (Entry | Comment)[];
}

export interface SeqNode {
  readonly kind: "seq";
  readonly items: readonly (TreeNode | Comment)[];
}

export type TreeNode = Scalar | MapNode | SeqNode;

/** The documents of a file. Only YAML can have more than one. */
export interface Document {
  readonly branches: readonly MapNode[];
}

/** The type written into `ENC[...,type:...]`. */
export type ValueType = "str" | "int" | "float" | "bool" | "time" | "bytes" | "comment";
