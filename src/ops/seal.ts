import type { ManifestFormat } from "../formats/manifest.ts";
import { wrapping } from "../sealed/wrap-on-cores.ts";
import { type CertificateFlags, certificateFinder } from "./certificate.ts";
import type { OpContext } from "./context.ts";
import type { Destination } from "./destination.ts";
import { plainInGit } from "./git.ts";
import { mapFiles } from "./map-files.ts";
import {
  type ReadSource,
  readSource,
  type SealedFor,
  type SealedObject,
  sealSource,
  unchangedItemsOf,
} from "./seal-file.ts";
import { mayHoldSecrets } from "./seal-manifest.ts";
import type { SealingOptions } from "./seal-object.ts";
import { type SelectedFile, selectLike } from "./select-files.ts";
import { withLocks, writeResults } from "./write-result.ts";

export interface SealFilesOptions extends SealingOptions, CertificateFlags {
  /** Files, folders, or `-` for standard input. A folder means the files below it with a Secret in clear. */
  readonly paths: readonly string[];
  readonly destination: Destination;
  /** The name that decides format and rule for standard input. */
  readonly nameOverride?: string | undefined;
  readonly inputType?: ManifestFormat | undefined;
  /** That of the output file's name, else that of the input, when left out. */
  readonly outputType?: ManifestFormat | undefined;
  /** Files with sealing keys: with them, values that are unchanged in the file that is replaced keep their ciphertext. */
  readonly keys?: readonly string[] | undefined;
  readonly dryRun?: boolean | undefined;
}

/** One file of SealedSecrets. */
export interface SealedFile {
  /** As the user named it, or as found below the folder; `-` for standard input. */
  readonly file: string;
  /** Where it was written, or would be without `dryRun`; `undefined` when it went to the caller. */
  readonly writtenTo: string | undefined;
  readonly content: Uint8Array;
  readonly objects: readonly SealedObject[];
  readonly certificate: SealedFor;
}

/**
 * Seals Secrets. All files are read and sealed before anything is written.
 *
 * @throws KsealError `SEALED_INVALID` when a file holds anything but Secrets (S11) or cannot be sealed for its place,
 *   `FORMAT_INVALID`, `CERTIFICATE_INVALID`, ...; of several files that fail, all are named.
 */
export async function sealFiles(
  options: SealFilesOptions,
  context: OpContext,
): Promise<readonly SealedFile[]> {
  const { paths, destination, dryRun } = options;
  const sources = await selectLike(
    paths,
    { looksRight: mayHoldSecrets, missing: "no Secret in this folder" },
    context,
  );
  const isReplacing = destination.to === "file" || destination.to === "folder";
  const unchanged = isReplacing ? await unchangedItemsOf(options.keys, context) : undefined;
  return withLocks(sources, destination.to === "in-place" && !dryRun, context, async () => {
    const read = await mapFiles(sources, (source) => readSource(source, options, context), context);
    const format = commonFormat(read, options);
    const certificates = certificateFinder(options, context);
    const warned = new Set<string>();
    const wrapFor = wrapping(valuesOf(read), context.host.cores);
    const results = await mapFiles(
      read,
      (source) =>
        sealSource(source, { ...options, unchanged, format, certificates, wrapFor, warned }, context),
      { signal: context.signal },
    );
    const targets = await writeResults(results, destination, { dryRun, plaintext: false }, context);
    if (destination.to === "in-place" && !dryRun) await warnOfHistory(sources, context);
    return results.map(({ source, expect: _, ...result }, index) => ({
      ...result,
      file: source.file,
      writtenTo: targets[index],
    }));
  });
}

function valuesOf(read: readonly ReadSource[]): number {
  return read.reduce(
    (sum, { secrets }) => secrets.secrets.reduce((inFile, { secret }) => inFile + secret.data.size, sum),
    0,
  );
}

/** What goes to one stream has one format: YAML unless all of it came as JSON. */
function commonFormat(
  read: readonly ReadSource[],
  { destination, outputType }: SealFilesOptions,
): ManifestFormat | undefined {
  if (outputType !== undefined || destination.to !== "caller") return outputType;
  return read.every(({ secrets }) => secrets.format === "json") ? "json" : "yaml";
}

async function warnOfHistory(sources: readonly SelectedFile[], { host, log }: OpContext): Promise<void> {
  const named = new Map(sources.flatMap(({ path, file }) => (path === undefined ? [] : [[path, file]])));
  for (const path of await plainInGit(host, [...named.keys()])) {
    log.warn(
      `${named.get(path)}: its plaintext is in the Git history and stays there; change the credentials in it`,
    );
  }
}
