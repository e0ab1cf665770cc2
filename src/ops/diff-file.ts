import type { Document, TreeNode } from "../core/tree.ts";
import { listChanges } from "../core/tree-changes.ts";
import { getNode, printTreePath, type TreePath } from "../core/tree-path.ts";
import { isSealed } from "../core/value.ts";
import { KsealError } from "../errors.ts";
import { formatOfName, storeFor } from "../formats/detect.ts";
import type { Format, ParsedFile } from "../formats/store.ts";
import type { OpContext } from "./context.ts";
import { compareMarks } from "./diff-comments.ts";
import { compareMetadata } from "./diff-metadata.ts";
import { compareSealed } from "./diff-sealed.ts";
import { keyLookup } from "./key-lookup.ts";
import { openParsed } from "./load-file.ts";
import { looksEncrypted } from "./looks-encrypted.ts";
import { sharesDataKey } from "./merge-metadata.ts";
import { mayHoldSealed } from "./unseal-detect.ts";

/** Two versions of a file. `undefined`: it is not there. */
export interface FilePair {
  /** The name that decides format and creation rule. */
  readonly name: string;
  readonly before: Uint8Array | undefined;
  readonly after: Uint8Array | undefined;
}

/** One value that changed. */
export interface ValueChange {
  /** A tree path, behind the number of the document where that is not the first one. */
  readonly path: string;
  readonly kind: "added" | "removed" | "changed";
  /** Whether the value is, or was, encrypted. */
  readonly encrypted: boolean;
  /** What stood there, and what does now; of an encrypted value only when it was opened. Never to be printed unasked. */
  readonly before: TreeNode | undefined;
  readonly after: TreeNode | undefined;
}

/** What changed in a file, for a reviewer. */
export interface FileDiff {
  readonly file: string;
  readonly kind: "sops" | "sealed-secret" | "config";
  readonly state: "added" | "removed" | "changed" | "same";
  readonly changes: readonly ValueChange[];
  readonly recipients: { readonly added: readonly string[]; readonly removed: readonly string[] };
  /** What a reviewer must not miss: a sentence each. */
  readonly warnings: readonly string[];
  readonly notes: readonly string[];
  /** Whether values were opened: without a key, ciphertexts were compared. */
  readonly opened: boolean;
}

/**
 * Compares two versions of an encrypted file.
 *
 * @param options.open - Whether to open the values where a key is at hand.
 * @returns `undefined` when neither version is encrypted, nor a `.sops.yaml`.
 */
export async function diffFile(
  pair: FilePair,
  options: { readonly open: boolean; readonly inputType?: Format | undefined },
  context: OpContext,
): Promise<FileDiff | undefined> {
  if (/(?:^|[/\\])\.sops\.yaml$/.test(pair.name)) return diffConfig(pair);
  const sides = [pair.before, pair.after].filter((bytes) => bytes !== undefined);
  if (sides.some(looksEncrypted)) return diffSops(pair, options, context);
  if (sides.some(mayHoldSealed)) return diffSealed(pair, options);
  return undefined;
}

async function diffSops(
  { name, before, after }: FilePair,
  options: { readonly open: boolean; readonly inputType?: Format | undefined },
  context: OpContext,
): Promise<FileDiff> {
  const [old, now] = [await parse(name, before, options), await parse(name, after, options)];
  const isLeft = old?.metadata !== undefined && now !== undefined && now.metadata === undefined;
  const opened = options.open ? await openBoth(name, [old, now], [before, after], context) : undefined;
  const names = await keyLookup(name, context).names();
  const { added, removed, warnings, notes } = compareMetadata(old?.metadata, now?.metadata, names);
  const sealed = { old: old?.document, now: now?.document };
  const isOneKey =
    old?.metadata === undefined || now?.metadata === undefined || sharesDataKey(old.metadata, now.metadata);
  const all = valueChanges(opened ?? sealed, sealed);
  const reencrypted =
    opened === undefined && !isOneKey
      ? all.filter(({ kind, encrypted }) => kind === "changed" && encrypted)
      : [];
  const changes = all.filter((change) => !reencrypted.includes(change));
  return {
    file: name,
    kind: "sops",
    state: stateOf(before, after),
    changes,
    recipients: { added, removed },
    warnings: [
      ...(isLeft ? ["it was encrypted and stands in clear now"] : []),
      ...(isLeft ? [] : nowInClear(sealed)),
      ...warnings,
      ...(await compareMarks(old, now)),
    ],
    notes: [
      ...notes,
      ...(isOneKey ? [] : ["a new data key: every value was encrypted anew"]),
      ...(reencrypted.length > 0
        ? [
            `whether ${reencrypted.length === 1 ? "a value" : `${reencrypted.length} values`} changed cannot be seen without a key`,
          ]
        : []),
    ],
    opened: opened !== undefined,
  };
}

