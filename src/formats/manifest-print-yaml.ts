import { compareKeys } from "./manifest-key-order.ts";
import { isPlainSyntax, isString, quoteDouble } from "./yaml-quote.ts";

/*
 * YAML as sigs.k8s.io/yaml prints it, which is the emitter of go-yaml v2: lists stand at the column of their key, texts
 * break at the first blank behind column 80, and tabs and characters above U+FFFF are escaped. It differs in all of that
 * from go-yaml v3, whose YAML SOPS writes.
 */

const widest = 80;
const step = 2;
// Longer keys, in bytes, stand behind a question mark.
const longestSimpleKey = 128;
// A number for Go, which reads underscores where its own literals may have them.
const pointFloat = /^\.\d+(?:_\d+)*(?:[eE][-+]?\d+(?:_\d+)*)?$/;
const special = /[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]/;

/** One document: a mapping with sorted keys, behind `---`. */
export function printYamlObject(object: Readonly<Record<string, unknown>>): string {
  const printer = new ObjectPrinter();
  printer.node(object, { indent: -step, inMap: false });
  return `---\n${printer.text}\n`;
}

/** Where a node stands: the column of what is around it, and whether that is a mapping. */
interface Place {
  readonly indent: number;
  readonly inMap: boolean;
}

class ObjectPrinter {
  #text = "";
  #column = 0;
  /** Nothing but indentation and marks stands on the line yet. */
  #atIndentation = true;
  #afterSpace = true;

  get text(): string {
    return this.#text;
  }

  node(value: unknown, place: Place): void {
    if (typeof value === "string") this.#scalar(value, place.indent + step, { isKey: false });
    else if (typeof value !== "object" || value === null) this.#word(String(value));
    else if (Array.isArray(value)) this.#list(value, place);
    else this.#map(value as Readonly<Record<string, unknown>>, place.indent + step);
  }

  #map(object: Readonly<Record<string, unknown>>, indent: number): void {
    const keys = Object.keys(object).sort(compareKeys);
    if (keys.length === 0) this.#word("{}");
    for (const key of keys) {
      this.#startLine(indent);
      if (isSimpleKey(key)) {
        this.#scalar(key, indent + step, { isKey: true });
        this.#mark(":", { isTight: true });
      } else {
        this.#mark("?");
        this.#scalar(key, indent + step, { isKey: false });
        this.#startLine(indent);
        this.#mark(":");
      }
      this.node(object[key], { indent, inMap: true });
    }
  }

  #list(items: readonly unknown[], { indent, inMap }: Place): void {
    if (items.length === 0) this.#word("[]");
    const column = inMap && !this.#atIndentation ? indent : indent + step;
    for (const item of items) {
      this.#startLine(column);
      this.#mark("-");
      this.node(item, { indent: column, inMap: false });
    }
  }

  #scalar(text: string, indent: number, { isKey }: { readonly isKey: boolean }): void {
    const isBroken = special.test(text) || / \n/.test(text);
    if (text.includes("\n") && !isKey && !isBroken && !text.endsWith(" ")) this.#literal(text, indent);
    else if (
      text.includes("\n") ||
      isBroken ||
      !isString(text) ||
      pointFloat.test(text) ||
      (isKey && text === "<<")
    )
      this.#double(text, indent, isKey);
    else this.#words(text, indent, isKey);
  }

  /** A text without quotes, or in single ones: both break at blanks. */
  #words(text: string, indent: number, isKey: boolean): void {
    const isPlain = isPlainSyntax(text);
    const quote = isPlain ? "" : "'";
    this.#word(quote);
    const last = text.length - 1;
    for (let at = 0; at <= last; at++) {
      const mayBreak = !isKey && text[at] === " " && text[at - 1] !== " " && text[at + 1] !== " ";
      if (mayBreak && this.#column > widest && at > 0 && at < last) this.#startLine(indent);
      else this.#put(text[at] === "'" && !isPlain ? "''" : (text[at] ?? ""));
    }
    this.#put(quote);
    this.#endWord();
  }

  #double(text: string, indent: number, isKey: boolean): void {
    this.#word('"');
    const characters = [...text];
    const last = characters.length - 1;
    for (const [at, character] of characters.entries()) {
      const mayBreak = !isKey && character === " " && characters[at - 1] !== " ";
      if (mayBreak && this.#column > widest && at > 0 && at < last) {
        this.#startLine(indent);
        if (characters[at + 1] === " ") this.#put("\\");
      } else this.#put(quoteDouble(character).slice(1, -1));
    }
    this.#put('"');
    this.#endWord();
  }

  #literal(text: string, indent: number): void {
    const chomping = !text.endsWith("\n") ? "-" : text === "\n" || text.endsWith("\n\n") ? "+" : "";
    this.#word(`|${/^[ \n]/.test(text) ? step : ""}${chomping}`);
    const margin = " ".repeat(indent);
    const lines = text.split("\n").map((line) => (line === "" ? "" : margin + line));
    // The line break at the end is that of the next line.
    this.#put(`\n${(text.endsWith("\n") ? lines.slice(0, -1) : lines).join("\n")}`);
    this.#endWord();
  }

  #word(text: string): void {
    if (!this.#afterSpace) this.#put(" ");
    this.#put(text);
    this.#endWord();
  }

  #mark(mark: string, { isTight = false }: { readonly isTight?: boolean } = {}): void {
    if (!this.#afterSpace && !isTight) this.#put(" ");
    this.#put(mark);
    this.#afterSpace = false;
    this.#atIndentation &&= !isTight;
  }

  #endWord(): void {
    this.#atIndentation = false;
    this.#afterSpace = false;
  }

  #startLine(indent: number): void {
    if (!this.#atIndentation || this.#column > indent) {
      this.#text += "\n";
      this.#column = 0;
    }
    this.#put(" ".repeat(Math.max(indent - this.#column, 0)));
    this.#atIndentation = true;
    this.#afterSpace = true;
  }

  #put(text: string): void {
    this.#text += text;
    this.#column += text.length;
  }
}

function isSimpleKey(key: string): boolean {
  return !/[\n\r\x85\u2028\u2029]/.test(key) && new TextEncoder().encode(key).length <= longestSimpleKey;
}
