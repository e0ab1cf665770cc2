import type { Metadata } from "../core/metadata.ts";
import { isInt64 } from "../core/scalar-text.ts";
import type { Document, Entry, MapNode, TreeNode } from "../core/tree.ts";
import { sameNode } from "../core/tree-diff.ts";
import { isSealed } from "../core/value.ts";
import { KsealError } from "../errors.ts";
import { type JsonLayout, printJson, printJsonFloat } from "./json-print.ts";
import { readJson } from "./json-read.ts";
import { type JsonSource, spliceJson } from "./json-splice.ts";
import { parseMetadata, renderMetadata } from "./metadata-wire.ts";
import { decodeSource } from "./source-text.ts";
import type { FileContent, ParsedFile } from "./store.ts";
import { unreadable } from "./weak-fields.ts";

/** A JSON text with its metadata taken out. The binary store's files are such texts, too. */
export function parseJson(bytes: Uint8Array): Omit<ParsedFile, "format"> {
  const text = decodeSource(bytes);
  const { root, span, warnings } = readJson(text);
  const source: JsonSource = { text, root, span };
  const blocks = root.items.filter(isMetadata);
  const document = { branches: [withoutMetadata(root)] };
  const [block, second] = blocks;
  if (block === undefined) return { document, metadata: undefined, warnings, source };
  if (second !== undefined) throw unreadable("sops", "stands twice");
  const parsed = parseMetadata(block.value);
  return { document, metadata: parsed.metadata, warnings: [...warnings, ...parsed.warnings], source };
}

/** The text of a JSON file, spliced into `base` where there is one. */
export function renderJson(
  next: FileContent,
  { base, indent }: { base: ParsedFile | undefined; indent: number | undefined },
): string {
  const branch = onlyBranch(next.document);
  // What had encrypted list comments keeps them; a conversion makes none, which sops 3.8 could not print.
  const map = next.metadata === undefined || base === undefined ? branch : withSealedComments(branch);
  // Written by parseJson; nobody else fills it for this format.
  const source = base?.source as JsonSource | undefined;
  const text = source
    ? spliceJson(source, withMetadata(map, next.metadata, source.root))
    : `${printJson(withMetadata(map, next.metadata), layoutFor(indent))}\n`;
  verify(text, map, next.metadata);
  return text;
}

/**
 * The layout of a fresh file.
 *
 * @param indent - Spaces a level; -1 is a tab, which is what SOPS takes.
 */
export function layoutFor(indent = -1): JsonLayout {
  if (indent < -1) throw new KsealError("USAGE", "an indentation for JSON below -1");
  return { newline: "\n", unit: indent === -1 ? "\t" : " ".repeat(indent), colon: ": " };
}

function onlyBranch({ branches }: Document): MapNode {
  if (branches.length > 1) {
    throw new KsealError("FORMAT_CANNOT_HOLD", `JSON holds one document, and there are ${branches.length}`);
  }
  return branches[0] ?? { kind: "map", items: [] };
}

/** The members of the file: `sops` stays where it was, and comes last in a file that had none. */
function withMetadata(map: MapNode, metadata: Metadata | undefined, base?: MapNode): MapNode {
  if (map.items.some(isMetadata)) {
    throw new KsealError("FORMAT_CANNOT_HOLD", "the key sops is taken by the metadata", {
      where: { path: '["sops"]' },
    });
  }
  if (metadata === undefined) return map;
  const block: Entry = { kind: "entry", key: "sops", value: renderMetadata(metadata) };
  return { kind: "map", items: map.items.toSpliced(placeOfMetadata(map, base), 0, block) };
}

/** The index for `sops` among the items: behind the member that it stands behind in `base`, else at the end. */
function placeOfMetadata(map: MapNode, base: MapNode | undefined): number {
  const index = base?.items.findIndex(isMetadata) ?? -1;
  if (base === undefined || index === -1 || index === base.items.length - 1) return map.items.length;
  const neighbour = base.items[index - 1];
  const isNeighbour = (item: MapNode["items"][number]) =>
    item.kind === "entry" && neighbour?.kind === "entry" && item.key === neighbour.key;
  return neighbour === undefined ? 0 : map.items.findLastIndex(isNeighbour) + 1;
}

/**
 * A tree whose encrypted list comments are text items, as SOPS leaves them in JSON: they take part in no MAC, and
 * come back when the file becomes YAML again.
 */
function withSealedComments(map: MapNode): MapNode {
  return { kind: "map", items: map.items.map((item) => (item.kind === "entry" ? sealedEntry(item) : item)) };
}

function sealedEntry(entry: Entry): Entry {
  const value = sealedItems(entry.value);
  return value === entry.value ? entry : { ...entry, value };
}

function sealedItems(node: TreeNode): TreeNode {
  if (node.kind === "map") return withSealedComments(node);
  if (node.kind !== "seq") return node;
  const items = node.items.map((item) => {
    if (item.kind !== "comment") return sealedItems(item);
    return isSealed(item.text) ? ({ kind: "str", value: item.text } as const) : item;
  });
  return { kind: "seq", items };
}

function withoutMetadata(map: MapNode): MapNode {
  return { kind: "map", items: map.items.filter((item) => !isMetadata(item)) };
}

function isMetadata(item: MapNode["items"][number]): item is Entry {
  return item.kind === "entry" && item.key === "sops";
}

/** Reads the text back before anybody writes it: what it says must be what was meant. */
function verify(text: string, map: MapNode, metadata: Metadata | undefined): void {
  const { root } = readJson(text);
  const block = root.items.find(isMetadata);
  const meant = metadata && asJson(renderMetadata(metadata));
  const isSame =
    sameNode(asJson(withoutMetadata(root)), asJson(map)) &&
    (meant === undefined ? block === undefined : block !== undefined && sameNode(block.value, meant));
  // A bug of kseal, which must not reach the user's file.
  if (!isSame) throw new Error("the JSON that was written does not say what was meant");
}

/** What a reader of JSON sees of a node: no comments, dates and bytes as texts, whole floats as integers. */
function asJson(node: TreeNode): TreeNode {
  switch (node.kind) {
    case "map":
      return {
        kind: "map",
        items: node.items
          .filter((item) => item.kind === "entry")
          .map(({ key, value }): Entry => ({ kind: "entry", key, value: asJson(value) })),
      };
    case "seq":
      return {
        kind: "seq",
        items: node.items.filter((item) => item.kind !== "comment").map((item) => asJson(item)),
      };
    case "time":
      return { kind: "str", value: node.value };
    case "bytes":
      return { kind: "str", value: new TextDecoder("utf-8", { ignoreBOM: true }).decode(node.value) };
    case "float":
      return wholeFloat(node.value);
    case "str":
    case "int":
    case "bool":
    case "null":
      return node;
  }
}

function wholeFloat(value: number): TreeNode {
  const text = printJsonFloat(value);
  if (!/^-?\d+$/.test(text)) return { kind: "float", value };
  const int = BigInt(text);
  return isInt64(int) ? { kind: "int", value: int } : { kind: "float", value };
}
