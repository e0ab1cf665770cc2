import { trim } from "./ini-value.ts";

/** The name of the key on a line, where it ends with its quotes, and where its value may begin; else what is wrong. */
export function findKey(line: string): { name: string; end: number; valueAt: number } | string {
  const quote = quoteOfKey(line);
  const close = quote === "" ? 0 : line.indexOf(quote, quote.length);
  if (close === -1) return "the key has no closing quote";
  const afterName = close + quote.length;
  const separator = line.slice(afterName).search(/[=:]/);
  if (separator === -1) return "the line is neither a section, a comment nor key = value";
  const raw = quote === "" ? line.slice(0, separator) : line.slice(quote.length, close);
  const end = quote === "" ? trim(raw).length : afterName;
  return { name: trim(raw), end, valueAt: afterName + separator + 1 };
}

function quoteOfKey(line: string): string {
  if (line.startsWith('"""') && Buffer.byteLength(line) > 6) return '"""';
  const [first = ""] = line;
  return first === '"' || first === "`" ? first : "";
}

/** Spells a key; `undefined` when no quotes bring it back. */
export function spellKey(key: string): string | undefined {
  if (key === "" || key === "-" || key !== trim(key) || key.includes("\n")) return undefined;
  if (key.includes("`")) return key.includes('"""') ? undefined : `"""${key}"""`;
  return /["=:]|^[#;[]/.test(key) ? `\`${key}\`` : key;
}
