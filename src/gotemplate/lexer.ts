import { isPrintable, quote } from "./quote.ts";
import { isKeyword, type Token, type TokenKind } from "./token.ts";

/** Where the lexer is; it runs once over the text and stops at the first error. */
interface Lexer {
  readonly text: string;
  /** Names that stay identifiers because a function is called so. */
  readonly functions: { has(name: string): boolean };
  readonly tokens: Token[];
  /** Start of the token that is being read. */
  start: number;
  /** Line of `start`. */
  line: number;
  at: number;
  parentheses: number;
}

const spaces = " \t\r\n";
const alphanumeric = /^[_\p{L}\p{Nd}]$/u;

/**
 * The tokens of a template, the last of kind `eof` or `error`.
 *
 * @param functions - Functions called `break` or `continue` take the keyword's place.
 */
export function lex(text: string, functions: { has(name: string): boolean }): readonly Token[] {
  const lexer: Lexer = { text, functions, tokens: [], start: 0, line: 1, at: 0, parentheses: 0 };
  while (lexText(lexer)) {
    while (!lexAction(lexer));
    if (lexer.tokens.at(-1)?.kind === "error") break;
  }
  return lexer.tokens;
}

function take(lexer: Lexer): string {
  const taken = lexer.text.slice(lexer.start, lexer.at);
  lexer.start = lexer.at;
  for (let i = taken.indexOf("\n"); i >= 0; i = taken.indexOf("\n", i + 1)) lexer.line++;
  return taken;
}

function emit(lexer: Lexer, kind: TokenKind): void {
  const { start: at, line } = lexer;
  lexer.tokens.push({ kind, at, line, text: take(lexer) });
}

/** Ends the lexing; always `true`, "the action is over". */
function fail(lexer: Lexer, message: string): true {
  lexer.tokens.push({ kind: "error", at: lexer.start, line: lexer.line, text: message });
  return true;
}

/** Text up to an action, which follows when the result is `true`. Comments are skipped here. */
function lexText(lexer: Lexer): boolean {
  for (;;) {
    const { text, start } = lexer;
    const open = text.indexOf("{{", start);
    const end = open < 0 ? text.length : open;
    const trims = open >= 0 && text[open + 2] === "-" && isSpace(text[open + 3]);
    lexer.at = end;
    while (trims && lexer.at > start && spaces.includes(text[lexer.at - 1] ?? "x")) lexer.at--;
    if (lexer.at > lexer.start) emit(lexer, "text");
    if (open < 0) {
      lexer.tokens.push({ kind: "eof", at: end, line: lexer.line, text: "EOF" });
      return false;
    }
    lexer.at = open;
    take(lexer);
    const inside = open + (trims ? 4 : 2);
    if (!text.startsWith("/*", inside)) {
      lexer.at = open + 2;
      emit(lexer, "{{");
      lexer.at = inside;
      take(lexer);
      lexer.parentheses = 0;
      return true;
    }
    lexer.at = inside;
    take(lexer);
    if (!skipComment(lexer)) return false;
  }
}

/** Skips a comment and its closing delimiter; `false` after an error. */
function skipComment(lexer: Lexer): boolean {
  const end = lexer.text.indexOf("*/", lexer.at + 2);
  if (end < 0) return !fail(lexer, "unclosed comment");
  lexer.at = end + 2;
  const close = rightDelimiter(lexer.text, lexer.at);
  if (close === undefined) return !fail(lexer, "comment ends before closing delimiter");
  lexer.at = close.end;
  take(lexer);
  return true;
}

/** The closing delimiter at `at`: where it starts without its trim marker, and where the text goes on after it. */
function rightDelimiter(
  text: string,
  at: number,
): { readonly brace: number; readonly end: number } | undefined {
  if (text.startsWith("}}", at)) return { brace: at, end: at + 2 };
  if (!isSpace(text[at]) || !text.startsWith("-}}", at + 1)) return;
  let end = at + 4;
  while (isSpace(text[end])) end++;
  return { brace: at + 2, end };
}

function isSpace(char: string | undefined): boolean {
  return char !== undefined && char !== "" && spaces.includes(char);
}

function isAlphanumeric(char: string): boolean {
  return alphanumeric.test(char);
}

function peek(lexer: Lexer): string {
  const code = lexer.text.codePointAt(lexer.at);
  return code === undefined ? "" : String.fromCodePoint(code);
}

