import { mergeTrees } from "../core/tree-merge.ts";
import { KsealError } from "../errors.ts";
import { formatOfName, storeFor } from "../formats/detect.ts";
import type { Format, ParsedFile } from "../formats/store.ts";
import type { OpContext } from "./context.ts";
import { type FileText, parseText } from "./load-file.ts";
import { looksEncrypted } from "./looks-encrypted.ts";
import { type Choose, type MergedFile, mergeSopsFiles, problemOf } from "./merge-sops.ts";
import { mergeText } from "./merge-text.ts";
import { mayHoldSealed } from "./unseal-detect.ts";

/** The versions of a file that are merged, as Git hands them to a merge driver. */
export interface FileVersions {
  /** The name of the file in the repository: it decides format and creation rule. */
  readonly name: string;
  /** Empty when the file was added on both sides. */
  readonly base: Uint8Array;
  readonly ours: Uint8Array;
  readonly theirs: Uint8Array;
}

export interface MergeOptions {
  /** Decides what both sides changed; nothing is decided when left out. */
  readonly choose?: Choose | undefined;
  readonly inputType?: Format | undefined;
  /** How long the conflict markers of Git are; 7 when left out. */
  readonly markerSize?: number | undefined;
}

/**
 * Merges two versions of a file by structure: files of SOPS with their MAC and their recipients, SealedSecrets without
 * any key. Every other file, and SealedSecrets that both sides changed at the same place, are merged as Git merges text.
 *
 * @throws KsealError `MAC_MISMATCH`, `MAC_MISSING`, `DECRYPT_FAILED`, `VALUE_MALFORMED` when a version was tampered with;
 *   `NOT_ENCRYPTED` when only one side is encrypted.
 */
export async function mergeFiles(
  versions: FileVersions,
  options: MergeOptions,
  context: OpContext,
): Promise<MergedFile> {
  const { ours, theirs } = versions;
  if (looksEncrypted(ours) || looksEncrypted(theirs)) return mergeEncrypted(versions, options, context);
  if (mayHoldSealed(ours) && mayHoldSealed(theirs)) {
    const merged = await mergeSealed(versions, options);
    if (merged !== undefined) return merged;
  }
  return mergeText(versions, options, context);
}

async function mergeEncrypted(
  versions: FileVersions,
  options: MergeOptions,
  context: OpContext,
): Promise<MergedFile> {
  const parse = async (side: "base" | "ours" | "theirs"): Promise<{ text: FileText; parsed: ParsedFile }> => {
    const { name } = versions;
    const text = { file: `${name} (${sideWords[side]})`, name, bytes: versions[side] };
    return { text, parsed: await parseText(text, options.inputType) };
  };
  const [ours, theirs] = [await parse("ours"), await parse("theirs")];
  const [ourMetadata, theirMetadata] = [ours.parsed.metadata, theirs.parsed.metadata];
  if (ourMetadata === undefined && theirMetadata === undefined) return mergeText(versions, options, context);
  if (ourMetadata === undefined || theirMetadata === undefined) {
    throw new KsealError(
      "NOT_ENCRYPTED",
      `encrypted ${ourMetadata ? "by us" : "by them"}, and in clear on the other side`,
      {
        hint: "take the encrypted version, and make the changes of the other one with kseal edit",
        where: { file: versions.name },
      },
    );
  }
  const base = versions.base.length === 0 ? undefined : await parse("base");
  return mergeSopsFiles({ base, ours, theirs }, options.choose ?? (() => undefined), context);
}

const sideWords = { base: "the common version", ours: "our version", theirs: "their version" } as const;

/** `undefined` when the file does not parse, or somebody has to decide and wants to see markers. */
async function mergeSealed(
  { name, ...versions }: FileVersions,
  { choose, inputType }: MergeOptions,
): Promise<MergedFile | undefined> {
  const store = await storeFor(inputType ?? formatOfName(name));
  try {
    const ours = store.parse(versions.ours);
    const theirs = store.parse(versions.theirs).document;
    const base = versions.base.length === 0 ? undefined : store.parse(versions.base).document;
    const { document, conflicts } = mergeTrees({ base, ours: ours.document, theirs }, (conflict) =>
      choose?.(problemOf(conflict)),
    );
    if (conflicts.length > 0 && choose === undefined) return undefined;
    const content = store.render({ document, metadata: undefined }, { base: ours });
    return { content, conflicts: conflicts.map(problemOf) };
  } catch (error) {
    if (error instanceof KsealError) return undefined;
    throw error;
  }
}
