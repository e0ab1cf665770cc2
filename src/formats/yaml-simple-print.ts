import type { MapNode, Scalar, SeqNode, TreeNode } from "../core/tree.ts";
import { chooseStyle, quoteDouble, quoteSingle, type ScalarText } from "./yaml-quote.ts";

const step = "  ";
const longestKey = 32;
// Blank lines, and blanks at the ends of a block, have to do with its header.
const simpleBlock = /^[^ \n][^\n]*(?:\n[^\n]+)*\n?$/;
// Other characters are spelt in several ways; what claims to be encrypted loses its last line break; and the merge key
// gets a tag.
const simpleText = /^(?!ENC\[|<<$)[\n\x20-\x7e]*$/;

/**
 * Prints a mapping as an element of a list at the left margin, the way kyaml prints what it has read: the text that goes
 * behind the dash.
 *
 * @returns `undefined` unless that is also what comes out when the mapping is printed for SOPS, read and printed anew:
 *   for comments, and for texts of which it depends on where they stand how they are written.
 */
export function printSimpleElement(map: MapNode): string | undefined {
  return map.items.length === 0 ? undefined : behind(map, "", "seq");
}

/** What stands behind the colon or the dash at a margin. A list begins at the column of its key. */
function behind(node: TreeNode, margin: string, parent: "map" | "seq"): string | undefined {
  if (node.kind !== "map" && node.kind !== "seq") return scalar(node, margin);
  if (node.items.length === 0) return node.kind === "map" ? " {}\n" : " []\n";
  const column = node.kind === "seq" && parent === "map" ? margin : margin + step;
  const lines = node.kind === "map" ? mapLines(node, column) : seqLines(node, column);
  if (lines === undefined) return undefined;
  return parent === "map" ? `\n${column}${lines}` : ` ${lines}`;
}

/** The lines of a mapping at a margin; it is left out before the first. */
function mapLines({ items }: MapNode, margin: string): string | undefined {
  let lines = "";
  for (const item of items) {
    const key = item.kind === "entry" ? keyText(item.key) : undefined;
    const value = item.kind === "entry" ? behind(item.value, margin, "map") : undefined;
    if (key === undefined || value === undefined) return undefined;
    lines += `${lines === "" ? "" : margin}${key}:${value}`;
  }
  return lines;
}

function seqLines({ items }: SeqNode, margin: string): string | undefined {
  let lines = "";
  for (const item of items) {
    const value = item.kind === "comment" ? undefined : behind(item, margin, "seq");
    if (value === undefined) return undefined;
    lines += `${lines === "" ? "" : margin}-${value}`;
  }
  return lines;
}

function keyText(key: string): string | undefined {
  if (key.length > longestKey || key.includes("\n") || !simpleText.test(key)) return undefined;
  return inLine(chooseStyle({ kind: "str", value: key }, "sops"));
}

function scalar(node: Scalar, margin: string): string | undefined {
  if (node.kind === "bytes" || (node.kind === "str" && !simpleText.test(node.value))) return undefined;
  const chosen = chooseStyle(node, "sops");
  if (chosen.style !== "literal") return ` ${inLine(chosen)}\n`;
  if (!simpleBlock.test(chosen.text)) return undefined;
  const ends = chosen.text.endsWith("\n");
  const lines = ends ? chosen.text.slice(0, -1) : chosen.text;
  const column = margin + step;
  return ` ${ends ? "|" : "|-"}\n${column}${lines.replaceAll("\n", `\n${column}`)}\n`;
}

function inLine({ text, style }: ScalarText): string {
  if (style === "single") return quoteSingle(text);
  return style === "plain" ? text : quoteDouble(text);
}
