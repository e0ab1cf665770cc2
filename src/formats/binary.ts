import type { Document, MapNode, TreeNode } from "../core/tree.ts";
import { KsealError } from "../errors.ts";
import { parseJson, renderJson } from "./json-content.ts";
import { cannotHold } from "./scalar-spelling.ts";
import type { ParsedFile, Store } from "./store.ts";

/**
 * Binary: any bytes. Encrypted they are the one value of a JSON object, `{"data": ENC[...], "sops": {...}}`.
 *
 * The bytes stay bytes in the tree, so that NULs and what is not UTF-8 come back as they were.
 */
export const binaryStore: Store = {
  format: "binary",
  parse: (bytes) => parseEncrypted(bytes) ?? plainFile(bytes),
  render(next, { base, indent } = {}) {
    if (next.metadata === undefined) return bytesOf(next.document);
    const isJson = base?.format === "binary" && base.metadata !== undefined;
    return new TextEncoder().encode(renderJson(next, { base: isJson ? base : undefined, indent }));
  },
  renderNode(node) {
    return node.kind === "map" ? bytesOf({ branches: [node] }) : bytesOfNode(node);
  },
};

// The encrypted bytes are base64 in one string, and V8 holds no string longer than 2^29 - 24.
const maxPlainBytes = 380 * 1024 * 1024;

const root = { format: "binary", path: [] } as const;

/** The file as an encrypted one, or `undefined` when it is not one but any file (sops.md D36). */
function parseEncrypted(bytes: Uint8Array): ParsedFile | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head = buffer.toString("latin1", 0, 200);
  const claims = /^\s*\{\s*"data":\s*"ENC\[/.test(head);
  if (!claims && !(head.trimStart().startsWith("{") && buffer.includes('"sops"'))) return undefined;
  try {
    const parsed = parseJson(bytes);
    return parsed.metadata === undefined ? undefined : { format: "binary", ...parsed };
  } catch (error) {
    // A damaged file of ours must not be taken for a plain one and encrypted once more.
    if (claims || !(error instanceof KsealError)) throw error;
    return undefined;
  }
}

function plainFile(bytes: Uint8Array): ParsedFile {
  if (bytes.length > maxPlainBytes) throw new KsealError("LIMIT_EXCEEDED", "the file is larger than 380 MiB");
  const map: MapNode = {
    kind: "map",
    items: [
      {
        kind: "entry",
        key: "data",
        // SOPS leaves an empty text as it is, so that is what an empty file comes back as.
        value: bytes.length === 0 ? { kind: "str", value: "" } : { kind: "bytes", value: bytes },
      },
    ],
  };
  return {
    format: "binary",
    document: { branches: [map] },
    metadata: undefined,
    warnings: [],
    source: undefined,
  };
}

function bytesOf({ branches }: Document): Uint8Array {
  if (branches.length !== 1) throw cannotHold(`${branches.length} documents`, root);
  const data = branches[0]?.items.find((item) => item.kind === "entry" && item.key === "data");
  if (data?.kind !== "entry") throw cannotHold("anything but one text under the key data", root);
  return bytesOfNode(data.value);
}

function bytesOfNode(node: TreeNode): Uint8Array {
  if (node.kind === "bytes") return node.value;
  if (node.kind === "str") return new TextEncoder().encode(node.value);
  throw cannotHold("anything but one text under the key data", root);
}
