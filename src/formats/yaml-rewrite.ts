import type { Scalar } from "../core/tree.ts";
import {
  canBePlain,
  canStandInBlock,
  canStandInLine,
  chooseStyle,
  isPlainSyntax,
  isString,
  isStringForSops,
  quoteDouble,
  quoteSingle,
} from "./yaml-quote.ts";
import type { ScalarStyle, ScalarSyntax } from "./yaml-syntax.ts";

/** Where a scalar stands. */
export interface ScalarPlace {
  readonly flow: boolean;
  /** The column of the key or dash it belongs to, -1 at the top. */
  readonly indent: number;
  /** The column that the lines of a new block take. */
  readonly blockColumn: number;
  /**
   * Which texts may go without quotes: those that are strings for every reader, those that are strings for SOPS, or
   * any, because a tag says that it is a string.
   */
  readonly plain: "safe" | "strings" | "any";
  /** No block is to begin here. */
  readonly quotesLines: boolean;
}

/** A scalar as it is written: what comes on the line of its key, and the lines below it. */
export interface Written {
  readonly line: string;
  readonly lines: readonly string[];
}

/** Writes a scalar in the style that the one before it had, or the nearest that can hold it. */
export function writeScalar(scalar: Scalar, style: ScalarStyle, place: ScalarPlace): Written {
  if (scalar.kind === "str") return writeText(scalar.value, style, place);
  const { text, tag } = chooseStyle(scalar, "float");
  return oneLine(tag === undefined ? text : `${tag} ${text.replaceAll("\n", "")}`);
}

function writeText(text: string, style: ScalarStyle, place: ScalarPlace): Written {
  if (style === "plain" && isPlain(text, place)) return oneLine(text);
  if (style === "single" && canStandInLine(text)) return oneLine(quoteSingle(text));
  const isBlock = style === "literal" || style === "folded" || (style === "plain" && text.includes("\n"));
  if (isBlock && !place.flow && !place.quotesLines && canStandInBlock(text)) return writeLiteral(text, place);
  if (style === "plain" && !place.flow && canStandInLine(text) && isString(text)) {
    return oneLine(quoteSingle(text));
  }
  return oneLine(quoteDouble(text, { keepsCharacters: true }));
}

function isPlain(text: string, { flow, plain }: ScalarPlace): boolean {
  if (canBePlain(text, { flow })) return true;
  if (flow || plain === "safe" || !isPlainSyntax(text)) return false;
  return plain === "any" || isStringForSops(text);
}

function oneLine(line: string): Written {
  return { line, lines: [] };
}

function writeLiteral(text: string, { indent, blockColumn }: ScalarPlace): Written {
  const needsDigit = /^\n*[ \t]/.test(text);
  const digit = needsDigit ? String(blockColumn - Math.max(indent, 0)) : "";
  return { line: `|${digit}${chompingMark(text)}`, lines: blockLines(text, blockColumn) };
}

/** The lines of a literal block, without the breaks between them. */
function blockLines(text: string, column: number): string[] {
  const margin = " ".repeat(column);
  const lines = text.replace(/\n$/, "").split("\n");
  return lines.map((line) => (line === "" ? "" : margin + line));
}

function chompingMark(text: string): "" | "-" | "+" {
  if (!text.endsWith("\n")) return "-";
  return text.endsWith("\n\n") ? "+" : "";
}

/** What changes in a block scalar: its header up to the comment, and its lines. */
export interface BlockRewrite {
  /** Replaces the indicator and what belongs to it: `|2-`. */
  readonly header: string;
  readonly lines: readonly string[];
}

/**
 * Puts a text into a block scalar that is there already, and keeps its header where that says the same of the new
 * text.
 *
 * @param header - The indicator with digit and chomping mark.
 * @returns `undefined` when a block cannot hold the text.
 */
export function rewriteBlock(
  text: string,
  old: { readonly header: string; readonly syntax: ScalarSyntax },
  place: ScalarPlace,
): BlockRewrite | undefined {
  const { block } = old.syntax;
  if (!block || !canStandInBlock(text)) return undefined;
  const column = block.column >= 0 ? block.column : place.blockColumn;
  // The breaks behind an encrypted value are taken off when it is read, whatever the header says of them.
  if (text.startsWith("ENC[") && !text.includes("\n")) {
    return { header: old.header, lines: [" ".repeat(column) + text] };
  }
  const folded = old.header.startsWith(">") ? foldedLines(text, column) : undefined;
  const oldDigit = /[1-9]/.exec(old.header)?.[0];
  const needsDigit = /^\n*[ \t]/.test(text);
  const digit = oldDigit ?? (needsDigit ? String(column - Math.max(place.indent, 0)) : "");
  if (digit !== "" && !/^[1-9]$/.test(digit)) return undefined;
  // A block that keeps its breaks holds one as well as many.
  const chomping = old.header.includes("+") && text.endsWith("\n") ? "+" : chompingMark(text);
  const header = `${folded ? ">" : "|"}${digit}${chomping}`;
  return {
    header: sameHeader(header, old.header) ? old.header : header,
    lines: folded ?? blockLines(text, column),
  };
}

// `|-2` and `|2-` are the same.
function sameHeader(a: string, b: string): boolean {
  return [...a].sort().join("") === [...b].sort().join("");
}

/**
 * The lines of a folded block, each paragraph on one line. Between two lines one more blank line stands than the text
 * has, unless one of them begins with a blank: around such lines nothing is folded.
 */
function foldedLines(text: string, column: number): string[] {
  const trailing = Math.max((/\n*$/.exec(text)?.[0].length ?? 0) - 1, 0);
  const margin = " ".repeat(column);
  const written: string[] = [];
  let last: string | undefined;
  let blank = 0;
  for (const line of text.replace(/\n+$/, "").split("\n")) {
    if (line === "") {
      blank++;
      continue;
    }
    const isFolded = last !== undefined && !/^[ \t]/.test(last) && !/^[ \t]/.test(line);
    written.push(...new Array<string>(isFolded ? blank + 1 : blank).fill(""), margin + line);
    last = line;
    blank = 0;
  }
  return [...written, ...new Array<string>(trailing).fill("")];
}
