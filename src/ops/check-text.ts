import type { TreePath } from "../core/tree-path.ts";
import { formatOfName, storeFor } from "../formats/detect.ts";
import { type Manifest, readManifest } from "../formats/manifest.ts";
import { lineAt } from "../formats/manifest-lines.ts";
import type { Format, ParsedFile } from "../formats/store.ts";
import { join } from "../sealed/object-fields.ts";
import type { FileText } from "./load-file.ts";

/** A parsed file, and the lines of what stands in it. */
export interface CheckedText extends FileText {
  readonly format: Format;
  /** The bytes as text; what is no UTF-8 replaced. */
  readonly text: string;
  readonly parsed: ParsedFile;
  /** What Kubernetes reads in it, of YAML and JSON. */
  readonly manifest: Manifest | undefined;
  /** The line, from 1, of a value. */
  readonly lineOf: (document: number, path: TreePath) => number;
}

/**
 * Parses a file of any kind, encrypted or not.
 *
 * @throws KsealError as the stores.
 */
export async function parseChecked(file: FileText): Promise<CheckedText> {
  const format = formatOfName(file.name);
  const text = new TextDecoder().decode(file.bytes);
  if (format === "yaml" || format === "json") {
    const manifest = await readManifest(file.bytes, { file: file.name, format });
    const lineOf = (document: number, path: TreePath): number => lineAt(manifest, document, path);
    return { ...file, format, text, parsed: manifest.parsed, manifest, lineOf };
  }
  const parsed = (await storeFor(format)).parse(file.bytes);
  const lineOf = (_: number, path: TreePath): number => flatLine(text, format, path);
  return { ...file, format, text, parsed, manifest: undefined, lineOf };
}

/** The line, from 1, where a text first stands at or behind another one; that of the other one, or 1, without it. */
export function lineOfText(text: string, wanted: string, from = 0): number {
  const at = wanted === "" ? -1 : text.indexOf(wanted, from);
  return lineOfOffset(text, at < 0 ? from : at);
}

function lineOfOffset(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) line += 1;
  return line;
}

/** Where the metadata of SOPS begins, in any format; 0 when it cannot be seen. */
export function metadataOffset(text: string): number {
  return Math.max(0, text.search(/^[ \t]*["']?sops["']?[ \t]*:|"sops"[ \t]*:|^\[sops\]|^sops_/m));
}

/** A path as people write it. */
export function pathText(path: TreePath): string | undefined {
  const text = path.reduce<string>(
    (above, step) => (typeof step === "number" ? `${above}[${step}]` : join(above, step)),
    "",
  );
  return text === "" ? undefined : text;
}

/** Of dotenv and INI, whose lines begin with their keys, in INI below the name of their section. */
function flatLine(text: string, format: Format, path: TreePath): number {
  const [first = "", second] = path.map(String);
  const lines = text.split("\n");
  let inSection = format === "dotenv" || second === undefined || first.toUpperCase() === "DEFAULT";
  const key = second ?? first;
  const at = lines.findIndex((line) => {
    const section = format === "ini" ? /^\s*\[(.*)\]\s*$/.exec(line)?.[1] : undefined;
    if (section !== undefined) inSection = section.trim() === first;
    return inSection && line.split(/[=:]/, 1)[0]?.trim() === key;
  });
  return at < 0 ? 1 : at + 1;
}
