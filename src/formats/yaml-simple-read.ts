import type { Entry, Scalar, TreeNode } from "../core/tree.ts";
import type { YamlText } from "./yaml-read.ts";
import { resolvePlain } from "./yaml-scalar.ts";
import {
  type ElementSyntax,
  type EntrySyntax,
  type MapSyntax,
  reachOf,
  type ScalarStyle,
  type ScalarSyntax,
  type SeqSyntax,
  type Syntax,
} from "./yaml-syntax.ts";

// Comments (any `#`), tabs, CR, and characters that some reader of YAML takes for a blank, a line break or nothing.
const others = /[^\n\x20-\x22\x24-\x7e\xa1-\u167f\u2070-\u2fff\u3001-\ud7ff]/;
/** `key:` with a mapping or list below, or `key: value`. */
const pair = /([A-Za-z_][\w./-]*):(?: ([^ \n][^\n]*))?\n/y;
const startsPlain = /^[^ \-?:,[\]{}&*!|>'"%@`]/;
const singleQuoted = /^'[^']*'$/;
const doubleQuoted = /^"[^"\\]*"$/;
// Each level costs several frames of the stack.
const deepest = 100;

/** Thrown where something stands that is left to the other reader, to read it or to say what is wrong with it. */
const notSimple = Symbol("not simple");

/**
 * Reads the YAML that most encrypted files, and what Kustomize sends, consist of: one document of block mappings and
 * lists, with scalars on a line or below a `|`. The result is the same as that of the reader for all of YAML, in a
 * fraction of the time, which a process for one small file would spend for the most part there.
 *
 * @returns `undefined` for every other text, right or wrong.
 */
export function readSimpleYaml(text: string): YamlText | undefined {
  if (hasOddLines(text) || others.test(text)) return undefined;
  try {
    const root = new SimpleReader(text).map(0);
    const document = { root, content: "map", start: 0, end: root.reach, explicitStart: false } as const;
    return { text, documents: [document], duplicates: [], aliases: [], remarks: [] };
  } catch (error) {
    if (error === notSimple) return undefined;
    throw error;
  }
}

/** Whether there is a blank line, a blank at the end of a line, or no line break at the end. */
function hasOddLines(text: string): boolean {
  return !text.endsWith("\n") || text.startsWith("\n") || text.includes("\n\n") || text.includes(" \n");
}