/** One token inside an action; `true` when the action, or the lexing, is over. */
function lexAction(lexer: Lexer): boolean {
  const close = rightDelimiter(lexer.text, lexer.at);
  if (close !== undefined) {
    if (lexer.parentheses > 0) return fail(lexer, "unclosed left paren");
    lexer.at = close.brace;
    take(lexer);
    lexer.at += 2;
    emit(lexer, "}}");
    lexer.at = close.end;
    take(lexer);
    return true;
  }
  const char = peek(lexer);
  if (char === "") return fail(lexer, "unclosed action");
  if (isSpace(char)) return lexSpace(lexer);
  if (/[.+\-0-9]/.test(char) && !/^\.[^0-9]/s.test(lexer.text.slice(lexer.at, lexer.at + 2))) {
    return lexNumber(lexer);
  }
  if (isAlphanumeric(char)) return lexWord(lexer, "identifier");
  lexer.at += char.length;
  switch (char) {
    case ".":
      return lexWord(lexer, "field");
    case "$":
      return lexWord(lexer, "variable");
    case '"':
      return lexQuoted(lexer, '"', "unterminated quoted string");
    case "'":
      return lexQuoted(lexer, "'", "unterminated character constant");
    case "`":
      return lexRawString(lexer);
    default:
      return lexPunctuation(lexer, char);
  }
}

function lexPunctuation(lexer: Lexer, char: string): boolean {
  switch (char) {
    case ":":
      if (peek(lexer) !== "=") return fail(lexer, "expected :=");
      lexer.at++;
      emit(lexer, ":=");
      return false;
    case "(":
      lexer.parentheses++;
      emit(lexer, "(");
      return false;
    case ")":
      lexer.parentheses--;
      if (lexer.parentheses < 0) return fail(lexer, "unexpected right paren");
      emit(lexer, ")");
      return false;
    case "=":
    case "|":
      emit(lexer, char);
      return false;
    default:
      if (char > "~" || char < " ") return fail(lexer, `unrecognized character in action: ${codeOf(char)}`);
      emit(lexer, "punctuation");
      return false;
  }
}

function lexSpace(lexer: Lexer): boolean {
  while (isSpace(peek(lexer))) lexer.at++;
  // The last space belongs to a closing delimiter that trims.
  if (rightDelimiter(lexer.text, lexer.at - 1) !== undefined) lexer.at--;
  if (lexer.at > lexer.start) emit(lexer, "space");
  return false;
}

/** What may follow a word, a field or a variable. */
function atTerminator(lexer: Lexer): boolean {
  const char = peek(lexer);
  return char === "" || isSpace(char) || ".,|:)(".includes(char) || lexer.text.startsWith("}}", lexer.at);
}

function lexWord(lexer: Lexer, kind: "identifier" | "field" | "variable"): boolean {
  if (kind === "field" && atTerminator(lexer)) {
    emit(lexer, ".");
    return false;
  }
  let char = peek(lexer);
  while (char !== "" && isAlphanumeric(char)) {
    lexer.at += char.length;
    char = peek(lexer);
  }
  if (!atTerminator(lexer)) return fail(lexer, `bad character ${codeOf(char)}`);
  const word = lexer.text.slice(lexer.start, lexer.at);
  emit(lexer, kind === "identifier" ? wordKind(lexer, word) : kind);
  return false;
}

function wordKind(lexer: Lexer, word: string): TokenKind {
  if ((word === "break" || word === "continue") && lexer.functions.has(word)) return "identifier";
  if (isKeyword(word)) return word;
  return word === "true" || word === "false" ? "bool" : "identifier";
}

function lexQuoted(lexer: Lexer, mark: string, message: string): boolean {
  for (;;) {
    let char = lexer.text[lexer.at++];
    if (char === mark) break;
    if (char === "\\") char = lexer.text[lexer.at++];
    if (char === undefined || char === "\n") return fail(lexer, message);
  }
  emit(lexer, mark === '"' ? "string" : "character");
  return false;
}

function lexRawString(lexer: Lexer): boolean {
  const end = lexer.text.indexOf("`", lexer.at);
  if (end < 0) return fail(lexer, "unterminated raw quoted string");
  lexer.at = end + 1;
  emit(lexer, "raw string");
  return false;
}

function lexNumber(lexer: Lexer): boolean {
  const bad = () => fail(lexer, `bad number syntax: ${quote(lexer.text.slice(lexer.start, lexer.at))}`);
  if (!scanNumber(lexer)) return bad();
  const sign = peek(lexer);
  if (sign !== "+" && sign !== "-") {
    emit(lexer, "number");
    return false;
  }
  if (!scanNumber(lexer) || lexer.text[lexer.at - 1] !== "i") return bad();
  emit(lexer, "complex");
  return false;
}

const number =
  /[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?/y;

/** Scans what may be a number; `false` when a letter or digit follows, which is then part of the bad text. */
function scanNumber(lexer: Lexer): boolean {
  number.lastIndex = lexer.at;
  lexer.at += number.exec(lexer.text)?.[0].length ?? 0;
  const char = peek(lexer);
  if (char === "" || !isAlphanumeric(char)) return true;
  lexer.at += char.length;
  return false;
}

/** `U+0040 '@'`; the end of the text is U+FFFFFFFFFFFFFFFF to Go. */
function codeOf(char: string): string {
  const code = char.codePointAt(0);
  if (code === undefined) return "U+FFFFFFFFFFFFFFFF";
  if (!char.isWellFormed()) return "U+FFFD '\ufffd'";
  const shown = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  return isPrintable(code) ? `${shown} '${char}'` : shown;
}
