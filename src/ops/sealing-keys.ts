import { KsealError } from "../errors.ts";
import { formatOfName } from "../formats/detect.ts";
import { type Manifest, readManifest } from "../formats/manifest.ts";
import {
  newestFirst,
  readKeyBackup,
  readPemKeys,
  readSealingKey,
  type SealingKey,
} from "../sealed/sealing-key.ts";
import type { Secret } from "../sealed/secret.ts";
import type { OpContext } from "./context.ts";
import { renderPlain } from "./decrypt-text.ts";
import { type FileText, openParsed, parseText, readText } from "./load-file.ts";
import { looksEncrypted } from "./looks-encrypted.ts";
import { mapFiles } from "./map-files.ts";
import { type SelectedFile, selectLike } from "./select-files.ts";

/** A sealing key, and the file that it was found in. */
export interface LoadedKey extends SealingKey {
  /** As the user named it, or as found below the named folder. */
  readonly file: string;
  /** The Secret that it is in; missing for a key from a PEM file. */
  readonly secret?: Secret;
  /** Whether its Secret held it in an envelope, which the user's own keys opened. */
  readonly wasWrapped?: boolean;
}

/** What key files hold. */
export interface SealingKeys {
  /** Each key once, newest first. */
  readonly keys: readonly LoadedKey[];
  /** What is in these files and is no key, each with the reason: it does not make the others useless (S13). */
  readonly refused: readonly { readonly file: string; readonly error: KsealError }[];
}

/**
 * Loads the sealing keys of a cluster from files: PEM, Secrets and lists of them in any number of documents (YAML or
 * JSON), and any of these encrypted with SOPS, which the user's own keys open. Of a folder every file that may hold one.
 *
 * @param paths - Files and folders; `-` for standard input.
 * @throws KsealError `NO_FILE`, `CERTIFICATE_INVALID` when there is no key at all, and what opening and parsing throws for
 *   a file that was named itself.
 */
export async function loadSealingKeys(paths: readonly string[], context: OpContext): Promise<SealingKeys> {
  const files = await selectLike(
    paths,
    { looksRight: mayHoldKeys, missing: "no sealing key in this folder" },
    context,
  );
  const loaded = await mapFiles(files, (file) => loadFile(file, context), { signal: context.signal });
  const keys = onceEach(loaded.flatMap((one) => one.keys));
  const refused = loaded.flatMap((one) => one.refused);
  if (keys.length > 0) return { keys, refused };
  const [first] = refused;
  if (first !== undefined) throw first.error.at({ file: first.file });
  throw new KsealError("CERTIFICATE_INVALID", "there is no sealing key in these files", { hint: backupHint });
}

const backupHint =
  "keys are Secrets of the controller's namespace: kubectl get secret -n kube-system -l sealedsecrets.bitnami.com/sealed-secrets-key -o yaml";

const kindsHint = "sealing keys are PEM, or Secrets in YAML or JSON; SOPS may have encrypted them";

async function loadFile(file: SelectedFile, context: OpContext): Promise<SealingKeys> {
  try {
    const text = await readText(file, {}, context);
    return await keysOfText(text, context);
  } catch (error) {
    // What lies in a folder of backups need not be one.
    if (!file.found || !(error instanceof KsealError) || error.code === "INTERRUPTED") throw error;
    return { keys: [], refused: [{ file: file.file, error }] };
  }
}

/**
 * The sealing keys in one text, which SOPS may have encrypted.
 *
 * @throws KsealError What opening and parsing it throws.
 */
export async function keysOfText(text: FileText, context: OpContext): Promise<SealingKeys> {
  return await readKeys(await decrypted(text, context), context);
}

