import type { TreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import type { Manifest, ManifestFormat } from "../formats/manifest.ts";
import { readSealedSecret, type SealedSecret } from "../sealed/sealed-secret.ts";
import { placeOf, typedItem } from "../sealed/secret.ts";
import type { OpContext } from "./context.ts";
import { type FileText, readText } from "./load-file.ts";
import { mapFiles } from "./map-files.ts";
import { readObjects } from "./seal-manifest.ts";
import { type FileScope, type SelectedFile, selectLike } from "./select-files.ts";
import { mayHoldSealed } from "./unseal-detect.ts";

/** One SealedSecret of a file. */
export interface FoundSealed {
  /** As the user named it. */
  readonly file: string;
  readonly sealed: SealedSecret;
  /** `namespace/name`, for messages. */
  readonly place: string;
  /** The document of the file, from 0, and the way to the object in it, which is empty outside of lists. */
  readonly document: number;
  readonly path: TreePath;
  readonly line: number | undefined;
}

/** A file with SealedSecrets. */
export interface SealedFile {
  readonly source: SelectedFile;
  readonly text: FileText;
  readonly manifest: Manifest;
  readonly objects: readonly [FoundSealed, ...FoundSealed[]];
  /** How many other objects are in it. */
  readonly others: number;
}

/** The files of a command on SealedSecrets: of a folder every file that may hold one. */
export function selectSealed(
  { paths, since }: FileScope,
  context: OpContext,
): Promise<readonly SelectedFile[]> {
  const kind = { looksRight: mayHoldSealed, missing: "no SealedSecret in this folder", since };
  return selectLike(paths, kind, context);
}

/**
 * Reads files with SealedSecrets.
 *
 * @throws KsealError as `readObjects`; `SEALED_INVALID` for a file that was named and has no SealedSecret, and for one
 *   that is broken. Of several failures all are told.
 */
export async function readSealedFiles(
  sources: readonly SelectedFile[],
  format: ManifestFormat | undefined,
  context: OpContext,
): Promise<readonly SealedFile[]> {
  const files = await mapFiles(
    sources,
    async (source) => readSealedText(source, await readText(source, {}, context), format, context),
    { signal: context.signal },
  );
  return files.filter((file) => file !== undefined);
}

/**
 * The SealedSecrets of one text; `undefined` for one that was found below a folder and has none.
 *
 * @throws KsealError as {@link readSealedFiles}.
 */
export async function readSealedText(
  source: SelectedFile,
  text: FileText,
  format: ManifestFormat | undefined,
  context: OpContext,
): Promise<SealedFile | undefined> {
  const { file } = text;
  const manifest = await readObjects(text, format, context);
  const all = manifest.documents.flatMap(({ object, index, line }) =>
    object === undefined
      ? []
      : itemsOf(object, [], file, line).map((item) => ({ ...item, document: index, line })),
  );
  const wanted = all.filter(({ object }) => kindOf(object) === "SealedSecret");
  // Where there is only one object, what is wrong with it says more.
  const [first, ...rest] = (all.length === 1 ? all : wanted).map(({ object, ...at }): FoundSealed => {
    const sealed = located(() => readSealedSecret(object), file, at.line);
    return { file, sealed, place: placeOf(sealed.metadata), ...at };
  });
  if (first !== undefined) {
    return { source, text, manifest, objects: [first, ...rest], others: all.length - 1 - rest.length };
  }
  // What a folder holds need not be meant.
  if (source.found) return undefined;
  throw new KsealError("SEALED_INVALID", "there is no SealedSecret in it", {
    hint: "a SealedSecret begins with: apiVersion: bitnami.com/v1alpha1, kind: SealedSecret",
    where: { file },
  });
}

/** As `expandList` of sealed/secret.ts, with the way to each object. */
function itemsOf(
  object: unknown,
  path: TreePath,
  file: string,
  line: number | undefined,
): readonly { readonly object: unknown; readonly path: TreePath }[] {
  const kind = kindOf(object);
  if (!/^(|Secret|SealedSecret)List$/.test(kind)) return [{ object, path }];
  if (path.length > 6) {
    throw new KsealError("LIMIT_EXCEEDED", "lists are nested more than 3 deep", {
      where: { file, ...(line === undefined ? {} : { line }) },
    });
  }
  const items = fieldOf(object, "items");
  return (Array.isArray(items) ? items : []).flatMap((item, at) =>
    itemsOf(typedItem(kind, item), [...path, "items", at], file, line),
  );
}

function kindOf(object: unknown): string {
  const kind = fieldOf(object, "kind");
  return typeof kind === "string" ? kind : "";
}

function fieldOf(object: unknown, key: string): unknown {
  if (typeof object !== "object" || object === null || !Object.hasOwn(object, key)) return undefined;
  return (object as Readonly<Record<string, unknown>>)[key];
}

/** Runs what may fail without knowing where. */
function located<T>(work: () => T, file: string, line: number | undefined): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    throw error.at({ file, ...(line === undefined ? {} : { line }) });
  }
}
