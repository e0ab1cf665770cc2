import { isInt64 } from "../core/scalar-text.ts";
import type { Entry, MapNode, Scalar, TreeNode } from "../core/tree.ts";
import { KsealError } from "../errors.ts";
import { printJsonFloat } from "./json-print.ts";
import { invalid, linesOf, maxDepth, placeOf } from "./source-text.ts";
import type { FormatWarning } from "./store.ts";

/** Where a value stands in the text, its quotes and brackets included. */
export interface JsonSpan {
  readonly start: number;
  readonly end: number;
  /** The members of an object or the items of an array, in the order of the node's items. */
  readonly members: readonly JsonMember[];
}

export interface JsonMember {
  /** Where the member begins: at its key, or at the item itself. */
  readonly start: number;
  readonly span: JsonSpan;
}

export interface JsonText {
  readonly root: MapNode;
  readonly span: JsonSpan;
  readonly warnings: readonly FormatWarning[];
}

interface Parsed<Node extends TreeNode = TreeNode> {
  readonly node: Node;
  readonly span: JsonSpan;
}

const noMembers: readonly JsonMember[] = [];
const whitespace = /[ \t\n\r]*/y;
const numberToken = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const word = /[A-Za-z_]+/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them raw in strings
const needsDecoding = /[\\\u0000-\u001f]/;
const hugeDepth = "the JSON is nested more than 1000 levels deep";

/**
 * Reads a JSON file, with the place of every value.
 *
 * Stricter than SOPS, which ignores what follows the closing brace, takes a cut-off file for a whole one and replaces
 * lone surrogates (sops.md D22).
 *
 * @throws KsealError `FORMAT_INVALID` with line and column and without any value, `LIMIT_EXCEEDED`.
 */
export function readJson(text: string): JsonText {
  const reader = new JsonReader(text);
  return reader.readFile();
}

class JsonReader {
  readonly #text: string;
  /** Where keys stand that the same object has already. */
  readonly #duplicates: number[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  readFile(): JsonText {
    if (this.#text.startsWith("\ufeff")) {
      throw this.#invalid("the JSON begins with a byte order mark", "save the file as UTF-8 without it");
    }
    this.#skipSpace();
    if (this.#at === this.#text.length) throw this.#invalid("the file is empty, which is not JSON");
    if (this.#peek() !== "{") {
      throw this.#invalid("the JSON is not an object at the top", 'put the value into one: {"data": ...}');
    }
    const { node, span } = this.#readObject(1);
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#invalid("there is data after the JSON's closing brace");
    const warnings = linesOf(this.#text, this.#duplicates).map(
      (line): FormatWarning => ({ kind: "duplicate-key", message: "a key stands twice in one object", line }),
    );
    return { root: node, span, warnings };
  }