async function readKeys(text: FileText, context: OpContext): Promise<SealingKeys> {
  const { file } = text;
  const content = new TextDecoder().decode(text.bytes);
  if (/^-----BEGIN /m.test(content)) {
    try {
      return { keys: readPemKeys(content).map((key) => ({ ...key, file })), refused: [] };
    } catch (error) {
      throw error instanceof KsealError ? error.at({ file }) : error;
    }
  }
  const documents = await documentsOf(text);
  const objects = documents.flatMap(({ object }) => (object === undefined ? [] : [object]));
  const backup = readBackup(objects, file);
  const opened = await openAll(backup.wrapped, context);
  const keys = [...backup.keys, ...opened.keys];
  const refused = [...backup.refused, ...opened.refused];
  return {
    keys: keys.map((key) => ({ ...key, file })),
    // "object 1" says nothing where there is no other.
    refused: refused.map(({ name, error }) => ({
      file,
      error: keys.length === 0 ? error : named(error, name),
    })),
  };
}

/** Keys in envelopes, as a dump of the cluster's Secrets holds them. */
async function openAll(
  wrapped: ReturnType<typeof readKeyBackup>["wrapped"],
  { keyring }: OpContext,
): Promise<
  { readonly keys: readonly Omit<LoadedKey, "file">[] } & Pick<ReturnType<typeof readKeyBackup>, "refused">
> {
  const keys: Omit<LoadedKey, "file">[] = [];
  const refused: { name: string; error: KsealError }[] = [];
  if (wrapped.length === 0) return { keys, refused };
  const { openEnvelope } = await import("./key-envelope.ts");
  for (const { name, secret } of wrapped) {
    try {
      const plain = await openEnvelope(secret, { keyring });
      keys.push({ ...readSealingKey(plain), secret: plain, wasWrapped: true });
    } catch (error) {
      if (!(error instanceof KsealError) || error.code === "INTERRUPTED") throw error;
      refused.push({ name, error });
    }
  }
  return { keys, refused };
}

async function documentsOf({ bytes, file }: FileText): Promise<Manifest["documents"]> {
  try {
    return (await readManifest(bytes, { file })).documents;
  } catch (error) {
    throw error instanceof KsealError ? error.at({ file }, kindsHint) : error;
  }
}

function readBackup(objects: readonly unknown[], file: string): ReturnType<typeof readKeyBackup> {
  try {
    return readKeyBackup(objects);
  } catch (error) {
    throw error instanceof KsealError ? error.at({ file }) : error;
  }
}

function named({ code, message, hint, cause }: KsealError, name: string): KsealError {
  return new KsealError(code, `${name}: ${message}`, { hint, cause });
}

/** The text itself, or what is in it when SOPS encrypted it. */
async function decrypted(text: FileText, context: OpContext): Promise<FileText> {
  if (!looksEncrypted(text.bytes)) return text;
  const formats = formatOfName(text.name) === "binary" ? (["binary", "yaml"] as const) : [undefined];
  for (const format of formats) {
    const parsed = await parseText(text, format);
    if (parsed.metadata === undefined) continue;
    const opened = await openParsed(text, parsed, {}, context);
    return { ...text, bytes: (await renderPlain(opened, {}, context)).content };
  }
  return text;
}

/** A cheap look, for folders: a private key in PEM, a Secret with one, or a file of SOPS, whose names may be hidden. */
function mayHoldKeys(bytes: Uint8Array): boolean {
  const text = new TextDecoder("latin1").decode(bytes);
  return /PRIVATE KEY-----|tls\.key/.test(text) || looksEncrypted(bytes);
}

/** A key that stands in several files counts once, where most is known of it. */
function onceEach(keys: readonly LoadedKey[]): readonly LoadedKey[] {
  const known = (key: LoadedKey): number =>
    Number(key.certificate !== undefined) * 2 + Number(key.name !== "");
  const groups = Map.groupBy(keys, ({ fingerprint }) => fingerprint);
  const best = [...groups.values()].flatMap((same) =>
    same.toSorted((a, b) => known(b) - known(a)).slice(0, 1),
  );
  return newestFirst(best);
}
