import type { Metadata } from "../core/metadata.ts";
import type { Document, MapNode, SeqNode, TreeNode } from "../core/tree.ts";
import { sameNode } from "../core/tree-diff.ts";
import { KsealError } from "../errors.ts";
import { parseMetadata, renderMetadata } from "./metadata-wire.ts";
import { decodeSource, invalid, linesOf } from "./source-text.ts";
import type { FileContent, FormatWarning, ParsedFile, RenderOptions, Store } from "./store.ts";
import { isBlock, spliceFile, withoutBlock } from "./yaml-file-splice.ts";
import { layoutOf } from "./yaml-layout.ts";
import { indentOf, printDocuments, printValue } from "./yaml-print.ts";
import { readYaml, type YamlText } from "./yaml-read.ts";
import { endsWithBreak } from "./yaml-scan.ts";
import { readSimpleYaml } from "./yaml-simple-read.ts";
import { findDifference } from "./yaml-verify.ts";

/** YAML: the format that holds everything, comments and several documents included. */
export const yamlStore: Store = {
  format: "yaml",
  parse: (bytes) => parseText(decodeSource(bytes)),
  render,
  renderNode,
};

const utf8 = new TextEncoder();

function parseText(text: string): ParsedFile {
  if (text.length === 0) throw new KsealError("EMPTY_INPUT", "the file is empty");
  const source = readSimpleYaml(text) ?? readYaml(text);
  const [first] = source.documents;
  if (first === undefined)
    throw new KsealError("FORMAT_INVALID", "the file holds no document, only comments");
  const [block, second] = first.root.items.filter(isBlock);
  if (second) throw invalid(text, second.start, "the key sops stands twice in the first document");
  const sealed = block && parseMetadata(block.value.node);
  const branches = source.documents.map(({ root }) => (sealed ? withoutBlock(root) : root).node);
  return {
    format: "yaml",
    document: { branches },
    metadata: sealed?.metadata,
    warnings: [...warningsOf(source), ...(sealed?.warnings ?? [])],
    source,
  };
}

function warningsOf({ text, duplicates, aliases, remarks }: YamlText): FormatWarning[] {
  const lines = linesOf(
    text,
    duplicates.map(({ start }) => start).toSorted((a, b) => a - b),
  );
  const [alias] = aliases;
  const copies = aliases.length === 1 ? "an alias stands" : `${aliases.length} aliases stand`;
  return [
    ...lines.map(
      (line): FormatWarning => ({
        kind: "duplicate-key",
        message: "a key stands twice in its mapping",
        line,
      }),
    ),
    ...(alias === undefined
      ? []
      : linesOf(text, [alias.start]).map(
          (line): FormatWarning => ({
            kind: "alias-expanded",
            message: `${copies} for values of their own: SOPS has no anchors, so every copy is encrypted by itself`,
            line,
          }),
        )),
    ...remarks.map((message): FormatWarning => ({ kind: "other", message })),
  ];
}

function render(next: FileContent, options: RenderOptions = {}): Uint8Array {
  for (const branch of next.document.branches) refuseBlock(branch, next.metadata);
  const { base } = options;
  let difference: string | undefined;
  for (const write of attemptsAt(next, options)) {
    const text = write();
    difference = differenceTo(text, next, { isFresh: base === undefined, options });
    if (difference === undefined) return utf8.encode(text);
  }
  // Nothing is written that would not be read as what was meant.
  throw new KsealError(
    "FORMAT_CANNOT_HOLD",
    "the file cannot be written so that it is read as it was meant",
    {
      where: difference ? { path: difference } : undefined,
    },
  );
}

/**
 * Ways to write a file, best first. Those after the first serve for a block scalar that needs the line break at the end
 * of the file, and for texts that strange indentation surrounds.
 */
function attemptsAt(next: FileContent, options: RenderOptions): readonly (() => string)[] {
  const { base } = options;
  const fresh = () => renderFresh(next, options);
  if (!base) return [fresh];
  const endsLine = endsWithBreak((base.source as YamlText).text);
  const ways = [{}, ...(endsLine ? [] : [{ endsLastLine: true }]), { quotesLines: true }];
  const inPlace = ways.map((way) => () => renderInto(base, next, { ...options, ...way }));
  // An encrypted file that cannot be opened in its layout must still open.
  return next.metadata === undefined && base.metadata !== undefined ? [...inPlace, fresh] : inPlace;
}

