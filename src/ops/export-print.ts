import { KsealError } from "../errors.ts";

/** How values are printed. */
export type ExportFormat = "env" | "shell" | "dotenv" | "json";

/**
 * Prints values for programs: `NAME=value` as containers take it (`env`), lines that a shell of POSIX evaluates (`shell`),
 * what every reader of dotenv reads alike (`dotenv`), or one JSON object.
 *
 * @throws KsealError `FORMAT_CANNOT_HOLD` that names a value without a place in the format; never the value.
 */
export function printValues(values: ReadonlyMap<string, Uint8Array>, format: ExportFormat): Uint8Array {
  const texts = [...values].map(([name, bytes]) => [name, textOf(name, bytes, format)] as const);
  if (format === "json") return encode(`${JSON.stringify(Object.fromEntries(texts), undefined, 2)}\n`);
  return encode(texts.map(([name, text]) => `${line(checkName(name, format), text, format)}\n`).join(""));
}

function line(name: string, text: string, format: Exclude<ExportFormat, "json">): string {
  switch (format) {
    case "env":
      if (/[\r\n]/.test(text)) throw noPlace(name, "a value of several lines", format);
      return `${name}=${text}`;
    case "shell":
      return `export ${name}='${text.replaceAll("'", `'\\''`)}'`;
    case "dotenv":
      return `${name}=${dotenvWord(name, text)}`;
  }
}

/** Readers agree about quotes around what needs no escape, and about nothing else. */
function dotenvWord(name: string, text: string): string {
  if (/^[\w./:@%+,-]+$/.test(text)) return text;
  // A backslash between single quotes stands for itself, unless it seems to escape the quote or another one.
  if (!/['\r]|\\\\|\\$/.test(text)) return `'${text}'`;
  if (!/["\r\\$`]/.test(text)) return `"${text}"`;
  throw noPlace(name, "a value that its readers would read differently (quotes, backslashes)", "dotenv");
}

function textOf(name: string, bytes: Uint8Array, format: ExportFormat): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw noPlace(name, "bytes that are no text", format);
  }
  if (format !== "json" && text.includes("\0")) throw noPlace(name, "a NUL", format);
  return text;
}

function checkName(name: string, format: ExportFormat): string {
  if (/^[A-Za-z_]\w*$/.test(name)) return name;
  throw noPlace(name, "a name with other characters than letters, digits and _", format);
}

function noPlace(name: string, what: string, format: ExportFormat): KsealError {
  return new KsealError(
    "FORMAT_CANNOT_HOLD",
    `the value ${JSON.stringify(name)}: ${format} has no place for ${what}`,
    {
      hint: "write files with --out FOLDER, or choose values with --item",
    },
  );
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