  #readValue(depth: number): Parsed {
    if (depth > maxDepth) {
      throw new KsealError("LIMIT_EXCEEDED", hugeDepth, { where: placeOf(this.#text, this.#at) });
    }
    switch (this.#peek()) {
      case "{":
        return this.#readObject(depth);
      case "[":
        return this.#readArray(depth);
      case '"': {
        const start = this.#at;
        return this.#leaf({ kind: "str", value: this.#readString() }, start);
      }
      case undefined:
        throw this.#cutOff();
      default:
        return this.#readWord();
    }
  }

  #readObject(depth: number): Parsed<MapNode> {
    const start = this.#at++;
    const items: Entry[] = [];
    const members: JsonMember[] = [];
    const keys = new Set<string>();
    this.#skipSpace();
    while (!this.#closes("}", items.length)) {
      const memberStart = this.#at;
      if (this.#peek() !== '"') throw this.#unexpected("a key in double quotes");
      const key = this.#readString();
      if (keys.has(key)) this.#duplicates.push(memberStart);
      keys.add(key);
      this.#skipSpace();
      if (this.#peek() !== ":") throw this.#unexpected("a colon");
      this.#at++;
      this.#skipSpace();
      const { node, span } = this.#readValue(depth + 1);
      items.push({ kind: "entry", key, value: node });
      members.push({ start: memberStart, span });
      this.#skipSpace();
    }
    return { node: { kind: "map", items }, span: { start, end: this.#at, members } };
  }

  #readArray(depth: number): Parsed {
    const start = this.#at++;
    const items: TreeNode[] = [];
    const members: JsonMember[] = [];
    this.#skipSpace();
    while (!this.#closes("]", items.length)) {
      const memberStart = this.#at;
      const { node, span } = this.#readValue(depth + 1);
      items.push(node);
      members.push({ start: memberStart, span });
      this.#skipSpace();
    }
    return { node: { kind: "seq", items }, span: { start, end: this.#at, members } };
  }

  /** Whether the container ends here; otherwise goes on to its next member. */
  #closes(bracket: "}" | "]", count: number): boolean {
    const next = this.#peek();
    if (next === bracket) {
      this.#at++;
      return true;
    }
    if (count === 0) return false;
    if (next !== ",") throw this.#unexpected(`a comma or ${bracket}`);
    this.#at++;
    this.#skipSpace();
    if (this.#peek() === bracket) throw this.#invalid("there is a comma with nothing behind it");
    return false;
  }

  #readString(): string {
    const text = this.#text;
    const start = this.#at;
    let end = text.indexOf('"', start + 1);
    // A quote behind an odd number of backslashes belongs to the string.
    while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
    if (end === -1) throw this.#cutOff();
    this.#at = end + 1;
    const raw = text.slice(start + 1, end);
    if (!needsDecoding.test(raw)) return raw;
    const value = decodeString(text.slice(start, end + 1));
    if (value === undefined)
      throw invalid(text, start, "a string has a wrong escape or a bare control character");
    if (!value.isWellFormed()) throw invalid(text, start, "a string has half of a surrogate pair");
    return value;
  }

  #readWord(): Parsed {
    const start = this.#at;
    const number = this.#match(numberToken);
    if (number !== undefined) return this.#leaf(this.#number(number, start), start);
    switch (this.#match(word)) {
      case "true":
        return this.#leaf({ kind: "bool", value: true }, start);
      case "false":
        return this.#leaf({ kind: "bool", value: false }, start);
      case "null":
        return this.#leaf({ kind: "null" }, start);
      default:
        this.#at = start;
        throw this.#unexpected("a value");
    }
  }

  #number(source: string, start: number): Scalar {
    const value = Number(source);
    if (!Number.isFinite(value)) throw invalid(this.#text, start, "a number is too large for a float");
    if (/[.eE]/.test(source)) return { kind: "float", value };
    const int = BigInt(source);
    if (isInt64(int)) return { kind: "int", value: int };
    // SOPS writes a large float without an exponent: such a text loses nothing. Any other would (sops.md D13).
    if (printJsonFloat(value) === source) return { kind: "float", value };
    throw invalid(
      this.#text,
      start,
      "an integer does not fit into 64 bits, and SOPS would round it",
      "write it as a string",
    );
  }

  #leaf(node: Scalar, start: number): Parsed {
    return { node, span: { start, end: this.#at, members: noMembers } };
  }

  #match(token: RegExp): string | undefined {
    token.lastIndex = this.#at;
    const [found] = token.exec(this.#text) ?? [];
    this.#at += found?.length ?? 0;
    return found;
  }

  #skipSpace(): void {
    // Most values are followed by a comma at once; the pattern costs more than this look.
    if (this.#text.charCodeAt(this.#at) <= 0x20) this.#match(whitespace);
  }

  #peek(): string | undefined {
    return this.#text[this.#at];
  }

  #unexpected(wanted: string): KsealError {
    return this.#at >= this.#text.length ? this.#cutOff() : this.#invalid(`${wanted} is missing here`);
  }

  #cutOff(): KsealError {
    return invalid(this.#text, this.#text.length, "the JSON ends too early: the file was cut off");
  }

  #invalid(problem: string, hint?: string): KsealError {
    return invalid(this.#text, this.#at, problem, hint);
  }
}

/** Whether the quote belongs to the string it stands in. */
export function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0;
  while (text[quote - 1 - backslashes] === "\\") backslashes++;
  return backslashes % 2 === 1;
}

function decodeString(literal: string): string | undefined {
  try {
    return JSON.parse(literal) as string;
  } catch {
    // The parser's message quotes the value.
    return undefined;
  }
}
