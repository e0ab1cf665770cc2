import type { DataKey } from "../core/data-key.ts";
import { decryptTree } from "../core/decrypt-tree.ts";
import { verifyMac } from "../core/mac.ts";
import type { Metadata } from "../core/metadata.ts";
import { compileSelection, defaultSelection } from "../core/selection.ts";
import type { Document } from "../core/tree.ts";
import { KsealError } from "../errors.ts";
import { formatOfName, storeFor } from "../formats/detect.ts";
import type { Format, ParsedFile } from "../formats/store.ts";
import type { OpContext } from "./context.ts";
import { shellWord } from "./file-path.ts";
import { keyLookup } from "./key-lookup.ts";
import { hasConflictMarkers } from "./looks-encrypted.ts";
import { type SelectedFile, sizeLimit } from "./select-files.ts";
import { mayHoldSealed } from "./unseal-detect.ts";

/** The bytes of one file and what to call it. */
export interface FileText {
  /** As the user named it; `-` for standard input. For messages. */
  readonly file: string;
  /** The name that decides format and creation rule. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** An encrypted file whose values are open and whose MAC has been checked. */
export interface OpenedFile extends FileText {
  readonly parsed: ParsedFile;
  readonly metadata: Metadata;
  readonly dataKey: DataKey;
  readonly plain: Document;
}

/** How a file is opened. */
export interface OpenOptions {
  /** The format; that of the name when left out. */
  readonly inputType?: Format | undefined;
  /** Accepts a file whose MAC is missing or wrong, with a warning (sops.md D50). */
  readonly ignoreMac?: boolean | undefined;
}

/** Reads a file or standard input. Refuses what is too large to work on in memory. */
export async function readText(
  { file, path }: Pick<SelectedFile, "file" | "path">,
  options: { readonly nameOverride?: string | undefined },
  { host }: OpContext,
): Promise<FileText> {
  const name = options.nameOverride ?? path ?? "";
  try {
    if (path !== undefined) return { file, name, bytes: await host.readFile(path, { limit: sizeLimit }) };
    const bytes = await host.readStdin();
    if (bytes.length <= sizeLimit) return { file, name, bytes };
    throw new KsealError("LIMIT_EXCEEDED", `larger than ${sizeLimit / 1024 / 1024} MB`);
  } catch (error) {
    throw error instanceof KsealError ? error.at({ file }) : error;
  }
}

/** Parses a file of any kind, encrypted or not. */
export async function parseText(text: FileText, inputType: Format | undefined): Promise<ParsedFile> {
  const store = await storeFor(inputType ?? formatOfName(text.name));
  try {
    return store.parse(text.bytes);
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    const { code, message, where } = error;
    if (code !== "FORMAT_INVALID" || !hasConflictMarkers(text.bytes)) throw error.at({ file: text.file });
    const hint = conflictHint(text.file);
    throw new KsealError(code, message, { hint, where: { file: text.file, ...where }, cause: error });
  }
}

/**
 * Opens an encrypted file: unwraps the data key, decrypts every value, checks the MAC. Nothing plain is returned
 * before the MAC has been checked, unless the caller asked for that (sops.md D50).
 *
 * @throws KsealError `NOT_ENCRYPTED`, `NO_KEY`, `DECRYPT_FAILED`, `MAC_MISSING`, `MAC_MISMATCH`, ...
 */
export async function openText(
  text: FileText,
  options: OpenOptions,
  context: OpContext,
): Promise<OpenedFile> {
  const parsed = await parseText(text, options.inputType);
  return openParsed(text, parsed, options, context);
}

/** The second half of {@link openText}, for callers that look at the parsed file first. */
export async function openParsed(
  text: FileText,
  parsed: ParsedFile,
  options: OpenOptions,
  context: OpContext,
): Promise<OpenedFile> {
  const { metadata } = parsed;
  if (metadata === undefined) throw notEncrypted(text);
  for (const { message, line } of parsed.warnings) {
    context.log.warn(`${text.file}${line === undefined ? "" : `:${line}`}: ${message}`);
  }
  try {
    context.host.releaseMemory(text.bytes.length);
    const dataKey = await context.keyring.unwrap(metadata, keyLookup(text.name, context));
    const plain = await openTree({ parsed, metadata, dataKey, file: text.file }, options, context);
    context.host.releaseMemory(text.bytes.length);
    return { ...text, parsed, metadata, dataKey, plain };
  } catch (error) {
    throw error instanceof KsealError ? error.at({ file: text.file }, damageHint(error, text.file)) : error;
  }
}

/** Decrypts the values of a parsed file with its data key, and checks the MAC. */
export async function openTree(
  sealed: { parsed: ParsedFile; metadata: Metadata; dataKey: DataKey; file: string },
  options: OpenOptions,
  { log }: OpContext,
): Promise<Document> {
  const { metadata, file } = sealed;
  const key = sealed.dataKey.keyObject();
  const opened = decryptTree(sealed.parsed.document, {
    key,
    selector: await compileSelection(metadata.selection ?? defaultSelection),
    macOnlyEncrypted: metadata.macOnlyEncrypted,
  });
  if (options.ignoreMac) {
    log.warn(
      `${file}: the MAC was not checked: values in clear, their order and their number may have been changed`,
    );
  } else {
    verifyMac(opened.mac, { key, mac: metadata.mac, lastModified: metadata.lastModified });
  }
  for (const warning of opened.warnings) log.warn(`${file}: ${warning}`);
  return opened.document;
}

function notEncrypted({ file, bytes }: FileText): KsealError {
  const name = shellWord(file);
  const hint = mayHoldSealed(bytes)
    ? `it holds a SealedSecret, which opens with the cluster's keys: kseal unseal --key BACKUP ${name}`
    : file === "-"
      ? undefined
      : `encrypt it with: kseal encrypt -i ${name}`;
  return new KsealError("NOT_ENCRYPTED", "not encrypted: it has no sops metadata", {
    hint,
    where: { file },
  });
}

// Whatever damaged an encrypted file, Git has the last version that was whole.
function damageHint({ code }: KsealError, file: string): string | undefined {
  const isDamage =
    code === "DECRYPT_FAILED" ||
    code === "VALUE_MALFORMED" ||
    code === "METADATA_INVALID" ||
    code.startsWith("MAC_");
  return isDamage && file !== "-" ? `see what changed it: git log -p ${shellWord(file)}` : undefined;
}

/** What to do about a file with conflict markers. */
export function conflictHint(file: string): string {
  return `a merge left conflict markers in it; take one side: git checkout --ours ${shellWord(file)}`;
}
