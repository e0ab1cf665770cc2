import { decodeBase64, encodeBase64 } from "../core/base64.ts";
import { concatBytes } from "../core/concat-bytes.ts";
import { KsealError } from "../errors.ts";

const begin = "-----BEGIN AGE ENCRYPTED FILE-----";
const end = "-----END AGE ENCRYPTED FILE-----";
const columns = 64;
const mostSpace = 1024;

/** Whether a file claims to be armored age. */
export function isArmored(text: string): boolean {
  return text.trimStart().startsWith("-----BEGIN AGE");
}

/** Writes an age file as text. */
export function armor(file: Uint8Array): string {
  const text = encodeBase64(file);
  const lines = [begin];
  for (let start = 0; start < text.length; start += columns) lines.push(text.slice(start, start + columns));
  return [...lines, end, ""].join("\n");
}

/**
 * Reads an armored age file. Space around it, and lines that end in CR LF, are all that may differ from what
 * {@link armor} writes.
 *
 * @throws KsealError `DECRYPT_FAILED` otherwise.
 */
export function dearmor(text: string): Uint8Array {
  const lead = text.slice(0, text.length - text.trimStart().length);
  const tail = text.slice(text.trimEnd().length);
  if (lead.length > mostSpace || tail.length > mostSpace)
    throw malformed("there is too much space around it");
  if (!/^([ \t\r\n]*\n)?$/.test(lead) || !/^[ \t\r\n]*$/.test(tail)) {
    throw malformed("its first or last line is not alone");
  }
  const lines = text.trim().split(/\r?\n/);
  if (lines[0] !== begin) throw malformed("its first line is another");
  if (lines.length < 2 || lines.at(-1) !== end) throw malformed("its last line is missing or another");
  const body = lines.slice(1, -1);
  const parts = body.map((line, i) => {
    const bytes = line !== "" && line.length <= columns ? decodeBase64(line) : undefined;
    if (!bytes || (i < body.length - 1 && bytes.length < 48)) throw malformed("it is not canonical base64");
    return bytes;
  });
  return concatBytes(parts);
}

function malformed(reason: string): KsealError {
  return new KsealError("DECRYPT_FAILED", `the age armor is malformed: ${reason}`);
}
