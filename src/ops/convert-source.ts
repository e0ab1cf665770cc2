import { KsealError } from "../errors.ts";
import { formatOfName } from "../formats/detect.ts";
import type { ParsedFile } from "../formats/store.ts";
import { scopeOf, withScope } from "../sealed/scope.ts";
import { isSyncName } from "../sealed/seal-secret.ts";
import { readSealedSecret, type SealedSecret, sealedSecretVersion } from "../sealed/sealed-secret.ts";
import { placeOf, readSecret, type Secret } from "../sealed/secret.ts";
import { unsealOpened } from "../sealed/unseal-secret.ts";
import type { OpContext } from "./context.ts";
import { isKind, type ObjectPart, partsOf } from "./convert-documents.ts";
import { renderPlain } from "./decrypt-text.ts";
import { type FileText, openParsed, parseText, readText } from "./load-file.ts";
import { looksEncrypted } from "./looks-encrypted.ts";
import { templateRenderer } from "./render-template.ts";
import { mayHoldSecrets, readObjects } from "./seal-manifest.ts";
import type { SelectedFile } from "./select-files.ts";
import { mayHoldSealed } from "./unseal-detect.ts";
import type { FoundSealed } from "./unseal-objects.ts";
import { openObjects, requireSealingKeys } from "./unseal-values.ts";

/** How Secrets stand in a file. */
export type SecretForm = "sops" | "sealed" | "secret";

/** A file that is to be converted. */
export interface ConvertSource {
  readonly file: string;
  readonly source: SelectedFile;
  readonly text: FileText;
  readonly from: SecretForm;
  /** The whole file in clear, in its own layout; missing for SealedSecrets. */
  readonly plain: Uint8Array | undefined;
  readonly format: "yaml" | "json";
  readonly parts: readonly SourcePart[];
}

/** An object of it: a Secret in clear, a SealedSecret that is not open yet, or anything else. */
export interface SourcePart extends ObjectPart {
  readonly secret?: Secret;
  readonly sealed?: FoundSealed;
  /** What the Secret does not say any more that the SealedSecret said. */
  readonly lost: readonly string[];
}

/** The form of a file, by a cheap look. */
export function formOf(bytes: Uint8Array): SecretForm | undefined {
  if (looksEncrypted(bytes)) return "sops";
  if (mayHoldSealed(bytes)) return "sealed";
  return mayHoldSecrets(bytes) ? "secret" : undefined;
}

/**
 * Reads a file, and opens it if SOPS encrypted it.
 *
 * @returns Why it cannot be converted, for a file that need not be meant.
 * @throws KsealError What opening and parsing it throws.
 */
export async function readSource(source: SelectedFile, context: OpContext): Promise<ConvertSource | Unfit> {
  const text = await readText(source, {}, context);
  if (looksEncrypted(text.bytes)) {
    const parsed = await encryptedFile(text);
    if (parsed?.format === "yaml" || parsed?.format === "json") {
      const opened = await openParsed(text, parsed, {}, context);
      const { content } = await renderPlain(opened, {}, context);
      return sourceOf({ source, text, from: "sops", plain: content }, context);
    }
    if (parsed !== undefined) return { why: noSecret, isEncrypted: true };
  }
  if (!kindOfSecret.test(new TextDecoder("latin1").decode(text.bytes))) {
    return { why: noSecret, isEncrypted: false };
  }
  const from = mayHoldSealed(text.bytes) ? "sealed" : "secret";
  return sourceOf({ source, text, from, plain: from === "secret" ? text.bytes : undefined }, context);
}

/** That a file cannot be converted. */
export interface Unfit {
  readonly why: string;
  /** Whether SOPS encrypted it. */
  readonly isEncrypted: boolean;
}

