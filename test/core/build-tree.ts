import { createSecretKey, type KeyObject } from "node:crypto";
import type { Comment, Document, Entry, MapNode, Scalar, SeqNode, TreeNode } from "../../src/core/tree.ts";

/** The data key of the vectors: 00 01 02 ... 1f. */
export const key: KeyObject = createSecretKey(Uint8Array.from({ length: 32 }, (_, i) => i));

/** Random bytes that never repeat and are the same in every run. */
export function countingRandom(): (length: number) => Uint8Array {
  let next = 0;
  return (length) => {
    const bytes = new Uint8Array(length);
    const view = new DataView(bytes.buffer);
    for (let offset = 0; offset + 4 <= length; offset += 4) view.setUint32(offset, next++);
    return bytes;
  };
}

export function document(...items: (Entry | Comment)[]): Document {
  return { branches: [map(...items)] };
}

export function map(...items: (Entry | Comment)[]): MapNode {
  return { kind: "map", items };
}

export function list(...items: (TreeNode | Comment)[]): SeqNode {
  return { kind: "seq", items };
}

/** An entry; plain text stands for a string. */
export function entry(key: string, value: TreeNode | string): Entry {
  return { kind: "entry", key, value: typeof value === "string" ? str(value) : value };
}

export function comment(text: string, inline = false): Comment {
  return { kind: "comment", text, inline };
}

export function str(value: string): Scalar {
  return { kind: "str", value };
}

export function int(value: bigint | number): Scalar {
  return { kind: "int", value: BigInt(value) };
}

export function float(value: number): Scalar {
  return { kind: "float", value };
}

export function bool(value: boolean): Scalar {
  return { kind: "bool", value };
}

export function time(value: string): Scalar {
  return { kind: "time", value };
}

export const nothing: Scalar = { kind: "null" };
