import type { Metadata } from "../core/metadata.ts";
import { KsealError } from "../errors.ts";
import type { Format, Store } from "./store.ts";

/*
 * Reads the `sops` block of a YAML file without reading the rest of it, which takes fifty times as long. It is for
 * thousands of versions of files, in which the same few lists of recipients come again and again: what differs from
 * version to version (wrapped keys, MAC, dates) is blanked, and a block that was seen before is not read again.
 *
 * Only files in the plain layout that SOPS and kseal write are read this way. Whatever could make a YAML parser see
 * another block than the one that stands there (quoted, tagged or flow keys at the left margin, several documents, the
 * word twice) goes the long way.
 */

const marginLine = /^(?:[A-Za-z_][\w.-]*:(?:[ \r]|$)|-[ \r]|-$)/;
// What the same list of recipients has another time: a wrapped key, the MAC, dates.
const changing = new RegExp(
  [
    String.raw`^( +(?:- )?)enc: (?:\|-?\n( +)-----BEGIN [A-Z ]+-----\n(?:\2[A-Za-z0-9+/=]*\n| *\n)*\2-----END [A-Z ]+-----|[\w+/=:-]+)$`,
    String.raw`^ +mac: ENC\[AES256_GCM,[A-Za-z0-9+/=,:]*\]$`,
    `^( +(?:- )?)(?:lastmodified|created_at): ["']?[0-9TZ:.+-]+["']?$`,
  ].join("|"),
  "gm",
);
const mostKept = 4096;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Reads the metadata of many files, as the stores do. */
export class MetadataGlance {
  readonly #stores: ReadonlyMap<Format, Store>;
  readonly #known = new Map<string, Metadata>();

  /** @param stores - For every format that will be asked for. */
  constructor(stores: ReadonlyMap<Format, Store>) {
    this.#stores = stores;
  }

  /**
   * The recipients and settings of a file; `undefined` for a file that is not encrypted. Wrapped keys, MAC and dates in
   * it may be those of another file.
   *
   * @throws KsealError as the stores.
   */
  read(bytes: Uint8Array, format: Format): Metadata | undefined {
    return this.readPlain(bytes, format) ?? this.#stores.get(format)?.parse(bytes).metadata;
  }

  /** The same of a file in the plain layout; `undefined` also for any other one. Throws nothing. */
  readPlain(bytes: Uint8Array, format: Format): Metadata | undefined {
    return format === "yaml" ? this.#readBlock(bytes) : undefined;
  }

  #readBlock(bytes: Uint8Array): Metadata | undefined {
    const block = blockOf(bytes);
    if (block === undefined) return undefined;
    // The context of an AWS key may have names that look like fields.
    const shape = block.includes("context:") ? block : blanked(block);
    const known = this.#known.get(shape);
    if (known !== undefined) return known;
    const metadata = this.#parseBlock(block);
    if (metadata === undefined) return undefined;
    if (this.#known.size >= mostKept) this.#known.clear();
    // A part of a text keeps the whole text in memory; a copy does not.
    this.#known.set(decoder.decode(encoder.encode(shape)), metadata);
    return metadata;
  }

  #parseBlock(block: string): Metadata | undefined {
    try {
      return this.#stores.get("yaml")?.parse(encoder.encode(block)).metadata;
    } catch (error) {
      if (error instanceof KsealError) return undefined;
      throw error;
    }
  }
}

function blockOf(bytes: Uint8Array): string | undefined {
  let text: string;
  try {
    text = decoder.decode(bytes).replace(/^---\r?\n/, "");
  } catch {
    return undefined;
  }
  // Most files have none, and need not be gone through.
  const start = text.startsWith("sops:") ? 0 : text.indexOf("\nsops:") + 1;
  if (start === 0 && !text.startsWith("sops:")) return undefined;
  const end = endOfBlock(text, start);
  const block = end === undefined ? undefined : text.slice(start, end);
  return block !== undefined && /^sops:[ \t]*\r?\n/.test(block) ? block : undefined;
}

/** Where the lines of the block end; `undefined` unless every line at the left margin is what it seems. */
function endOfBlock(text: string, start: number): number | undefined {
  let end: number | undefined;
  let hasRoot = false;
  let lineEnd = -1;
  for (let at = 0; at < text.length; at = lineEnd + 1) {
    const newline = text.indexOf("\n", at);
    lineEnd = newline < 0 ? text.length : newline;
    const kind = kindOfLine(text, at, lineEnd);
    if (kind === "blank" || (kind === "indented" && hasRoot)) continue;
    const isInBlock = at > start && end === undefined;
    // A comment ends no block, and list items may stand at the margin of their key.
    if (kind === "odd" || kind === "indented" || (isInBlock && kind !== "key")) return undefined;
    if (kind === "comment") continue;
    if (at > start && text.startsWith("sops:", at)) return undefined;
    if (isInBlock) end = at;
    hasRoot = true;
  }
  return end ?? text.length;
}

const [space, hash, dash, carriageReturn] = [0x20, 0x23, 0x2d, 0x0d];

function kindOfLine(
  text: string,
  at: number,
  lineEnd: number,
): "blank" | "indented" | "comment" | "item" | "key" | "odd" {
  if (at === lineEnd) return "blank";
  switch (text.charCodeAt(at)) {
    case carriageReturn:
      return "blank";
    case space:
      return "indented";
    case hash:
      return "comment";
    case dash:
      return marginLine.test(text.slice(at, lineEnd)) ? "item" : "odd";
    default:
      return marginLine.test(text.slice(at, lineEnd)) ? "key" : "odd";
  }
}

function blanked(block: string): string {
  return block.replace(changing, (field) => field.slice(0, field.indexOf(":")));
}
