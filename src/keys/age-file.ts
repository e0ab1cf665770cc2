import { concatBytes } from "../core/concat-bytes.ts";
import type { Host } from "../core/ports.ts";
import { armor, dearmor, isArmored } from "./age-armor.ts";
import {
  type AgeHeader,
  malformedHeader,
  parseAgeHeader,
  printAgeHeader,
  type Stanza,
  verifyAgeHeader,
} from "./age-header.ts";
import { openPayload, sealPayload } from "./age-payload.ts";
import { loadChaCha } from "./chacha.ts";

/** What can open age files. It keeps its secret to itself. */
export interface AgeIdentity {
  /** What it is called in reports: its recipient or, where that is not known, its kind. */
  describe(): string | Promise<string>;
  /** Whether it may ask the user something: a passphrase, a touch on a token. */
  readonly mayAsk: boolean;
  /**
   * The file key, if a stanza is for this identity.
   *
   * @returns `null` when none is.
   * @throws KsealError `DECRYPT_FAILED` when one is and cannot be used.
   */
  unwrap(header: AgeHeader): Promise<Uint8Array | null>;
}

/** Wraps a file key for one recipient. */
export type WrapFileKey = (fileKey: Uint8Array) => Stanza | Promise<Stanza | readonly Stanza[]>;

/** An age file whose header was read. Nothing of it is verified yet. */
export interface AgeFile {
  readonly header: AgeHeader;
  readonly payload: Uint8Array;
}

const fileKeyLength = 16;

/**
 * Reads an age file, armored or not, as far as it can be read without a key.
 *
 * @throws KsealError `DECRYPT_FAILED` when it is malformed.
 */
export function parseAgeFile(file: Uint8Array | string): AgeFile {
  const text = typeof file === "string" ? file : new TextDecoder("latin1").decode(file);
  const bytes = typeof file === "string" || isArmored(text) ? dearmor(text) : file;
  const parsed = parseAgeHeader(bytes);
  const { stanzas } = parsed.header;
  // A passphrase that others could bypass would no longer tell who wrote the file.
  if (stanzas.length > 1 && stanzas.some(({ args }) => args[0] === "scrypt")) {
    throw malformedHeader("a passphrase stands beside other recipients");
  }
  return parsed;
}

/**
 * Decrypts an age file with its file key.
 *
 * @throws KsealError `DECRYPT_FAILED` when header or payload were changed.
 */
export async function openAgeFile({ header, payload }: AgeFile, fileKey: Uint8Array): Promise<Uint8Array> {
  if (fileKey.length !== fileKeyLength) throw malformedHeader("the file key has a wrong length");
  verifyAgeHeader(header, fileKey);
  return await openPayload(payload, { fileKey, chacha: await loadChaCha() });
}

/** Encrypts content to an armored age file. */
export async function sealAgeFile(
  content: Uint8Array,
  options: { wrap: WrapFileKey; random: Host["random"] },
): Promise<string> {
  const fileKey = options.random(fileKeyLength);
  const wrapped = await options.wrap(fileKey);
  const header = printAgeHeader("args" in wrapped ? [wrapped] : wrapped, fileKey);
  const sealed = await sealPayload(content, {
    fileKey,
    nonce: options.random(16),
    chacha: await loadChaCha(),
  });
  return armor(concatBytes([header, sealed]));
}
