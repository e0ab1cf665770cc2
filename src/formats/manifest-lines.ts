import type { Comment, Entry, TreeNode } from "../core/tree.ts";
import type { TreePath } from "../core/tree-path.ts";
import type { JsonSpan } from "./json-read.ts";
import type { JsonSource } from "./json-splice.ts";
import type { Manifest } from "./manifest.ts";
import type { JsonParts } from "./manifest-json.ts";
import { booleanOf } from "./manifest-yaml.ts";
import { keyName } from "./yaml-key.ts";
import type { YamlText } from "./yaml-read.ts";
import type { ScalarSyntax, Syntax } from "./yaml-syntax.ts";

/**
 * The line, from 1, of what stands at a place of a manifest; that of what is around it where nothing does.
 *
 * @param document - `ManifestDocument.index`.
 * @param path - Into the document, with the names that Kubernetes reads.
 */
export function lineAt(manifest: Manifest, document: number, path: TreePath): number {
  return manifest.format === "yaml"
    ? yamlLine(manifest.parsed.source as YamlText, document, path)
    : jsonLine(manifest.parsed.source as JsonParts, document, path);
}

function yamlLine({ text, documents }: YamlText, index: number, path: TreePath): number {
  const document = documents[index];
  if (document === undefined) return 1;
  const { root, start } = document;
  const first = root.items.find(({ kind }) => kind === "entry")?.start ?? start;
  return lineOf(text, yamlOffset(root, path, first));
}

function yamlOffset(syntax: Syntax, [step, ...rest]: TreePath, offset: number): number {
  if (step === undefined) return offset;
  if (syntax.kind === "map") {
    const entry = syntax.items.findLast((item) => item.kind === "entry" && nameOf(item.key) === step);
    return entry?.kind === "entry" ? yamlOffset(entry.value, rest, entry.start) : offset;
  }
  if (syntax.kind !== "seq") return offset;
  const element = syntax.items.filter(({ kind }) => kind === "element")[Number(step)];
  return element?.kind === "element" ? yamlOffset(element.value, rest, element.start) : offset;
}

function nameOf(key: ScalarSyntax): string {
  const boolean = booleanOf(key);
  return boolean === undefined ? keyName(key) : String(boolean);
}

function jsonLine({ parts }: JsonParts, index: number, path: TreePath): number {
  const part = parts[index];
  if (part === undefined) return 1;
  const source = part.parsed.source as JsonSource;
  const before = parts
    .slice(0, index)
    .map(({ lead, parsed }) => lead + (parsed.source as JsonSource).text)
    .join("");
  const lead = before + part.lead;
  return lineOf(lead + source.text, lead.length + jsonOffset(source, path));
}

function jsonOffset({ root, span }: JsonSource, path: TreePath): number {
  return memberOffset(root, span, path);
}

function memberOffset(node: TreeNode, span: JsonSpan, [step, ...rest]: TreePath): number {
  if (step === undefined || (node.kind !== "map" && node.kind !== "seq")) return span.start;
  const items: readonly (Entry | Comment | TreeNode)[] = node.items;
  const at =
    typeof step === "number"
      ? step
      : items.findLastIndex((item) => item.kind === "entry" && item.key === step);
  const [item, member] = [items[at], span.members[at]];
  if (item === undefined || item.kind === "comment" || member === undefined) return span.start;
  const inside = item.kind === "entry" ? item.value : item;
  // A member begins at its key, and what is below it where it begins itself.
  return rest.length === 0 ? member.start : memberOffset(inside, member.span, rest);
}

function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) line += 1;
  return line;
}