class SimpleReader {
  readonly #text: string;
  /** Where a line begins, or what is to be read of one. */
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Reads a mapping from its first key on. The others begin at the column, each on a line of its own. */
  map(column: number): MapSyntax {
    this.#enter();
    const start = this.#at;
    const items: EntrySyntax[] = [];
    const nodes: Entry[] = [];
    const seen = new Set<string>();
    do {
      if (items.length > 0) this.#at += column;
      const begin = this.#at;
      pair.lastIndex = begin;
      const found = pair.exec(this.#text);
      const name = found?.[1];
      if (found === null || name === undefined || seen.has(name)) throw notSimple;
      seen.add(name);
      const key = scalarAt(begin, name, "plain", resolvePlain(name));
      if (key.node.kind !== "str") throw notSimple;
      this.#at = pair.lastIndex;
      const rest = found[2];
      const value = rest === undefined ? this.#below(column) : this.#value(rest, key.end + 2, column);
      items.push({ kind: "entry", key, value, start: begin, end: reachOf(value) });
      nodes.push({ kind: "entry", key: name, value: value.node });
    } while (this.#goesOn(column));
    this.#depth--;
    const reach = items.at(-1)?.end ?? start;
    const node = { kind: "map", items: nodes } as const;
    return { kind: "map", flow: false, properties: undefined, items, node, start, end: reach, reach };
  }

  /** Reads a list from its first dash on. The others stand at the column. */
  #seq(column: number): SeqSyntax {
    this.#enter();
    const start = this.#at;
    const items: ElementSyntax[] = [];
    const nodes: TreeNode[] = [];
    do {
      if (items.length > 0) this.#at += column;
      const begin = this.#at;
      if (!this.#text.startsWith("- ", begin)) throw notSimple;
      this.#at += 2;
      const value = this.#element(column + 2);
      items.push({ kind: "element", value, start: begin, end: reachOf(value) });
      nodes.push(value.node);
    } while (this.#goesOn(column) && this.#isDash(column));
    this.#depth--;
    const reach = items.at(-1)?.end ?? start;
    const node = { kind: "seq", items: nodes } as const;
    return { kind: "seq", flow: false, properties: undefined, items, node, start, end: reach, reach };
  }

  #element(column: number): Syntax {
    const begin = this.#at;
    pair.lastIndex = begin;
    if (pair.test(this.#text)) return this.map(column);
    const end = this.#text.indexOf("\n", begin);
    this.#at = end + 1;
    return this.#value(this.#text.slice(begin, end), begin, column - 2);
  }

  /** What stands below a key: a list may begin at the column of the key. */
  #below(column: number): Syntax {
    const indent = this.#indent();
    if (this.#isDash(indent) && indent >= column) {
      this.#at += indent;
      return this.#seq(indent);
    }
    if (indent <= column) throw notSimple;
    this.#at += indent;
    return this.map(indent);
  }

  /**
   * What stands on a line behind a key or a dash.
   *
   * @param rest - All of it; the next line has been reached.
   * @param column - What belongs to it on other lines stands to the right of this one.
   */
  #value(rest: string, start: number, column: number): Syntax {
    if (isPlain(rest)) return scalarAt(start, rest, "plain", resolvePlain(rest));
    const inner = { kind: "str", value: rest.slice(1, -1) } as const;
    if (doubleQuoted.test(rest)) return scalarAt(start, rest, "double", inner);
    if (singleQuoted.test(rest)) return scalarAt(start, rest, "single", inner);
    if (rest === "|" || rest === "|-") return this.#literal(start, column, rest === "|" ? "clip" : "strip");
    const end = start + rest.length;
    const span = { flow: true, properties: undefined, items: [], start, end, reach: end } as const;
    if (rest === "[]") return { ...span, kind: "seq", node: { kind: "seq", items: [] } };
    if (rest === "{}") return { ...span, kind: "map", node: { kind: "map", items: [] } };
    throw notSimple;
  }

  #literal(start: number, parent: number, chomping: "clip" | "strip"): ScalarSyntax {
    const body = this.#at;
    const column = this.#indent();
    if (column <= parent) throw notSimple;
    const margin = " ".repeat(column);
    while (this.#text.startsWith(margin, this.#at)) this.#at = this.#text.indexOf("\n", this.#at) + 1;
    const end = this.#at - 1;
    const lines = this.#text.slice(body + column, end).replaceAll(`\n${margin}`, "\n");
    // As everywhere: the break at the end of a block belongs to YAML, not to the encrypted value in it (sops.md D11).
    const value = chomping === "strip" || lines.startsWith("ENC[") ? lines : `${lines}\n`;
    const block = { body, column, chomping } as const;
    return {
      kind: "scalar",
      start,
      end,
      style: "literal",
      block,
      properties: undefined,
      node: { kind: "str", value },
    };
  }

  /** Whether the next line goes on with the mapping or list at a column, or belongs to one around it. */
  #goesOn(column: number): boolean {
    const indent = this.#indent();
    if (indent > column) throw notSimple;
    return indent === column;
  }

  #isDash(indent: number): boolean {
    return this.#text.startsWith("- ", this.#at + Math.max(indent, 0));
  }

  /** The column at which the next line begins; -1 at the end of the text. */
  #indent(): number {
    if (this.#at >= this.#text.length) return -1;
    let at = this.#at;
    while (this.#text.charCodeAt(at) === 0x20) at++;
    return at - this.#at;
  }

  #enter(): void {
    this.#depth++;
    if (this.#depth > deepest) throw notSimple;
  }
}

function isPlain(text: string): boolean {
  return startsPlain.test(text) && !text.includes(": ") && !text.endsWith(":");
}

function scalarAt(start: number, text: string, style: ScalarStyle, node: Scalar | "too-large"): ScalarSyntax {
  if (node === "too-large") throw notSimple;
  const end = start + text.length;
  return { kind: "scalar", start, end, style, block: undefined, properties: undefined, node };
}
