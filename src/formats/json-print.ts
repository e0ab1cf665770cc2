import type { Entry, TreeNode } from "../core/tree.ts";
import { printTreePath, type TreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";

/** How a JSON text is laid out. Without `newline` everything stands on one line. */
export interface JsonLayout {
  readonly newline: string;
  /** One level of indentation. */
  readonly unit: string;
  /** Between key and value. */
  readonly colon: string;
}

/**
 * Prints a node as SOPS does; comments have no place in JSON and are left out.
 *
 * @param indentation - What the line starts with on which the node begins.
 * @throws KsealError `FORMAT_CANNOT_HOLD` for infinity, NaN and bytes that are not UTF-8.
 */
export function printJson(node: TreeNode, layout: JsonLayout, indentation = "", path: TreePath = []): string {
  const parts: string[] = [];
  printInto(parts, node, { layout, indentation, path });
  return parts.join("");
}

/** A text with the escapes that Go's encoder writes: also `<`, `>`, `&` and the line separators. */
export function printJsonText(text: string): string {
  if (!special.test(text)) return `"${text}"`;
  return `"${text.replace(specials, escapeCharacter)}"`;
}

/** A float as SOPS spells it in JSON: like ECMAScript, but it keeps the sign of zero. */
export function printJsonFloat(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

interface Place {
  readonly layout: JsonLayout;
  readonly indentation: string;
  readonly path: TreePath;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON escapes exactly these
const special = /["\\<>&\u0000-\u001f\u2028\u2029]/;
const specials = new RegExp(special.source, "g");

const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

function escapeCharacter(character: string): string {
  return shortEscapes[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function printInto(parts: string[], node: TreeNode, place: Place): void {
  switch (node.kind) {
    case "str":
      parts.push(printJsonText(node.value));
      return;
    case "int":
      parts.push(node.value.toString());
      return;
    case "float":
      if (!Number.isFinite(node.value)) throw cannotHold("infinity and NaN", place.path);
      parts.push(printJsonFloat(node.value));
      return;
    case "bool":
      parts.push(String(node.value));
      return;
    case "time":
      parts.push(`"${node.value}"`);
      return;
    case "null":
      parts.push("null");
      return;
    case "bytes":
      parts.push(printJsonText(textOfBytes(node.value, place.path)));
      return;
    case "map":
      printItems(
        parts,
        node.items.filter((item) => item.kind === "entry"),
        "{}",
        place,
      );
      return;
    case "seq":
      printItems(
        parts,
        node.items.filter((item) => item.kind !== "comment"),
        "[]",
        place,
      );
      return;
  }
}

function printItems(
  parts: string[],
  items: readonly (Entry | TreeNode)[],
  brackets: "{}" | "[]",
  { layout, indentation, path }: Place,
): void {
  if (items.length === 0) {
    parts.push(brackets);
    return;
  }
  const inner = indentation + layout.unit;
  for (const [index, item] of items.entries()) {
    parts.push(index === 0 ? brackets.slice(0, 1) : ",", layout.newline === "" ? "" : layout.newline + inner);
    if (item.kind === "entry") parts.push(printJsonText(item.key), layout.colon);
    const [step, value] = item.kind === "entry" ? [item.key, item.value] : [index, item];
    printInto(parts, value, { layout, indentation: inner, path: [...path, step] });
  }
  parts.push(layout.newline === "" ? "" : layout.newline + indentation, brackets.slice(1));
}

function textOfBytes(bytes: Uint8Array, path: TreePath): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw cannotHold("bytes that are not UTF-8", path);
  }
}

function cannotHold(what: string, path: TreePath): KsealError {
  const where = path.length === 0 ? {} : { path: printTreePath(path) };
  return new KsealError("FORMAT_CANNOT_HOLD", `JSON has no place for ${what}`, { where });
}
