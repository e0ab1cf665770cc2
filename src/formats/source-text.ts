import { KsealError, type Where } from "../errors.ts";

/** How deep mappings and lists may nest. Nobody writes such files, and a walk must not exhaust the stack. */
export const maxDepth = 1000;

// V8 holds no longer text in one string (2^29 - 24 units); what comes near it cannot be spliced any more.
const maxBytes = 500 * 1024 * 1024;

/**
 * The text of a file. A byte order mark stays in it.
 *
 * @throws KsealError `FORMAT_INVALID` for bytes that are not UTF-8 (replacing them would lose data silently),
 *   `LIMIT_EXCEEDED` for a file that does not fit into memory.
 */
export function decodeSource(bytes: Uint8Array): string {
  if (bytes.length > maxBytes) {
    throw new KsealError("LIMIT_EXCEEDED", "the file is larger than 500 MiB");
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // The cause's text says nothing more, and may quote bytes.
    throw new KsealError("FORMAT_INVALID", "the file is not valid UTF-8", {
      hint: "kseal encrypt --input-type binary takes any bytes",
    });
  }
}

/** Line and column, from 1, of a position in a text. */
export function placeOf(text: string, offset: number): Where {
  let line = 1;
  let start = 0;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) {
    line++;
    start = at + 1;
  }
  return { line, column: offset - start + 1 };
}

/** The lines, from 1, of rising positions in a text. */
export function linesOf(text: string, offsets: readonly number[]): number[] {
  let line = 1;
  let newline = text.indexOf("\n");
  return offsets.map((offset) => {
    for (; newline !== -1 && newline < offset; newline = text.indexOf("\n", newline + 1)) line++;
    return line;
  });
}

/** A file that does not follow its format. Neither message nor place hold a value. */
export function invalid(text: string, offset: number, problem: string, hint?: string): KsealError {
  return new KsealError("FORMAT_INVALID", problem, { where: placeOf(text, offset), hint });
}
