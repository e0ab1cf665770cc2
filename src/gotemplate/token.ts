import { byteLength } from "./go-string.ts";
import { quote } from "./quote.ts";

/** The keywords of the language; `.` is one to the lexer. */
export type Keyword =
  | "block"
  | "break"
  | "continue"
  | "."
  | "define"
  | "else"
  | "end"
  | "if"
  | "range"
  | "nil"
  | "template"
  | "with";

/** What the lexer tells apart. */
export type TokenKind =
  | Keyword
  | "error"
  | "bool"
  | "punctuation"
  | "character"
  | "complex"
  | "="
  | ":="
  | "eof"
  | "field"
  | "identifier"
  | "{{"
  | "("
  | "number"
  | "|"
  | "raw string"
  | "}}"
  | ")"
  | "space"
  | "string"
  | "text"
  | "variable";

export interface Token {
  readonly kind: TokenKind;
  /** The source of the token; for an error its message. */
  readonly text: string;
  /** Offset in UTF-16 units. */
  readonly at: number;
  /** Line where it starts, from 1. */
  readonly line: number;
}

const keywords: ReadonlySet<string> = new Set<Keyword>([
  "block",
  "break",
  "continue",
  ".",
  "define",
  "else",
  "end",
  "if",
  "range",
  "nil",
  "template",
  "with",
]);

/** Whether a word of a template is a keyword. */
export function isKeyword(word: string): word is Keyword {
  return keywords.has(word);
}

/** A token as Go's error messages show it. */
export function describeToken(token: Token): string {
  if (token.kind === "eof") return "EOF";
  if (token.kind === "error") return token.text;
  if (isKeyword(token.kind)) return `<${token.text}>`;
  if (byteLength(token.text) > 10) return `${quote([...token.text].slice(0, 10).join(""))}...`;
  return quote(token.text);
}
