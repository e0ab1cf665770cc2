import { concatBytes } from "../core/concat-bytes.ts";
import type { MapNode, TreeNode } from "../core/tree.ts";
import { KsealError } from "../errors.ts";
import { jsonStore } from "./json.ts";
import { isEscaped } from "./json-read.ts";
import type { Manifest } from "./manifest.ts";
import { decodeSource, invalid, linesOf, placeOf } from "./source-text.ts";
import type { ParsedFile } from "./store.ts";

/** The objects of a text, each with the white space in front of it, and what stands behind the last one. */
export interface JsonParts {
  readonly parts: readonly { readonly lead: string; readonly parsed: ParsedFile }[];
  readonly tail: string;
}

const encoder = new TextEncoder();

/** Reads JSON objects that stand one behind the other. @throws KsealError as `readManifest` of `manifest.ts`. */
export function readJsonManifest(bytes: Uint8Array): Manifest {
  const text = decodeSource(bytes);
  if (text.length === 0) throw new KsealError("EMPTY_INPUT", "the file is empty");
  const spans = objectsOf(text);
  const lines = linesOf(
    text,
    spans.map(({ start }) => start),
  );
  const parts = spans.map(({ start, end }, at) => ({
    lead: text.slice(spans[at - 1]?.end ?? 0, start),
    parsed: parseAt(text, start, end),
  }));
  const [first] = parts;
  const source: JsonParts = { parts, tail: text.slice(spans.at(-1)?.end ?? 0) };
  const duplicates = parts.flatMap(({ parsed }, at) =>
    parsed.warnings
      .filter(({ kind }) => kind === "duplicate-key")
      .map(({ message, line = 1 }) => ({
        kind: "duplicate-key" as const,
        message,
        line: line + (lines[at] ?? 1) - 1,
      })),
  );
  return {
    format: "json",
    documents: parts.map(({ parsed }, index) => ({
      index,
      line: lines[index],
      object: plain(parsed.document.branches[0] ?? { kind: "null" }),
    })),
    warnings: duplicates,
    parsed: {
      format: "json",
      document: { branches: parts.flatMap(({ parsed }) => parsed.document.branches) },
      metadata: first?.parsed.metadata,
      warnings: [],
      source,
    },
  };
}

/** Writes the objects of a file anew, what did not change byte for byte as it was. */
export function writeJsonManifest(base: ParsedFile, branches: readonly MapNode[]): Uint8Array {
  const { parts, tail } = base.source as JsonParts;
  const written = parts.flatMap(({ lead, parsed }, index) => {
    const branch = branches[index] ?? { kind: "map", items: [] };
    const content = { document: { branches: [branch] }, metadata: parsed.metadata };
    return [encoder.encode(lead), jsonStore.render(content, { base: parsed })];
  });
  return concatBytes([...written, encoder.encode(tail)]);
}

/** Where the objects at the top begin and end. What is wrong inside one is found when it is parsed. */
function objectsOf(text: string): readonly { readonly start: number; readonly end: number }[] {
  const spans: { start: number; end: number }[] = [];
  const space = /[ \t\n\r]*/y;
  for (let at = skip(0); at < text.length; at = skip(spans.at(-1)?.end ?? text.length)) {
    if (text[at] !== "{") {
      throw spans.length === 0
        ? invalid(text, at, "the JSON is not an object at the top")
        : invalid(text, at, "there is data after the JSON's closing brace");
    }
    spans.push({ start: at, end: endOfObject(text, at) });
  }
  if (spans.length === 0) throw new KsealError("EMPTY_INPUT", "the file is empty");
  return spans;

  function skip(from: number): number {
    space.lastIndex = from;
    return from + (space.exec(text)?.[0].length ?? 0);
  }
}

function endOfObject(text: string, start: number): number {
  const mark = /["{}]/g;
  mark.lastIndex = start;
  let depth = 0;
  for (let found = mark.exec(text); found; found = mark.exec(text)) {
    if (found[0] === '"') mark.lastIndex = endOfString(text, found.index);
    else depth += found[0] === "{" ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  return text.length;
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end + 1;
}

function parseAt(text: string, start: number, end: number): ParsedFile {
  try {
    return jsonStore.parse(encoder.encode(text.slice(start, end)));
  } catch (error) {
    if (!(error instanceof KsealError) || error.where?.line === undefined) throw error;
    // The place is inside the object.
    const { code, message, hint, where, cause } = error;
    const before = placeOf(text, start);
    const line = (where.line ?? 1) + (before.line ?? 1) - 1;
    const column = (where.column ?? 1) + (where.line === 1 ? (before.column ?? 1) - 1 : 0);
    throw new KsealError(code, message, { hint, cause, where: { ...where, line, column } });
  }
}

/** A node as JSON has it. */
function plain(node: TreeNode): unknown {
  switch (node.kind) {
    case "map": {
      const object: Record<string, unknown> = Object.create(null);
      for (const item of node.items) {
        if (item.kind === "entry") object[item.key] = plain(item.value);
      }
      return object;
    }
    case "seq":
      return node.items.flatMap((item) => (item.kind === "comment" ? [] : [plain(item)]));
    case "null":
      return null;
    case "int":
      return Number(node.value);
    default:
      return node.value;
  }
}
