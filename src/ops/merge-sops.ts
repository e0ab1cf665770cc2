import type { DataKey } from "../core/data-key.ts";
import { describeKey } from "../core/key-names.ts";
import { pendingMac } from "../core/mac.ts";
import { matchesListed, type WrappedKey } from "../core/master-key.ts";
import type { Metadata } from "../core/metadata.ts";
import type { Document } from "../core/tree.ts";
import { type MergeConflict, mergeTrees, type Side } from "../core/tree-merge.ts";
import { printTreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import { storeFor } from "../formats/detect.ts";
import type { ParsedFile } from "../formats/store.ts";
import type { OpContext } from "./context.ts";
import { keyLookup } from "./key-lookup.ts";
import { layoutLike } from "./layout.ts";
import { type FileText, type OpenedFile, openParsed, openTree } from "./load-file.ts";
import { keepCiphertext } from "./merge-keep.ts";
import { findWraps, type MergedMetadata, mergeMetadata, sharesDataKey } from "./merge-metadata.ts";
import { sameDocument, sealTree } from "./reseal-file.ts";
import { openRuleBook } from "./rule-book.ts";

/** One version of an encrypted file. */
interface ParsedVersion {
  readonly text: FileText;
  readonly parsed: ParsedFile;
}

/** The versions of an encrypted file that are merged. */
export interface ParsedVersions {
  /** `undefined` when the file was added on both sides. */
  readonly base: ParsedVersion | undefined;
  readonly ours: ParsedVersion;
  readonly theirs: ParsedVersion;
}

/** What came of a merge. */
export interface MergedFile {
  readonly content: Uint8Array;
  /** What both sides changed and nobody has decided, as tree paths or in words. Empty when the merge is complete. */
  readonly conflicts: readonly MergeProblem[];
  /** No key opened the file: the values are merged, and the file waits for somebody with a key. */
  readonly pending?: KsealError | undefined;
}

/** A place that a person has to decide. */
export interface MergeProblem {
  /** As `resolve` takes it; empty for what is not a value. */
  readonly path: string;
  readonly what: string;
}

/** Decides a place that both sides changed. */
export type Choose = (problem: MergeProblem) => Side | undefined;

/**
 * Merges two versions of an encrypted file. All versions are opened and their MACs checked before anything is taken from
 * them, so that a merge launders nothing.
 *
 * Without a key the ciphertexts are merged, and the file is marked so that nobody opens it before somebody with a key
 * has finished the merge.
 *
 * @throws KsealError `MAC_MISMATCH`, `MAC_MISSING`, `DECRYPT_FAILED`, ... when a version was tampered with.
 */
export async function mergeSopsFiles(
  versions: ParsedVersions,
  choose: Choose,
  context: OpContext,
): Promise<MergedFile> {
  const ours = await openOrKey(versions.ours, context);
  const theirs = await openOrKey(versions.theirs, context);
  const locked = [ours, theirs].find((side) => side instanceof KsealError);
  if (ours instanceof KsealError || theirs instanceof KsealError) {
    return mergeLocked(versions, locked as KsealError, choose, context);
  }
  const base = await openBase(versions.base, [ours.dataKey, theirs.dataKey], context);
  if (base instanceof KsealError) return mergeLocked(versions, base, choose, context);
  return mergeOpened({ base, ours, theirs }, choose, context);
}

/** A version, or why no key opens it. */
async function openOrKey(
  { text, parsed }: ParsedVersion,
  context: OpContext,
): Promise<OpenedFile | KsealError> {
  try {
    return await openParsed(text, parsed, {}, context);
  } catch (error) {
    if (error instanceof KsealError && ["NO_KEY", "KEY_SOURCE_FAILED"].includes(error.code)) return error;
    throw error;
  }
}

/** The common version as it is compared with: its metadata when it was encrypted. */
interface BaseVersion {
  readonly plain: Document;
  readonly sealed: Document;
  readonly metadata: Metadata | undefined;
  readonly dataKey: DataKey | undefined;
}

/** Who became a recipient meanwhile opens the common version with the data key that it still has. */
async function openBase(
  base: ParsedVersion | undefined,
  dataKeys: readonly DataKey[],
  context: OpContext,
): Promise<BaseVersion | undefined | KsealError> {
  if (base === undefined) return undefined;
  const { text, parsed } = base;
  const { metadata, document: sealed } = parsed;
  if (metadata === undefined) return { plain: sealed, sealed, metadata, dataKey: undefined };
  for (const dataKey of dataKeys) {
    try {
      const quiet = { ...context, log: { ...context.log, info: () => {}, warn: () => {} } };
      const plain = await openTree({ parsed, metadata, dataKey, file: text.file }, {}, quiet);
      return { plain, sealed, metadata, dataKey };
    } catch (error) {
      if (!(error instanceof KsealError)) throw error;
    }
  }
  const opened = await openOrKey(base, context);
  return opened instanceof KsealError ? opened : { ...opened, sealed };
}

interface Opened {
  readonly base: BaseVersion | undefined;
  readonly ours: OpenedFile;
  readonly theirs: OpenedFile;
}

async function mergeOpened(opened: Opened, choose: Choose, context: OpContext): Promise<MergedFile> {
  const { base, ours, theirs } = opened;
  const metadata = mergeMetadata(
    { base: base?.metadata, ours: ours.metadata, theirs: theirs.metadata },
    (what) => choose({ path: "", what: wordsFor(what) }),
  );
  const tree = mergeTrees({ base: base?.plain, ours: ours.plain, theirs: theirs.plain }, (conflict) =>
    choose(problemOf(conflict)),
  );
  const conflicts = [
    ...tree.conflicts.map(problemOf),
    ...metadata.conflicts.map((what) => ({ path: "", what: wordsFor(what) })),
  ];
  const winner = newestDataKey(opened);
  const whole = conflicts.length === 0 ? wholeSide(tree.document, metadata, opened, winner) : undefined;
  if (whole !== undefined) return { content: whole.bytes, conflicts };
  const isOneKey = sameDataKey(ours.dataKey, theirs.dataKey);
  const sources = isOneKey ? [ours.metadata, theirs.metadata] : [winner.metadata];
  const groups = await wrapFor(metadata, winner, sources, context);
  const previous = isOneKey
    ? { plain: tree.document, sealed: await keepCiphertext(tree.document, [ours, theirs].map(sealedVersion)) }
    : sealedVersion(winner);
  const { sealed, metadata: sealedMetadata } = await sealTree(
    tree.document,
    { ...winner.metadata, ...metadata.settings, groups },
    { dataKey: winner.dataKey, previous },
    context,
  );
  const mac = conflicts.length === 0 ? sealedMetadata.mac : pendingMac;
  return {
    content: await render(ours, sealed.document, { ...sealedMetadata, mac }, context),
    conflicts,
  };
}

function sealedVersion({ plain, parsed }: OpenedFile): { plain: Document; sealed: Document } {
  return { plain, sealed: parsed.document };
}

/** The side that the merge comes out as, when it does: then it stays byte for byte, its MAC and date with it. */
function wholeSide(
  merged: Document,
  { groups, settings }: MergedMetadata,
  { ours, theirs }: Opened,
  winner: OpenedFile,
): OpenedFile | undefined {
  return [ours, theirs].find(
    (side) =>
      (side === winner || sameDataKey(side.dataKey, winner.dataKey)) &&
      sameDocument(merged, side.plain) &&
      findWraps(groups, settings, [side.metadata]).missing.length === 0 &&
      side.metadata.groups.flat().length === groups.flat().length &&
      JSON.stringify(side.metadata.selection) === JSON.stringify(settings.selection) &&
      side.metadata.macOnlyEncrypted === settings.macOnlyEncrypted,
  );
}

/** The side whose data key the merged file gets: the one that changed it, of two the later. */
function newestDataKey({ base, ours, theirs }: Opened): OpenedFile {
  const before = base?.dataKey;
  if (before !== undefined && sameDataKey(before, theirs.dataKey)) return ours;
  if (before !== undefined && sameDataKey(before, ours.dataKey)) return theirs;
  return Date.parse(theirs.metadata.lastModified) > Date.parse(ours.metadata.lastModified) ? theirs : ours;
}

function sameDataKey(a: DataKey, b: DataKey): boolean {
  const [bytes, others] = [a.reveal(), b.reveal()];
  return bytes.length === others.length && bytes.every((byte, at) => byte === others[at]);
}

/**
 * The wraps of the merged file. New ones are made only for keys that the creation rule lists: nothing authenticates the
 * recipients of a file, and who can push could have added one (sops.md D8).
 */
async function wrapFor(
  { groups, settings }: MergedMetadata,
  winner: OpenedFile,
  sources: readonly Metadata[],
  context: OpContext,
): Promise<readonly (readonly WrappedKey[])[]> {
  const known = findWraps(groups, settings, sources);
  if (known.missing.length === 0) return known.groups;
  const matched = await openRuleBook(context).ruleFor(context.host.resolve(winner.name));
  const listed = matched?.rule.groups.flat() ?? [];
  const outside = known.missing.filter((key) => !listed.some((one) => matchesListed(key, one)));
  const lookup = keyLookup(winner.name, context);
  if (outside.length > 0) {
    const names = await lookup.names();
    throw new KsealError(
      "CHANGES_REFUSED",
      `the merged file would be readable by recipients that no creation rule lists for it: ${outside.map((key) => describeKey(key, names)).join(", ")}`,
      { hint: "add them to the rule in .sops.yaml, or merge that first; then run the merge again" },
    );
  }
  return context.keyring.wrapAll(winner.dataKey, groups, settings.shamirThreshold, lookup);
}

/** Merges ciphertexts. Two versions of one data key have the same text for the same value. */
async function mergeLocked(
  { base, ours, theirs }: ParsedVersions,
  locked: KsealError,
  choose: Choose,
  context: OpContext,
): Promise<MergedFile> {
  const [mine, other, before] = [ours, theirs, base].map((version) => version?.parsed.metadata);
  if (mine === undefined || other === undefined) throw new TypeError("both sides are encrypted");
  const isOneKey = sharesDataKey(mine, other) && (before === undefined || sharesDataKey(mine, before));
  const merged = isOneKey
    ? mergeTrees(
        { base: base?.parsed.document, ours: ours.parsed.document, theirs: theirs.parsed.document },
        (conflict) => choose(problemOf(conflict)),
      )
    : {
        document: ours.parsed.document,
        conflicts: [],
      };
  const settings = mergeMetadata({ base: before, ours: mine, theirs: other }, () => undefined);
  const conflicts = [
    ...merged.conflicts.map(problemOf),
    ...(isOneKey ? [] : [{ path: "", what: "the two versions have different data keys" }]),
    ...settings.conflicts.map((what) => ({ path: "", what: wordsFor(what) })),
  ];
  const wraps = findWraps(settings.groups, settings.settings, isOneKey ? [mine, other] : [mine]);
  const groups = wraps.missing.length === 0 ? wraps.groups : mine.groups;
  const metadata = { ...mine, ...settings.settings, groups, mac: pendingMac };
  return {
    content: await render({ ...ours.text, parsed: ours.parsed }, merged.document, metadata, context),
    conflicts,
    pending: locked,
  };
}

async function render(
  like: Pick<OpenedFile, "parsed" | "name">,
  document: Document,
  metadata: Metadata,
  context: OpContext,
): Promise<Uint8Array> {
  const { format } = like.parsed;
  const store = await storeFor(format);
  return store.render(
    { document, metadata },
    await layoutLike(like.parsed, { name: like.name, format }, context),
  );
}

/** A conflict as a person reads it and types it. */
export function problemOf({ document, path, what }: MergeConflict): MergeProblem {
  const place = printTreePath(path);
  return { path: document === 0 ? place : `${document}${place}`, what };
}

function wordsFor(what: string): string {
  return `${what}: changed on both sides`;
}
