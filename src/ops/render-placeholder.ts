import { encodeBase64 } from "../core/base64.ts";
import type { Comment, Entry, MapNode, SeqNode, TreeNode } from "../core/tree.ts";
import { storeFor } from "../formats/detect.ts";
import type { ParsedFile } from "../formats/store.ts";
import { entryOf } from "./walk-leaves.ts";

/** What stands where a value would, in a build without keys. */
export const placeholder = "KSEAL_PLACEHOLDER";
const placeholderBytes = new TextEncoder().encode(placeholder);

/** Says of a Secret that its values are none. */
export const placeholderAnnotation = "kseal.dev/placeholder";

const encrypted = /^ENC\[AES256_GCM,data:/;

/** A file as it would look decrypted, with a placeholder for every value: no key is asked for anything. */
export async function placeholderContent(parsed: ParsedFile): Promise<Uint8Array> {
  if (parsed.format === "binary") return placeholderBytes;
  const branches = parsed.document.branches.map((branch) => hidden(branch, { isData: false }) as MapNode);
  const store = await storeFor(parsed.format);
  return store.render({ document: { branches }, metadata: undefined }, { floats: "sops" });
}

/** @param place.isData - The values are base64. */
function hidden(node: TreeNode, place: { readonly isData: boolean }): TreeNode {
  if (node.kind === "str" && encrypted.test(node.value)) {
    return { kind: "str", value: place.isData ? encodeBase64(placeholderBytes) : placeholder };
  }
  if (node.kind === "seq") return hiddenItems(node, place);
  if (node.kind !== "map") return node;
  const kind = entryOf(node, "kind");
  const isSecret = kind?.kind === "str" && kind.value === "Secret";
  const items = node.items.flatMap((item): readonly (Entry | Comment)[] => {
    if (item.kind === "comment") return encrypted.test(item.text) ? [] : [item];
    const isData = place.isData || (isSecret && item.key === "data");
    return [{ ...item, value: hidden(item.value, { isData }) }];
  });
  return isSecret ? marked({ kind: "map", items }) : { kind: "map", items };
}

function hiddenItems(node: SeqNode, place: { readonly isData: boolean }): SeqNode {
  const items = node.items.flatMap((item): (TreeNode | Comment)[] => {
    if (item.kind === "comment") return encrypted.test(item.text) ? [] : [item];
    return [hidden(item, place)];
  });
  return { kind: "seq", items };
}

/** The Secret with {@link placeholderAnnotation}. */
function marked(secret: MapNode): MapNode {
  const metadata = mapAt(secret, "metadata");
  const annotations = mapAt(metadata, "annotations");
  const mark = { kind: "str", value: "true" } as const;
  return withEntry(
    secret,
    "metadata",
    withEntry(metadata, "annotations", withEntry(annotations, placeholderAnnotation, mark)),
  );
}

function mapAt(node: MapNode, key: string): MapNode {
  const found = entryOf(node, key);
  return found?.kind === "map" ? found : { kind: "map", items: [] };
}

function withEntry(node: MapNode, key: string, value: TreeNode): MapNode {
  const at = node.items.findIndex((item) => item.kind === "entry" && item.key === key);
  const entry = { kind: "entry", key, value } as const;
  return { kind: "map", items: at < 0 ? [...node.items, entry] : node.items.with(at, entry) };
}
