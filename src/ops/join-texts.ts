import { concatBytes } from "../core/concat-bytes.ts";
import { KsealError } from "../errors.ts";
import type { Format } from "../formats/store.ts";

const encoder = new TextEncoder();
const lineFeed = 0x0a;

/**
 * Joins the texts of several files to one stream that still says the same: YAML and JSON as documents, dotenv as lines.
 *
 * @throws KsealError `USAGE` for formats that cannot follow each other.
 */
export function joinTexts(
  texts: readonly { readonly content: Uint8Array; readonly format: Format }[],
): Uint8Array {
  const [first] = texts;
  if (first === undefined) return new Uint8Array();
  if (texts.length === 1) return first.content;
  const formats = new Set(texts.map(({ format }) => format));
  const asYaml = formats.has("yaml");
  const areDocuments = [...formats].every((format) => format === "yaml" || format === "json");
  const areLines = formats.size === 1 && first.format === "dotenv";
  if (!areDocuments && !areLines) {
    throw new KsealError(
      "USAGE",
      `files of these formats do not fit into one stream: ${[...formats].join(", ")}`,
      {
        hint: "write them below a folder with --out DIR",
      },
    );
  }
  const parts = texts.flatMap(({ content }, index) => {
    const body = index === 0 ? content : withoutByteOrderMark(content);
    const separator = asYaml && index > 0 ? yamlSeparator(body) : "";
    const end = body.length > 0 && body.at(-1) !== lineFeed ? "\n" : "";
    return [encoder.encode(separator), body, encoder.encode(end)];
  });
  return concatBytes(parts);
}

// A document that brings its own `---` needs none before it; one with directives needs the end of the last document.
function yamlSeparator(text: Uint8Array): string {
  const start = String.fromCharCode(...text.subarray(0, 4));
  if (/^---(\s|$)/.test(start)) return "";
  return start.startsWith("%") ? "...\n" : "---\n";
}

function withoutByteOrderMark(text: Uint8Array): Uint8Array {
  return text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf ? text.subarray(3) : text;
}
