import type { Comment, Document, Entry, MapNode, Scalar, SeqNode, TreeNode } from "../../src/core/tree.ts";
import type { Format } from "../../src/formats/store.ts";

type Plain = string | readonly Plain[] | { readonly [key: string]: Plain };

// Go prints whole floats below these bounds without an exponent or a point, and reads them back as integers.
const wholeFloatBound: Readonly<Partial<Record<Format, number>>> = { yaml: 1e6, json: 1e21 };

/**
 * A document as comparable data, without what `sops` cannot say in the format: it writes the float 3.0 as `3`, moves
 * comments beside a value above it, and drops the empty ones (sops.md D20, D21).
 */
export function asSopsReads(document: Document, format: Format = "yaml"): Plain {
  const bound = wholeFloatBound[format] ?? 0;
  return document.branches.map((branch) => readNode(branch, bound));
}

function readNode(node: TreeNode, bound: number): Plain {
  switch (node.kind) {
    case "map":
      return { map: readItems(node.items, bound) };
    case "seq":
      return { seq: readItems(node.items, bound) };
    default:
      return readScalar(node, bound);
  }
}

function readItems(items: MapNode["items"] | SeqNode["items"], bound: number): Plain {
  return items.flatMap((item: Entry | Comment | TreeNode): Plain[] => {
    if (item.kind === "comment") return item.text === "" ? [] : [`#${item.text}`];
    return [item.kind === "entry" ? [item.key, readNode(item.value, bound)] : readNode(item, bound)];
  });
}

function readScalar(scalar: Scalar, bound: number): Plain {
  switch (scalar.kind) {
    case "null":
      return "null";
    case "bytes":
      // What can be text is text: a binary file in the tree, and the same file after it was encrypted as a string.
      return textOf(scalar.value) ?? `bytes ${Buffer.from(scalar.value).toString("hex")}`;
    case "float":
      return isPrintedWhole(scalar.value, bound) ? `int ${digits(scalar.value)}` : `float ${scalar.value}`;
    default:
      return `${scalar.kind} ${scalar.value}`;
  }
}

function isPrintedWhole(value: number, bound: number): boolean {
  return (
    Number.isInteger(value) && Math.abs(value) < bound && BigInt.asIntN(64, digits(value)) === digits(value)
  );
}

// The shortest digits that give the number again, as both sides print it; not its exact value.
function digits(value: number): bigint {
  return BigInt(String(value));
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return `str ${utf8.decode(bytes)}`;
  } catch {
    return undefined;
  }
}
