import { createHmac, createSecretKey, hkdfSync, timingSafeEqual } from "node:crypto";
import { concatBytes } from "../core/concat-bytes.ts";
import { KsealError } from "../errors.ts";
import { decodeUnpadded, encodeUnpadded } from "./unpadded-base64.ts";

/** The file key, wrapped for one recipient. The first argument is the type: `X25519`, `ssh-rsa`. */
export interface Stanza {
  readonly args: readonly [string, ...string[]];
  readonly body: Uint8Array;
}

/**
 * The header of an age file, all of it text:
 *
 *     age-encryption.org/v1
 *     -> X25519 <share>                 type and arguments, each of visible ASCII
 *     <body>                            base64 without padding, lines of 64 columns, the last one shorter
 *     --- <43 characters>               HMAC-SHA256 over everything up to and including "---"
 */
export interface AgeHeader {
  readonly stanzas: readonly Stanza[];
  readonly mac: Uint8Array;
  /** The whole header as it stands in the file. */
  readonly bytes: Uint8Array;
}

const latin1 = new TextDecoder("latin1");
const intro = "age-encryption.org/v1";
const columns = 64;
const macLength = 32;
const macColumns = 43;
// The limits of age itself.
const longestHeader = 2 << 20;
const mostStanzas = 1024;
const mostArguments = 128;

/**
 * Reads the header of an age file.
 *
 * @returns The header and where the payload begins.
 * @throws KsealError `DECRYPT_FAILED` unless it is exactly in the one canonical form.
 */
export function parseAgeHeader(file: Uint8Array): { header: AgeHeader; payload: Uint8Array } {
  const lines = new Lines(file);
  if (lines.next() !== intro) throw malformedHeader("it does not begin with the line of age");
  const stanzas: Stanza[] = [];
  for (;;) {
    const line = lines.next();
    if (line.startsWith("--- ")) {
      const mac = line.length === 4 + macColumns ? decodeUnpadded(line.slice(4)) : undefined;
      if (mac?.length !== macLength) throw malformedHeader("its last line is not a MAC");
      if (stanzas.length === 0) throw malformedHeader("it names no recipient");
      const bytes = file.subarray(0, lines.offset);
      return { header: { stanzas, mac, bytes }, payload: file.subarray(lines.offset) };
    }
    if (stanzas.length === mostStanzas) throw malformedHeader("it names too many recipients");
    stanzas.push(readStanza(line, () => lines.next()));
  }
}

function readStanza(first: string, nextLine: () => string): Stanza {
  const args = parseStanzaLine(first);
  const body: Uint8Array[] = [];
  for (;;) {
    const { bytes, isLast } = parseBodyLine(nextLine());
    body.push(bytes);
    if (isLast) return { args, body: concatBytes(body) };
  }
}

/** The arguments of a stanza's first line. */
export function parseStanzaLine(line: string): readonly [string, ...string[]] {
  const [arrow, type, ...args] = line.split(" ");
  if (arrow !== "->" || type === undefined || args.length > mostArguments) {
    throw malformedHeader("a line is not a recipient stanza");
  }
  if (![type, ...args].every((arg) => /^[\x21-\x7e]+$/.test(arg))) {
    throw malformedHeader("a recipient stanza has an empty or foreign argument");
  }
  return [type, ...args];
}

/** One line of a stanza's body; a line shorter than 64 columns is the last. */
export function parseBodyLine(line: string): { readonly bytes: Uint8Array; readonly isLast: boolean } {
  const bytes = line.length <= columns ? decodeUnpadded(line) : undefined;
  if (!bytes) throw malformedHeader("the body of a recipient stanza is not canonical base64");
  return { bytes, isLast: line.length < columns };
}

/** Prints a stanza as it stands in headers. */
export function printStanza({ args, body }: Stanza): string {
  const text = encodeUnpadded(body);
  const lines = [`-> ${args.join(" ")}`];
  for (let start = 0; start <= text.length; start += columns) lines.push(text.slice(start, start + columns));
  return `${lines.join("\n")}\n`;
}

/** Prints a header with its MAC. */
export function printAgeHeader(stanzas: readonly Stanza[], fileKey: Uint8Array): Uint8Array {
  const text = `${intro}\n${stanzas.map(printStanza).join("")}---`;
  const mac = headerMac(new TextEncoder().encode(text), fileKey);
  return new TextEncoder().encode(`${text} ${encodeUnpadded(mac)}\n`);
}

/** @throws KsealError `DECRYPT_FAILED` when the header was changed after it was written. */
export function verifyAgeHeader({ bytes, mac }: AgeHeader, fileKey: Uint8Array): void {
  const signed = bytes.subarray(0, bytes.length - macColumns - 2);
  if (!timingSafeEqual(headerMac(signed, fileKey), mac)) {
    throw new KsealError("DECRYPT_FAILED", "the age header does not match its MAC: it was changed");
  }
}

/** The error for a header or stanza that breaks the rules of the format. */
export function malformedHeader(reason: string): KsealError {
  return new KsealError("DECRYPT_FAILED", `the age header is malformed: ${reason}`);
}

function headerMac(signed: Uint8Array, fileKey: Uint8Array): Uint8Array {
  const key = hkdfSync("sha256", createSecretKey(fileKey), new Uint8Array(), "header", 32);
  return createHmac("sha256", createSecretKey(new Uint8Array(key)))
    .update(signed)
    .digest();
}

class Lines {
  readonly #file: Uint8Array;
  offset = 0;

  constructor(file: Uint8Array) {
    this.#file = file;
  }

  next(): string {
    const end = this.#file.indexOf(0x0a, this.offset);
    if (end < 0 || end >= longestHeader) throw malformedHeader("it ends too early");
    // Whatever bytes above ASCII become, no rule of the header takes them.
    const line = latin1.decode(this.#file.subarray(this.offset, end));
    this.offset = end + 1;
    return line;
  }
}
