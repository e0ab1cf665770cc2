import { decodeGoString, encodeGoString, escapeByte, isEscapedByte } from "./go-string.ts";

const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const named: ReadonlyMap<number, string> = new Map([
  [7, "\\a"],
  [8, "\\b"],
  [9, "\\t"],
  [10, "\\n"],
  [11, "\\v"],
  [12, "\\f"],
  [13, "\\r"],
  [92, "\\\\"],
]);
const unnamed: ReadonlyMap<string, string> = new Map([
  ["a", "\x07"],
  ["b", "\b"],
  ["t", "\t"],
  ["n", "\n"],
  ["v", "\v"],
  ["f", "\f"],
  ["r", "\r"],
  ["\\", "\\"],
]);

/** How to quote. */
interface QuoteOptions {
  /** `"` for strings, `'` for runes. */
  readonly mark?: '"' | "'";
  /** Escapes everything beyond ASCII (`%+q`). */
  readonly ascii?: boolean;
}

/** Go's `unicode.IsPrint`: letters, marks, numbers, punctuation, symbols and the ASCII space. */
export function isPrintable(codePoint: number): boolean {
  return printable.test(String.fromCodePoint(codePoint));
}

/** Go's `strconv.Quote` (`%q`). */
export function quote(text: string, { mark = '"', ascii = false }: QuoteOptions = {}): string {
  let quoted = mark as string;
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    if (char === mark) quoted += `\\${char}`;
    else if (code >= 0x20 && code < 0x7f && code !== 92) quoted += char;
    else quoted += named.get(code) ?? quoteOther(code, ascii);
  }
  return quoted + mark;
}

function quoteOther(code: number, ascii: boolean): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
  if (isEscapedByte(code)) return `\\x${hex(code & 0xff, 2)}`;
  if (code < 0x80) return `\\x${hex(code, 2)}`;
  if (code >= 0xd800 && code < 0xe000) return ascii ? "\\ufffd" : "\ufffd";
  if (!ascii && isPrintable(code)) return String.fromCodePoint(code);
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

/**
 * Go's `strconv.Unquote` of a token of the lexer.
 *
 * @param token - With its quotes, `"` or a back quote.
 * @returns `undefined` where Go reports "invalid syntax".
 */
export function unquote(token: string): string | undefined {
  const body = token.slice(1, -1);
  if (token.startsWith("`")) return body.replaceAll("\r", "");
  let text = "";
  for (let at = 0; at < body.length; ) {
    const next = unquoteChar(body, at, '"');
    if (next === undefined) return;
    text += next.text;
    at = next.end;
  }
  // Bytes written one by one (\xc3\xa9) may be UTF-8 together.
  return text.isWellFormed() ? text : decodeGoString(encodeGoString(text));
}

/**
 * One character or escape of a quoted text (Go's `strconv.UnquoteChar`).
 *
 * @returns The text, its code (a byte for `\x` and octal escapes) and where the next one starts; `undefined` for "invalid syntax".
 */
export function unquoteChar(
  body: string,
  at: number,
  mark: string,
): { readonly text: string; readonly code: number; readonly end: number } | undefined {
  const code = body.codePointAt(at);
  if (code === undefined || body[at] === mark) return;
  if (body[at] !== "\\") {
    const text = String.fromCodePoint(code);
    return { text, code: isEscapedByte(code) ? 0xfffd : code, end: at + text.length };
  }
  const letter = body[at + 1] ?? "";
  const plain = unnamed.get(letter) ?? (letter === mark && mark !== "" ? mark : undefined);
  if (plain !== undefined) return { text: plain, code: plain.charCodeAt(0), end: at + 2 };
  return unquoteNumber(body, at + 1);
}

function unquoteNumber(body: string, at: number) {
  const match = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))/.exec(
    body.slice(at, at + 9),
  );
  if (match === null) return;
  const [whole, byte, short, long, octal] = match;
  const end = at + whole.length;
  const raw = byte ?? octal;
  if (raw !== undefined) {
    const code = Number.parseInt(raw, byte === undefined ? 8 : 16);
    return code > 255 ? undefined : { text: escapeByte(code), code, end };
  }
  const code = Number.parseInt(short ?? long ?? "", 16);
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return;
  return { text: String.fromCodePoint(code), code, end };
}
