import { encodeGoString } from "./go-string.ts";
import { quote } from "./quote.ts";
import { GoError } from "./value.ts";

interface Cursor {
  readonly text: string;
  at: number;
  depth: number;
}

/** The first mistake of a JSON text in the words of `encoding/json`; undefined if there is none. */
export function jsonMistake(text: string): GoError | undefined {
  const cursor: Cursor = { text, at: 0, depth: 0 };
  try {
    readValue(cursor);
    skipBlanks(cursor);
    return cursor.at < text.length ? refusal(cursor, "after top-level value") : undefined;
  } catch (error) {
    if (error instanceof GoError) return error;
    throw error;
  }
}

function readValue(cursor: Cursor): void {
  skipBlanks(cursor);
  if (++cursor.depth > 10_000) throw new GoError("exceeded max depth");
  const start = peek(cursor);
  if (start === "{") readItems(cursor, { end: "}", after: "after object key:value pair", read: readMember });
  else if (start === "[") readItems(cursor, { end: "]", after: "after array element", read: readValue });
  else if (start === '"') readString(cursor);
  else if (/^[-0-9]$/.test(start)) readNumber(cursor);
  else readLiteral(cursor, start);
  cursor.depth--;
}

interface Items {
  readonly end: string;
  /** What the error says if neither a comma nor the end follows. */
  readonly after: string;
  readonly read: (cursor: Cursor) => void;
}

function readItems(cursor: Cursor, { end, after, read }: Items): void {
  cursor.at++;
  skipBlanks(cursor);
  if (take(cursor, end)) return;
  do {
    read(cursor);
    skipBlanks(cursor);
  } while (take(cursor, ","));
  if (!take(cursor, end)) throw refusal(cursor, after);
}

function readMember(cursor: Cursor): void {
  skipBlanks(cursor);
  if (peek(cursor) !== '"') throw refusal(cursor, "looking for beginning of object key string");
  readString(cursor);
  skipBlanks(cursor);
  if (!take(cursor, ":")) throw refusal(cursor, "after object key");
  readValue(cursor);
}

function readLiteral(cursor: Cursor, start: string): void {
  const word = { t: "true", f: "false", n: "null" }[start];
  if (word === undefined) throw refusal(cursor, "looking for beginning of value");
  for (const letter of word) {
    const context = `in literal ${word} (expecting '${letter}')`;
    if (!take(cursor, letter)) throw within(cursor, context);
  }
}

function readString(cursor: Cursor): void {
  for (cursor.at++; !take(cursor, '"'); cursor.at++) {
    const character = peek(cursor);
    if (character < " ") throw refusal(cursor, "in string literal");
    if (character === "\\") readEscape(cursor);
  }
}

function readEscape(cursor: Cursor): void {
  cursor.at++;
  if (peek(cursor) !== "u") {
    if (!/^["\\/bfnrt]$/.test(peek(cursor))) throw within(cursor, "in string escape code");
    return;
  }
  for (let i = 0; i < 4; i++) {
    cursor.at++;
    if (!/^[0-9a-f]$/i.test(peek(cursor))) throw within(cursor, "in \\u hexadecimal character escape");
  }
}

function readNumber(cursor: Cursor): void {
  take(cursor, "-");
  if (!take(cursor, "0")) readDigits(cursor, "in numeric literal");
  if (take(cursor, ".")) readDigits(cursor, "after decimal point in numeric literal");
  if (take(cursor, "e") || take(cursor, "E")) {
    if (!take(cursor, "+")) take(cursor, "-");
    readDigits(cursor, "in exponent of numeric literal");
  }
}

function readDigits(cursor: Cursor, context: string): void {
  if (!/^[0-9]$/.test(peek(cursor))) throw within(cursor, context);
  while (/^[0-9]$/.test(peek(cursor))) cursor.at++;
}

function skipBlanks(cursor: Cursor): void {
  while (/^[ \t\r\n]$/.test(peek(cursor))) cursor.at++;
}

function peek({ text, at }: Cursor): string {
  return text[at] ?? "";
}

function take(cursor: Cursor, wanted: string): boolean {
  if (peek(cursor) !== wanted) return false;
  cursor.at++;
  return true;
}

/** Where a blank may not stand: at the end of the text, Go's scanner sees one. */
function within(cursor: Cursor, context: string): GoError {
  if (cursor.at >= cursor.text.length) return new GoError(`invalid character ' ' ${context}`);
  return refusal(cursor, context);
}

function refusal({ text, at }: Cursor, context: string): GoError {
  if (at >= text.length) return new GoError("unexpected end of JSON input");
  return new GoError(`invalid character ${quoteCharacter(text, at)} ${context}`);
}

function quoteCharacter(text: string, at: number): string {
  const character = text[at] ?? "";
  if (character === "'") return "'\\''";
  if (character === '"') return "'\"'";
  // Go's scanner looks at bytes: the first of a character that has several is shown as Latin-1.
  const first = encodeGoString(String.fromCodePoint(text.codePointAt(at) ?? 0))[0] ?? 0;
  return `'${quote(String.fromCharCode(first)).slice(1, -1)}'`;
}
