import { encodeGoString, isEscapedByte } from "./go-string.ts";
import { isPrintable } from "./quote.ts";

const htmlEntities: ReadonlyMap<string, string> = new Map([
  ["\0", "\ufffd"],
  ['"', "&#34;"],
  ["'", "&#39;"],
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
]);

/** Go's `html`. */
export function escapeHtml(text: string): string {
  return text.replace(/[\0"'&<>]/g, (char) => htmlEntities.get(char) ?? char);
}

/** Go's `js`. */
export function escapeJs(text: string): string {
  let escaped = "";
  for (const char of text) escaped += escapeJsChar(char);
  return escaped;
}

function escapeJsChar(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if ("\\'\"".includes(char)) return `\\${char}`;
  if ("<>&=".includes(char) || code < 0x20) return `\\u${hex(code)}`;
  if (code < 0x80 || isEscapedByte(code) || isPrintable(code)) return char;
  return `\\u${hex(code)}`;
}

function hex(code: number): string {
  return code.toString(16).toUpperCase().padStart(4, "0");
}

/** Go's `urlquery`, `url.QueryEscape`: a space becomes a plus. */
export function escapeQuery(text: string): string {
  if (/^[A-Za-z0-9_.~-]*$/.test(text)) return text;
  let escaped = "";
  for (const byte of encodeGoString(text)) {
    const char = String.fromCharCode(byte);
    if (/[A-Za-z0-9_.~-]/.test(char)) escaped += char;
    else escaped += char === " " ? "+" : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return escaped;
}