async function diffConfig({ name, before, after }: FilePair): Promise<FileDiff> {
  const { compareConfigs } = await import("./diff-config.ts");
  const { added, removed, warnings, notes } = compareConfigs(before, after, name);
  return {
    file: name,
    kind: "config",
    state: stateOf(before, after),
    changes: [],
    recipients: { added, removed },
    warnings,
    notes,
    opened: false,
  };
}

async function diffSealed(
  { name, before, after }: FilePair,
  options: { readonly inputType?: Format | undefined },
): Promise<FileDiff> {
  const [old, now] = [await parse(name, before, options), await parse(name, after, options)];
  const trees = { old: old?.document, now: now?.document };
  return {
    file: name,
    kind: "sealed-secret",
    state: stateOf(before, after),
    changes: valueChanges(trees, trees).map((change) =>
      change.path.includes('["encryptedData"]')
        ? { ...change, encrypted: true, before: undefined, after: undefined }
        : change,
    ),
    recipients: { added: [], removed: [] },
    warnings: compareSealed(trees),
    notes: [],
    opened: false,
  };
}

async function parse(
  name: string,
  bytes: Uint8Array | undefined,
  { inputType }: { readonly inputType?: Format | undefined },
): Promise<ParsedFile | undefined> {
  if (bytes === undefined || bytes.length === 0) return undefined;
  try {
    return (await storeFor(inputType ?? formatOfName(name))).parse(bytes);
  } catch (error) {
    throw error instanceof KsealError ? error.at({ file: name }) : error;
  }
}

interface Trees {
  readonly old: Document | undefined;
  readonly now: Document | undefined;
}

/** `undefined` when a version does not open: then ciphertexts are compared. */
async function openBoth(
  name: string,
  parsed: readonly (ParsedFile | undefined)[],
  bytes: readonly (Uint8Array | undefined)[],
  context: OpContext,
): Promise<Trees | undefined> {
  const documents: (Document | undefined)[] = [];
  for (const [at, file] of parsed.entries()) {
    if (file?.metadata === undefined) {
      documents.push(file?.document);
      continue;
    }
    const text = {
      file: `${name} (${at === 0 ? "before" : "after"})`,
      name,
      bytes: bytes[at] ?? new Uint8Array(),
    };
    try {
      documents.push((await openParsed(text, file, {}, context)).plain);
    } catch (error) {
      if (!(error instanceof KsealError)) throw error;
      // A reviewer without a key is no error; a file that was tampered with is.
      if (!["NO_KEY", "KEY_SOURCE_FAILED"].includes(error.code)) throw error;
      return undefined;
    }
  }
  return { old: documents[0], now: documents[1] };
}

function valueChanges(shown: Trees, sealed: Trees): readonly ValueChange[] {
  return listChanges(shown.old, shown.now).map(({ document, path, before, after }) => {
    const encrypted = [sealed.old, sealed.now].some((tree) => isSealedAt(tree, document, path));
    const place = printTreePath(path);
    const isShown = (node: TreeNode | undefined): boolean => node?.kind !== "str" || !isSealed(node.value);
    return {
      path: document === 0 ? place : `${document}${place}`,
      kind: before === undefined ? "added" : after === undefined ? "removed" : "changed",
      encrypted,
      before: isShown(before) ? before : undefined,
      after: isShown(after) ? after : undefined,
    };
  });
}

function isSealedAt(tree: Document | undefined, document: number, path: TreePath): boolean {
  const branch = tree?.branches[document];
  const node = branch === undefined ? undefined : getNode(branch, path);
  return node?.kind === "str" && isSealed(node.value);
}

/** Values whose ciphertext gave way to clear text: whatever the rule says, that is seldom meant. */
function nowInClear({ old, now }: Trees): readonly string[] {
  return listChanges(old, now).flatMap(({ document, path, before, after }) => {
    const wasSealed = before?.kind === "str" && isSealed(before.value);
    const isClear = after !== undefined && !(after.kind === "str" && isSealed(after.value));
    const place = `${document === 0 ? "" : document}${printTreePath(path)}`;
    return wasSealed && isClear ? [`${place} was encrypted and stands in clear now`] : [];
  });
}

function stateOf(before: Uint8Array | undefined, after: Uint8Array | undefined): FileDiff["state"] {
  if (before === undefined) return "added";
  if (after === undefined) return "removed";
  return before.length === after.length && before.every((byte, at) => byte === after[at])
    ? "same"
    : "changed";
}
