import type { Metadata } from "../core/metadata.ts";
import type { Comment, Entry, MapNode, TreeNode } from "../core/tree.ts";
import { alignItems, sameNode } from "../core/tree-diff.ts";
import { flatten, unflatten } from "./flatten.ts";
import { parseMetadata, renderMetadata } from "./metadata-wire.ts";
import { cannotHold, spellScalar } from "./scalar-spelling.ts";
import { decodeSource, invalid } from "./source-text.ts";
import type { FileContent, FormatWarning, ParsedFile, Store } from "./store.ts";

/*
 * A line is `KEY=value`, `#comment` or empty. Nothing is trimmed or quoted, the carriage return of a Windows file
 * belongs to the value, and the two characters `\n` in a value stand for a line break (sops.md 4.5, D24).
 * The metadata is flat, its keys begin with `sops_`.
 */

const prefix = "sops_";
const root = { format: "dotenv", path: [] } as const;

/** Dotenv: one flat list of texts. */
export const dotenvStore: Store = {
  format: "dotenv",
  parse: (bytes) => parseDotenv(decodeSource(bytes)),
  render: (next, { base } = {}) =>
    new TextEncoder().encode(renderDotenv(next, base?.format === "dotenv" ? base : undefined)),
  renderNode(node) {
    if (node.kind === "map") {
      return dotenvStore.render({ document: { branches: [node] }, metadata: undefined });
    }
    if (node.kind !== "str") throw cannotHold("a single value that is no text", root);
    return new TextEncoder().encode(node.value);
  },
};

type TextEntry = Entry & { readonly value: { readonly kind: "str"; readonly value: string } };

/** What the tree does not say about the text it was read from. */
interface DotenvSource {
  /** The number of empty lines above each item. */
  readonly blanks: readonly number[];
  /** The number of empty lines at the end, the metadata aside. */
  readonly blanksAtEnd: number;
  /** The number of items above the metadata. */
  readonly metadataAt: number;
  readonly endsWithNewline: boolean;
}

const freshSource: DotenvSource = {
  blanks: [],
  blanksAtEnd: 0,
  metadataAt: Number.POSITIVE_INFINITY,
  endsWithNewline: true,
};

function parseDotenv(text: string): ParsedFile {
  const items: (TextEntry | Comment)[] = [];
  const blanks: number[] = [];
  const metadataFields: TextEntry[] = [];
  const warnings: FormatWarning[] = [];
  const keys = new Set<string>();
  let metadataAt: number | undefined;
  let blanksAtEnd = 0;
  for (const { line, number, offset } of linesIn(text)) {
    const item = line === "" ? undefined : parseLine(line, text, offset);
    if (item === undefined) {
      blanksAtEnd++;
    } else if (item.kind === "entry" && item.key.startsWith(prefix)) {
      metadataAt ??= items.length;
      metadataFields.push({ ...item, key: item.key.slice(prefix.length) });
    } else {
      if (item.kind === "entry" && keys.has(item.key)) warnings.push(duplicate(item.key, number));
      if (item.kind === "entry") keys.add(item.key);
      items.push(item);
      blanks.push(blanksAtEnd);
      blanksAtEnd = 0;
    }
  }
  const block = metadataAt === undefined ? undefined : parseMetadata(unflatten(metadataFields));
  const source: DotenvSource = {
    blanks,
    blanksAtEnd,
    metadataAt: metadataAt ?? Number.POSITIVE_INFINITY,
    endsWithNewline: text === "" || text.endsWith("\n"),
  };
  return {
    format: "dotenv",
    document: { branches: [{ kind: "map", items }] },
    metadata: block?.metadata,
    warnings: [...warnings, ...(block?.warnings ?? [])],
    source,
  };
}

function* linesIn(text: string): Generator<{ line: string; number: number; offset: number }> {
  let number = 1;
  for (let offset = 0; offset < text.length; number++) {
    const newline = text.indexOf("\n", offset);
    const end = newline === -1 ? text.length : newline;
    yield { line: text.slice(offset, end), number, offset };
    offset = end + 1;
  }
}

function parseLine(line: string, text: string, offset: number): TextEntry | Comment {
  if (line.startsWith("#")) return { kind: "comment", text: line.slice(1), inline: false };
  const equals = line.indexOf("=");
  if (equals === -1) {
    const hint =
      line === "\r" ? "an empty line must not hold a carriage return: save the file with LF" : undefined;
    // Never the line itself: it may be the second line of a secret (sops.md D23).
    throw invalid(text, offset, "the line is neither KEY=value nor a #comment", hint);
  }
  const value = line.slice(equals + 1).replaceAll("\\n", "\n");
  return { kind: "entry", key: line.slice(0, equals), value: { kind: "str", value } };
}

function duplicate(key: string, line: number): FormatWarning {
  return { kind: "duplicate-key", message: `the key ${JSON.stringify(key)} stands twice`, line };
}

function renderDotenv(next: FileContent, base: ParsedFile | undefined): string {
  const { branches } = next.document;
  if (branches.length > 1) throw cannotHold(`${branches.length} documents`, root);
  const items = branches[0]?.items ?? [];
  // Written by parseDotenv; nobody else fills it for this format.
  const source = (base?.source as DotenvSource | undefined) ?? freshSource;
  const origins = alignItems(base?.document.branches[0]?.items ?? [], items);
  const lines = items.map((item, index) => {
    const blanks = source.blanks[origins[index] ?? -1] ?? 0;
    return "\n".repeat(blanks) + printItem(item);
  });
  lines.push("\n".repeat(source.blanksAtEnd));
  if (next.metadata) {
    const below = origins.findIndex((origin) => origin !== undefined && origin >= source.metadataAt);
    lines.splice(below === -1 ? lines.length : below, 0, printMetadata(next.metadata));
  }
  const text = lines.join("");
  verify(text, items);
  return source.endsWithNewline ? text : text.slice(0, -1);
}

function printMetadata(metadata: Metadata): string {
  return flatten(renderMetadata(metadata))
    .map(({ key, value }) => `${prefix}${key}=${printValue(value, key)}\n`)
    .join("");
}

function printItem(item: Entry | Comment): string {
  // A comment of another format may have several lines.
  if (item.kind === "comment") return `#${item.text.replaceAll("\n", "\n#")}\n`;
  const place = { format: "dotenv", path: [item.key] };
  if (item.key.startsWith(prefix))
    throw cannotHold(`a key that begins with ${prefix}: these are metadata`, place);
  if (/^#|[=\n]/.test(item.key)) throw cannotHold("a key with #, = or a line break", place);
  return `${item.key}=${printValue(item.value, item.key)}\n`;
}

function printValue(node: TreeNode, key: string): string {
  return spellScalar(node, { format: "dotenv", path: [key] }).replaceAll("\n", "\\n");
}

/** Reads the text back before anybody writes it: what it says must be what was meant. */
function verify(text: string, items: MapNode["items"]): void {
  const [written] = parseDotenv(text).document.branches;
  const meant = items.flatMap((item): (Entry | Comment)[] => {
    if (item.kind === "comment")
      return item.text.split("\n").map((line) => ({ ...item, text: line, inline: false }));
    // A backslash and an n of another format's text become a line break here: sops.md D24.
    const value = spellScalar(item.value, { format: "dotenv", path: [item.key] }).replaceAll("\\n", "\n");
    return [{ ...item, value: { kind: "str", value } }];
  });
  if (written === undefined || !sameNode(written, { kind: "map", items: meant })) {
    // A bug of kseal, which must not reach the user's file.
    throw new Error("the dotenv file that was written does not say what was meant");
  }
}
