import type { FileText } from "./load-file.ts";

/**
 * The parts of a stream of YAML documents that were encrypted together, or not at all.
 *
 * What `kustomize build` prints comes from many files: each encrypted one brings its own metadata of SOPS, and would not
 * open together with others. The documents of one file have the same MAC. Other texts stay whole.
 */
export function splitStream(text: FileText): readonly FileText[] {
  const content = new TextDecoder().decode(text.bytes);
  const documents = content.split(/^---(?=[ \t\r]*(?:#.*)?$)/m);
  const macs = documents.map(macOf);
  if (content.trimStart().startsWith("{") || new Set(macs).size <= 1) return [text];
  const groups: { readonly mac: string; readonly documents: string[] }[] = [];
  for (const [at, document] of documents.entries()) {
    const mac = macs[at] ?? "";
    const last = groups.at(-1);
    if (last?.mac === mac) last.documents.push(document);
    else if (document.trim() !== "") groups.push({ mac, documents: [document] });
  }
  return groups.map(({ documents: own }) => ({
    ...text,
    bytes: new TextEncoder().encode(own.join("---")),
  }));
}

function macOf(document: string): string {
  const [, block = ""] = /^["']?sops["']?:[^\n]*\n((?:[ \t]+.*\n|\n)*)/m.exec(`${document}\n`) ?? [];
  return /^[ \t]+["']?mac["']?:[ \t]*(.+)$/m.exec(block)?.[1]?.trim() ?? "";
}