function refuseBlock(branch: MapNode, metadata: Metadata | undefined): void {
  if (metadata === undefined || !branch.items.some((item) => item.kind === "entry" && item.key === "sops"))
    return;
  throw new KsealError(
    "FORMAT_CANNOT_HOLD",
    "a document has a key sops of its own, which is where the metadata goes",
    {
      where: { path: '["sops"]' },
    },
  );
}

function renderFresh({ document, metadata }: FileContent, options: RenderOptions): string {
  const block = metadata && renderMetadata(metadata);
  const branches = document.branches.map((branch): MapNode => {
    const placed = options.floats === "sops" ? branch : (liftComments(branch) as MapNode);
    if (!block) return placed;
    return { kind: "map", items: [...placed.items, { kind: "entry", key: "sops", value: block }] };
  });
  return printDocuments(branches, { indent: indentOf(options.indent), floats: options.floats ?? "float" });
}

/** SOPS prints the comment behind a mapping or list in a wrong place; above it, it stays with it (sops.md D21). */
function liftComments(node: TreeNode): TreeNode {
  if (node.kind !== "map" && node.kind !== "seq") return node;
  const source: readonly (MapNode["items"][number] | SeqNode["items"][number])[] = node.items;
  const items = source.map((item, index) => {
    if (item.kind === "entry") return { ...item, value: liftComments(item.value) };
    if (item.kind !== "comment") return liftComments(item);
    return item.inline && !standsBeforeScalar(source, index) ? { ...item, inline: false } : item;
  });
  return { kind: node.kind, items } as MapNode | SeqNode;
}

function standsBeforeScalar(
  items: readonly (MapNode["items"][number] | SeqNode["items"][number])[],
  index: number,
): boolean {
  const next = items[index + 1];
  const value = next?.kind === "entry" ? next.value : next;
  return value !== undefined && value.kind !== "map" && value.kind !== "seq" && value.kind !== "comment";
}

function renderInto(
  base: ParsedFile,
  { document, metadata }: FileContent,
  {
    indent,
    quotesLines = false,
    endsLastLine = false,
  }: RenderOptions & { quotesLines?: boolean; endsLastLine?: boolean },
): string {
  const source = base.source as YamlText;
  const block = metadata && renderMetadata(metadata);
  const layout = { ...layoutOf(source.text, source.documents, { indent: indentOf(indent) }), quotesLines };
  const next = document.branches.map((branch) => ({ branch, metadata: block }));
  return spliceFile(source, next, { layout, isSealed: base.metadata !== undefined, endsLastLine });
}

function differenceTo(
  text: string,
  { document, metadata }: FileContent,
  { isFresh, options }: { isFresh: boolean; options: RenderOptions },
): string | undefined {
  const written = reread(text);
  if (written === undefined) return "";
  const isByComment = metadata?.selection?.rule.endsWith("_comment_regex") ?? false;
  const looseFloats = options.floats === "sops";
  const difference = findDifference(document, written.document, {
    allComments: isByComment && !looseFloats,
    looseFloats,
    ignoresComments: isFresh && looseFloats,
  });
  if (difference !== undefined) return difference;
  return sameMetadata(metadata, written.metadata) ? undefined : '["sops"]';
}

function reread(text: string): { document: Document; metadata: Metadata | undefined } | undefined {
  try {
    return parseText(text);
  } catch (error) {
    if (error instanceof KsealError) return undefined;
    throw error;
  }
}

function sameMetadata(meant: Metadata | undefined, written: Metadata | undefined): boolean {
  if (meant === undefined || written === undefined) return meant === written;
  return sameNode(renderMetadata(meant), renderMetadata(written));
}

function renderNode(node: TreeNode, options: RenderOptions = {}): Uint8Array {
  if (node.kind === "str") return utf8.encode(node.value);
  if (node.kind === "bytes") return node.value;
  return utf8.encode(
    printValue(node, { indent: indentOf(options.indent), floats: options.floats ?? "float" }),
  );
}
