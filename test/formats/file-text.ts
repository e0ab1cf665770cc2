import type { Metadata } from "../../src/core/metadata.ts";
import type { Comment, Document, Entry, MapNode, TreeNode } from "../../src/core/tree.ts";
import { KsealError } from "../../src/errors.ts";
import { storeFor } from "../../src/formats/detect.ts";
import { parseMetadata } from "../../src/formats/metadata-wire.ts";
import type { Format, ParsedFile, Store } from "../../src/formats/store.ts";

const utf8 = new TextEncoder();

/** A store that takes and gives texts. */
export interface TextStore {
  parse(text: string): ParsedFile;
  /** A fresh file. */
  print(document: Document, metadata?: Metadata): string;
  /** The file with another content. */
  splice(base: ParsedFile, document: Document, metadata?: Metadata): string;
}

export function textStore(store: Store): TextStore {
  const decode = (bytes: Uint8Array) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  return {
    parse: (text) => store.parse(utf8.encode(text)),
    print: (document, metadata) => decode(store.render({ document, metadata })),
    splice: (base, document, metadata) => decode(store.render({ document, metadata }, { base })),
  };
}

export const loadTextStore = async (format: Format): Promise<TextStore> => textStore(await storeFor(format));

/** The code of the error that a piece of work ends with; `ok` when it ends well. Anything else is a bug. */
export function outcome(work: () => unknown): string {
  try {
    work();
    return "ok";
  } catch (error) {
    if (error instanceof KsealError) return error.code;
    throw error;
  }
}

/** A tree from plain data: what JSON can say, whole numbers as integers. */
export function treeOf(value: unknown): TreeNode {
  if (value === null) return { kind: "null" };
  if (typeof value === "boolean") return { kind: "bool", value };
  if (typeof value === "bigint") return { kind: "int", value };
  if (typeof value === "number") {
    return Number.isInteger(value) ? { kind: "int", value: BigInt(value) } : { kind: "float", value };
  }
  if (typeof value === "string") return { kind: "str", value };
  if (Array.isArray(value)) return { kind: "seq", items: value.map(treeOf) };
  const items = Object.entries(value as object).map(
    ([key, item]): Entry => ({ kind: "entry", key, value: treeOf(item) }),
  );
  return { kind: "map", items };
}

/** A document with one branch. */
export function documentOf(value: Readonly<Record<string, unknown>>): Document {
  const branch = treeOf(value);
  return { branches: branch.kind === "map" ? [branch] : [] };
}

/** The same document with other leaves, as encrypting and decrypting make them. */
export function mapLeaves(document: Document, change: (text: string) => string): Document {
  const comment = (of: Comment): Comment => (of.text === "" ? of : { ...of, text: change(of.text) });
  const map = (of: MapNode): MapNode => ({
    kind: "map",
    items: of.items.map((item) =>
      item.kind === "comment" ? comment(item) : { ...item, value: node(item.value) },
    ),
  });
  const node = (of: TreeNode): TreeNode => {
    if (of.kind === "map") return map(of);
    if (of.kind === "str" && of.value !== "") return { kind: "str", value: change(of.value) };
    if (of.kind !== "seq") return of;
    const items = of.items.map((item) => (item.kind === "comment" ? comment(item) : node(item)));
    return { kind: "seq", items };
  };
  return { branches: document.branches.map(map) };
}

/** A sealed text that opens by being cut out: what the stores see of encryption, without the cryptography. */
export const seal = (text: string): string =>
  `ENC[AES256_GCM,data:${Buffer.from(text).toString("base64")},iv:QkJC,tag:QkJC,type:str]`;
export const open = (text: string): string =>
  text.startsWith("ENC[") ? Buffer.from(text.split(/data:|,iv/)[1] ?? "", "base64").toString() : text;

/** The metadata of a file with one age recipient. */
export const metadata: Metadata = parseMetadata(
  treeOf({
    age: [
      {
        recipient: "age1abc",
        enc: "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n",
      },
    ],
    lastmodified: "2026-01-02T03:04:05Z",
    mac: seal("mac"),
    unencrypted_suffix: "_unencrypted",
    version: "3.13.3",
  }),
).metadata;
