import type { TreeNode } from "../core/tree.ts";
import { sameNode } from "../core/tree-diff.ts";
import { getNode, parseTreePath, setNode } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import { storeFor } from "../formats/detect.ts";
import type { OpContext } from "./context.ts";
import { type EditTreeOptions, type EditTreeResult, editTree } from "./edit-tree.ts";
import { type Generated, generateValue } from "./generate-value.ts";

/** A new value: as JSON text, as a string from bytes (a file, standard input, a prompt), or made up by kseal. */
export type NewValue =
  | { readonly json: string }
  | { readonly bytes: Uint8Array }
  | { readonly generate: "password" | "uuid" | "ssh-key"; readonly length?: number | undefined };

export interface SetOptions extends EditTreeOptions {
  readonly value: NewValue;
}

export interface SetResult extends EditTreeResult {
  /** The public half of a generated SSH key, as a line of `authorized_keys`. */
  readonly publicKey?: string | undefined;
}

/** Sets one value of an encrypted file; the path is made where it does not exist yet. */
export async function setValue(options: SetOptions, context: OpContext): Promise<SetResult> {
  const path = parseTreePath(options.treePath);
  const { node, publicKey } = await nodeOf(options.value, context);
  const result = await editTree(
    options,
    (document) => {
      const before = options.idempotent ? getNode(document, path) : undefined;
      return before !== undefined && sameNode(before, node) ? undefined : setNode(document, path, node);
    },
    context,
  );
  return { ...result, publicKey };
}

async function nodeOf(
  value: NewValue,
  { host }: OpContext,
): Promise<{ node: TreeNode; publicKey?: string | undefined }> {
  if ("json" in value) return { node: await parseJson(value.json) };
  if ("bytes" in value) return { node: textNode(value.bytes) };
  const generated: Generated = generateValue(value.generate, value.length, (length) => host.random(length));
  return { node: { kind: "str", value: generated.value }, publicKey: generated.publicKey };
}

// The store reads JSON strictly and with its types (sops.md D32), but only objects: so the text is put into one.
async function parseJson(text: string): Promise<TreeNode> {
  try {
    const store = await storeFor("json");
    const { document, warnings } = store.parse(new TextEncoder().encode(`{"value":${text}\n}`));
    const [item, ...more] = document.branches[0]?.items ?? [];
    const isOne = item?.kind === "entry" && item.key === "value" && more.length === 0;
    if (isOne && warnings.every(({ kind }) => kind !== "duplicate-key")) return item.value;
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    if (error.code === "LIMIT_EXCEEDED") throw error;
  }
  // Neither the parser's message nor its place: they could quote the value.
  throw new KsealError("SET_INVALID", "the value is not JSON", {
    hint: `a string stands in double quotes: '"text"'; several values: '["a", 1]' or '{"a": 1}'`,
  });
}

function textNode(bytes: Uint8Array): TreeNode {
  try {
    return { kind: "str", value: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { kind: "bytes", value: bytes };
  }
}
