import type { ContentKey, ContentSection } from "./ini-content.ts";
import { spellKey } from "./ini-key.ts";
import { spellValue } from "./ini-value.ts";
import { cannotHold } from "./scalar-spelling.ts";

/** Prints sections as SOPS does: the `=` of a section in one column, an empty line between sections. */
export function printSections(sections: readonly ContentSection[], newline = "\n"): string {
  const parts = sections.map((section, index) => {
    // Only at the top of a file may the keys of the default section stand without a header.
    const isBare = index === 0 && section.name.toUpperCase() === "DEFAULT";
    const isLast = index === sections.length - 1;
    const end = isLast || (isBare && section.keys.length === 0) ? "" : newline;
    return printSection(section, { newline, header: !isBare }) + end;
  });
  return parts.join("");
}

/** Prints one section, without an empty line behind it. */
export function printSection(
  { name, comment, keys }: ContentSection,
  { newline, header }: { newline: string; header: boolean },
): string {
  if (/\n/.test(name) || name === "") {
    throw cannotHold("a section with such a name", { format: "ini", path: [name] });
  }
  const spelled = keys.map((key) => ({ key, text: spelledKey(key, name) }));
  const width = spelled.reduce((longest, { text }) => Math.max(longest, Buffer.byteLength(text)), 0);
  const lines = spelled.map(({ key, text }) => {
    const padding = " ".repeat(width - Buffer.byteLength(text));
    return `${printComment(key.comment, newline)}${text}${padding} = ${spelledValue(key, name)}${newline}`;
  });
  return printComment(comment, newline) + (header ? `[${name}]${newline}` : "") + lines.join("");
}

/** The value of a key between quotes that bring it back, the same as before where they do. */
export function spelledValue(
  { name, value }: ContentKey,
  section: string,
  style?: Parameters<typeof spellValue>[1],
): string {
  const text = spellValue(value, style);
  if (text === undefined) {
    throw cannotHold("a text with backticks, line breaks and triple quotes", {
      format: "ini",
      path: [section, name],
    });
  }
  return text;
}

/** The name of a key, between quotes where it needs them. */
export function spelledKey({ name }: ContentKey, section: string): string {
  const text = spellKey(name);
  if (text === undefined)
    throw cannotHold("a key with such a name", { format: "ini", path: [section, name] });
  return text;
}

/** The lines of a comment, each with a marker and its line break; nothing for none and for an empty one. */
export function printComment(text: string | undefined, newline: string): string {
  if (text === undefined || text === "") return "";
  const lines = text.split("\n").map((line) => {
    const trimmed = line.trim();
    const isMarked = trimmed.startsWith("#") || trimmed.startsWith(";");
    const body = isMarked ? `${trimmed.charAt(0)} ${trimmed.slice(1).trim()}` : `; ${trimmed}`;
    return body + newline;
  });
  return lines.join("");
}
