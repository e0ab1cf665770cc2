import { lineStart } from "./yaml-scan.ts";
import type { DocumentSyntax, MapSyntax, SeqSyntax, Syntax } from "./yaml-syntax.ts";

/** How the author of a file lays it out, as far as new lines in it must follow. */
export interface FileLayout {
  readonly newline: "\n" | "\r\n";
  /** Spaces a level. */
  readonly indent: number;
  /** Lists stand at the column of their key. */
  readonly flatLists: boolean;
  /** Spaces a level in a new block of metadata. */
  readonly metadataIndent: number;
  /** Texts of several lines are quoted on one. */
  readonly quotesLines?: boolean;
}

/** The layout of a file: that of its first nested mapping and its first list below a key. */
export function layoutOf(
  text: string,
  documents: readonly DocumentSyntax[],
  { indent }: { readonly indent: number },
): FileLayout {
  const found: { indent?: number; flatLists?: boolean } = {};
  for (const { root } of documents) look(text, root, found);
  const newline = /\r?\n/.exec(text)?.[0] === "\r\n" ? "\r\n" : "\n";
  return { newline, indent, metadataIndent: indent, flatLists: false, ...found };
}

/** The column at which a key, a dash or a block stands. */
export function columnOf(text: string, offset: number): number {
  return offset - lineStart(text, offset);
}

function look(
  text: string,
  parent: MapSyntax | SeqSyntax,
  found: { indent?: number; flatLists?: boolean },
): void {
  if (parent.flow) return;
  for (const item of parent.items) {
    if (found.indent !== undefined && found.flatLists !== undefined) return;
    if (item.kind === "comment" || !isBlock(item.value)) continue;
    if (parent.kind === "map") compare(text, parent.start, item.value, found);
    look(text, item.value, found);
  }
}

function compare(
  text: string,
  parent: number,
  child: MapSyntax | SeqSyntax,
  found: { indent?: number; flatLists?: boolean },
): void {
  const step = columnOf(text, child.start) - columnOf(text, parent);
  if (child.kind === "seq") found.flatLists ??= step === 0;
  if (step > 0 && step < 10) found.indent ??= step;
}

function isBlock(syntax: Syntax): syntax is MapSyntax | SeqSyntax {
  return (syntax.kind === "map" || syntax.kind === "seq") && !syntax.flow && syntax.items.length > 0;
}