const kindOfSecret = /kind["']?[ \t]*:[ \t]*["']?(Sealed)?Secret/;

/** The parsed file if SOPS encrypted it: by its name, or as dotenv, which often has a name that says nothing. */
async function encryptedFile(text: FileText): Promise<ParsedFile | undefined> {
  const byName = formatOfName(text.name);
  for (const format of byName === "binary" ? (["binary", "dotenv"] as const) : [byName]) {
    try {
      const parsed = await parseText(text, format);
      if (parsed.metadata !== undefined) return parsed;
    } catch (error) {
      if (!(error instanceof KsealError) || byName !== "binary") throw error;
    }
  }
  return undefined;
}

const noSecret = "it holds no Secret";

async function sourceOf(
  file: Pick<ConvertSource, "source" | "text" | "from" | "plain">,
  context: OpContext,
): Promise<ConvertSource | Unfit> {
  const { source, text, from, plain } = file;
  const bytes = plain ?? text.bytes;
  const manifest = await readObjects({ ...text, bytes }, undefined, context);
  const decoder = new TextDecoder();
  const published = from === "secret" ? undefined : decoder.decode(text.bytes);
  const parts = at(text.file, undefined, () => partsOf(manifest, decoder.decode(bytes), published));
  const read = parts.map((part) => at(text.file, part.line, () => readPart(part, text.file)));
  if (!read.some((part) => part.secret ?? part.sealed))
    return { why: noSecret, isEncrypted: from === "sops" };
  return { ...file, file: source.file, format: manifest.format, parts: read };
}

function readPart(part: ObjectPart, file: string): SourcePart {
  const { object, line } = part;
  if (isKind(object, "Secret", /^v1$/)) return { ...part, secret: readSecret(object), lost: [] };
  if (!isKind(object, "SealedSecret", new RegExp(`^${sealedSecretVersion}$`))) return { ...part, lost: [] };
  const sealed = readSealedSecret(object);
  return {
    ...part,
    sealed: { file, sealed, place: placeOf(sealed.metadata), document: 0, path: [], line },
    lost: [],
  };
}

/**
 * Opens the SealedSecrets of files with sealing keys; a file without any stays as it is.
 *
 * @throws The failures of all SealedSecrets together.
 */
export async function openSealed(
  sources: readonly ConvertSource[],
  keys: readonly string[],
  context: OpContext,
): Promise<readonly ConvertSource[]> {
  const all = sources.flatMap(({ parts }) => parts.flatMap(({ sealed }) => sealed ?? []));
  if (all.length === 0) return sources;
  const atHand = await requireSealingKeys(keys, context);
  const opened = await openObjects(
    all,
    atHand.keys,
    (found, items) => {
      const render = templateRenderer(context.host);
      const { secret } = unsealOpened(found.sealed, items, { render, acceptV1: true });
      return { found, ...asItWas(found.sealed, secret) };
    },
    context,
  );
  const byObject = new Map(opened.map(({ found, ...result }) => [found, result]));
  return sources.map((source) => ({
    ...source,
    parts: source.parts.map((part) => {
      const result = part.sealed && byObject.get(part.sealed);
      return result === undefined ? part : { ...part, ...result };
    }),
  }));
}

const notKept = ["ownerReferences"];

/** The Secret with what the SealedSecret said besides, and what has no place in it. */
function asItWas(sealed: SealedSecret, secret: Secret): { secret: Secret; lost: readonly string[] } {
  const { metadata, template } = sealed;
  const scope = scopeOf(metadata.annotations);
  const moved = (from: ReadonlyMap<string, string>, to: ReadonlyMap<string, string>) =>
    new Map([...[...from].filter(([name]) => isSyncName(name) && !to.has(name)), ...to]);
  const labels = moved(metadata.labels, secret.metadata.labels);
  // Who seals it again gets the same scope.
  const annotations = withScope(moved(metadata.annotations, secret.metadata.annotations), scope);
  const left = (from: ReadonlyMap<string, string>, to: ReadonlyMap<string, string>, what: string) =>
    [...from.keys()].filter((name) => !to.has(name)).map((name) => `the ${what} ${name} of the SealedSecret`);
  return {
    secret: {
      ...secret,
      metadata: {
        ...secret.metadata,
        labels,
        annotations,
        other: new Map([...secret.metadata.other].filter(([name]) => !notKept.includes(name))),
      },
    },
    lost: [
      ...[...template.data.keys()]
        .toSorted()
        .map((item) => `the template of ${item}: its value is what it rendered to now`),
      ...left(metadata.labels, labels, "label"),
      ...left(metadata.annotations, annotations, "annotation"),
    ],
  };
}

function at<T>(file: string, line: number | undefined, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    throw error.at({ file, ...(line === undefined ? {} : { line }) });
  }
}
