import type { TreeNode } from "../core/tree.ts";
import { KsealError } from "../errors.ts";
import type { Manifest } from "../formats/manifest.ts";
import { printObjects } from "../formats/manifest-print.ts";
import { field, type JsonObject } from "../sealed/object-fields.ts";
import { expandList } from "../sealed/secret.ts";

/** One object of a file that is converted, with what may go along as it is. */
export interface ObjectPart {
  readonly object: JsonObject;
  readonly line: number | undefined;
  /** The comments in front of the object, each with its line break. */
  readonly head: string;
  /** Whether there are more comments, for which the other format has no place. */
  readonly hasMore: boolean;
  /** The document as it stands in the file; of an item of a list, as it is printed. */
  readonly text: string;
}

/**
 * Takes a file of Kubernetes objects apart: one part for each object, those of lists included.
 *
 * @param published - The text whose leading comments may be kept: that of the file in Git, where encrypted comments are
 *   encrypted. `undefined` keeps none: nobody has seen these comments yet.
 */
export function partsOf(
  manifest: Manifest,
  text: string,
  published: string | undefined,
): readonly ObjectPart[] {
  const { format, documents } = manifest;
  const filled = documents.filter(({ object }) => object !== undefined);
  const texts = format === "yaml" ? documentTexts(text) : [];
  const heads = published === undefined || format === "json" ? [] : documentTexts(published).map(headOf);
  if (format === "yaml" && texts.length !== filled.length) {
    throw new KsealError("FORMAT_INVALID", "the documents of the file cannot be told apart", {
      hint: "begin each with a line of three dashes",
    });
  }
  return filled.flatMap(({ object, line, index }, at) => {
    const items = expandList(object);
    const head = heads.length === filled.length ? (heads[at] ?? "") : "";
    const comments = commentsIn(manifest.parsed.document.branches[index]);
    return items.map((item, order): ObjectPart => {
      const isWhole = items.length === 1 && item === object && format === "yaml";
      const own = texts[at] ?? "";
      return {
        object: item,
        line,
        head: order === 0 ? head : "",
        hasMore: order === 0 && comments > lineCount(head),
        text: isWhole ? withMarker(own) : new TextDecoder().decode(printObjects([item], format)),
      };
    });
  });
}

/** A printed object with comments in front of it. */
export function withHead(printed: string, head: string): string {
  return head === "" ? printed : printed.replace(/^---\n/, `---\n${head}`);
}

/** Whether an object is of this kind and version. */
export function isKind(object: JsonObject, kind: string, apiVersion: RegExp): boolean {
  const version = field(object, "apiVersion");
  return field(object, "kind") === kind && typeof version === "string" && apiVersion.test(version);
}

/** Nothing else than the beginning of a document has three dashes at the beginning of a line. */
function documentTexts(text: string): readonly string[] {
  const texts: string[] = [];
  let waiting = "";
  for (const part of text.split(/^(?=---(?:[ \t\r\n]|$))/m)) {
    if (!holdsSomething(part)) {
      waiting += part.replace(/^---[^\n]*\n?/, "");
      continue;
    }
    texts.push(waiting === "" ? part : part.replace(/^(---[^\n]*\n)?/, `$1${escaped(waiting)}`));
    waiting = "";
  }
  return texts;
}

/** In a replacement a dollar sign means something. */
function escaped(text: string): string {
  return text.replaceAll("$", "$$$$");
}

function holdsSomething(part: string): boolean {
  const lines = part.replace(/^---/, "").split("\n");
  return lines.some((line) => !/^\s*(#.*)?$/.test(line) && !/^(%|\.\.\.\s*$)/.test(line));
}

function headOf(part: string): string {
  const lines = part.replace(/^---[ \t]*(#[^\n]*)?\r?\n/, "").split("\n");
  const end = lines.findIndex((line) => !/^\s*(#.*)?$/.test(line));
  return lines
    .slice(0, Math.max(end, 0))
    .filter((line) => /^\s*#/.test(line) && !line.includes("ENC[AES256_GCM,"))
    .map((line) => `${line.trim()}\n`)
    .join("");
}

function withMarker(text: string): string {
  const ended = text.endsWith("\n") ? text : `${text}\n`;
  return /^---(?:[ \t\r\n]|$)/.test(ended) ? ended : `---\n${ended}`;
}

function commentsIn(node: TreeNode | undefined): number {
  if (node?.kind !== "map" && node?.kind !== "seq") return 0;
  return node.items.reduce((sum, item) => {
    if (item.kind === "comment") return sum + lineCount(`${item.text}\n`);
    return sum + commentsIn(item.kind === "entry" ? item.value : item);
  }, 0);
}

function lineCount(text: string): number {
  return text.split("\n").length - 1;
}
