import { KsealError, type Where } from "../errors.ts";
import { type Manifest, type ManifestFormat, readManifest } from "../formats/manifest.ts";
import { expandList, readSecret, type Secret } from "../sealed/secret.ts";
import type { OpContext } from "./context.ts";
import { shellWord } from "./file-path.ts";
import { conflictHint, type FileText } from "./load-file.ts";
import { hasConflictMarkers } from "./looks-encrypted.ts";

/** One Secret of a file. */
interface FoundSecret {
  readonly secret: Secret;
  /** Where its document begins. */
  readonly line: number | undefined;
}

/** A file of Secrets. */
export interface SecretFile {
  readonly format: ManifestFormat;
  readonly secrets: readonly [FoundSecret, ...FoundSecret[]];
}

/**
 * Reads a file of Kubernetes objects for a command that works on SealedSecrets and Secrets. What Kubernetes reads
 * otherwise than most people do is told to the log.
 *
 * @throws KsealError as {@link readManifest}; `FORMAT_INVALID` also for a key that stands twice, of which Kubernetes would
 *   drop one without a word; `ALREADY_ENCRYPTED` for a file of SOPS.
 */
export async function readObjects(
  text: FileText,
  format: ManifestFormat | undefined,
  { log }: Pick<OpContext, "log">,
): Promise<Manifest> {
  const { file } = text;
  const manifest = await parse(text, format);
  if (manifest.parsed.metadata !== undefined) {
    throw new KsealError("ALREADY_ENCRYPTED", "the file is encrypted with SOPS", {
      hint: file === "-" ? undefined : `open it first: kseal decrypt ${shellWord(file)}`,
      where: { file },
    });
  }
  for (const { kind, message, line } of manifest.warnings) {
    if (kind === "duplicate-key") {
      throw new KsealError("FORMAT_INVALID", message, {
        hint: "Kubernetes takes the last one and drops the other; remove one",
        where: { file, line },
      });
    }
    log.warn(`${file === "-" ? "standard input" : file}:${line}: ${message}`);
  }
  return manifest;
}

/**
 * The Secrets of a file, those in lists included, in their order.
 *
 * @throws KsealError `SEALED_INVALID` with document and line when anything else is in the file (S11), or nothing.
 */
export function secretsIn({ documents, format }: Manifest, file: string): SecretFile {
  const filled = documents.filter(({ object }) => object !== undefined);
  const [first, ...rest] = filled.flatMap(({ object, line }, at) => {
    const document = filled.length > 1 ? `document ${at + 1}` : "";
    const where = { file, ...(line === undefined ? {} : { line }) };
    const objects = inPlace(() => expandList(object), document, where);
    return objects.map((item, index): FoundSecret => {
      const place =
        objects.length > 1 ? [document, `item ${index + 1}`].filter(Boolean).join(", ") : document;
      return { secret: inPlace(() => readSecret(item), place, where), line };
    });
  });
  if (first === undefined) {
    throw new KsealError("SEALED_INVALID", "there is no Secret in it", {
      hint: "a Secret begins with: apiVersion: v1, kind: Secret",
      where: { file },
    });
  }
  return { format, secrets: [first, ...rest] };
}

/** A cheap look, for folders: whether a file may hold a Secret in clear. */
export function mayHoldSecrets(bytes: Uint8Array): boolean {
  const text = new TextDecoder("latin1").decode(bytes);
  const isSecret =
    /(?:^|[\s{,-])["']?kind["']?[ \t]*:[ \t]*["']?Secret(?:List)?["']?[ \t]*(?:[,}\r#]|$)/m.test(text);
  return isSecret && !(/sops/.test(text) && /lastmodified/.test(text));
}

async function parse({ file, name, bytes }: FileText, format: ManifestFormat | undefined): Promise<Manifest> {
  try {
    return await readManifest(bytes, { file: name === "" ? file : name, format });
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    const { code, message, where, cause } = error;
    const isConflict = code === "FORMAT_INVALID" && hasConflictMarkers(bytes);
    const hint = isConflict ? conflictHint(file) : error.hint;
    throw new KsealError(code, message, { hint, where: { ...where, file }, cause });
  }
}

function inPlace<T>(read: () => T, place: string, where: Where): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    const { code, message, hint, cause } = error;
    const full = place === "" ? message : `${place}: ${message}`;
    throw new KsealError(code, full, { hint, cause, where: { ...where, ...error.where } });
  }
}
