import type { Metadata } from "../core/metadata.ts";
import type { Document } from "../core/tree.ts";

export type Format = "yaml" | "json" | "dotenv" | "ini" | "binary";

/**
 * Text of one format to tree and back.
 *
 * A store keeps what it read: given the file it started from, {@link Store.render} changes only the leaves that
 * differ and the metadata block, and leaves every other byte alone.
 */
export interface Store {
  readonly format: Format;
  /**
   * Reads a file.
   *
   * @throws KsealError `FORMAT_INVALID` with line and column, `METADATA_INVALID` for a file that claims to be encrypted
   *   and is not usable as such, `EMPTY_INPUT`, `LIMIT_EXCEEDED`.
   */
  parse(text: Uint8Array): ParsedFile;
  /**
   * Writes a file: without `base` a fresh one in the layout of SOPS, with it the same file with `next` in it. The
   * result has been parsed again and compared with `next` before it is returned.
   *
   * @throws KsealError `FORMAT_CANNOT_HOLD` naming the path that the format has no place for.
   */
  render(next: FileContent, options?: RenderOptions): Uint8Array;
  /**
   * Writes one node as SOPS prints it for `--extract`: a string raw, a map as a document, everything else as the
   * format spells it.
   */
  renderNode(node: import("../core/tree.ts").TreeNode, options?: RenderOptions): Uint8Array;
}

export interface FileContent {
  readonly document: Document;
  /** Present exactly when the file is (to be) encrypted. */
  readonly metadata: Metadata | undefined;
}

export interface ParsedFile extends FileContent {
  readonly format: Format;
  /** What a reader should know and a strict writer refuses: duplicate keys, expanded aliases. No values in it. */
  readonly warnings: readonly FormatWarning[];
  /** The store's own record of the source text. Nobody else looks into it. */
  readonly source: unknown;
}

export interface FormatWarning {
  readonly kind: "duplicate-key" | "alias-expanded" | "metadata-unknown" | "other";
  readonly message: string;
  readonly line?: number;
}

export interface RenderOptions {
  readonly base?: ParsedFile | undefined;
  /** Spaces a level (`stores` of `.sops.yaml`, `--indent`); for JSON -1 is a tab, 0 newlines only. */
  readonly indent?: number | undefined;
  /** Spell floats as SOPS does, which writes 1.0 as `1`; else a float is written so that it stays one (sops.md D20). */
  readonly floats?: "sops" | undefined;
}
