import type { DataKey } from "../core/data-key.ts";
import { type DecryptTreeOptions, decryptTree } from "../core/decrypt-tree.ts";
import { encryptTree, type SealedTree } from "../core/encrypt-tree.ts";
import { sealMac, verifyMac } from "../core/mac.ts";
import type { WrappedKey } from "../core/master-key.ts";
import { formatVersion, type Metadata } from "../core/metadata.ts";
import { compileSelection, defaultSelection } from "../core/selection.ts";
import type { Document } from "../core/tree.ts";
import { sameNode } from "../core/tree-diff.ts";
import { KsealError } from "../errors.ts";
import { storeFor } from "../formats/detect.ts";
import type { Format, ParsedFile } from "../formats/store.ts";
import type { OpContext } from "./context.ts";
import { layoutLike } from "./layout.ts";
import type { OpenedFile } from "./load-file.ts";

/** What becomes of an opened file. */
export interface Reseal {
  /** The new content; the opened one when left out. */
  readonly plain?: Document | undefined;
  /** A new data key with its wraps: then every value is encrypted anew. */
  readonly rekey?:
    | {
        readonly dataKey: DataKey;
        readonly groups: readonly (readonly WrappedKey[])[];
        readonly shamirThreshold: number;
      }
    | undefined;
  /** The plain text that `plain` was parsed from, when its layout shall be kept instead of the opened file's. */
  readonly layout?: ParsedFile | undefined;
  readonly outputType?: Format | undefined;
  readonly indent?: number | undefined;
}

/** Encrypts an opened file again. What did not change keeps its ciphertext and its place in the text. */
export async function resealFile(
  opened: OpenedFile,
  change: Reseal,
  context: OpContext,
): Promise<Uint8Array> {
  const { parsed, metadata: before } = opened;
  const { plain = opened.plain, rekey, outputType = parsed.format, layout = parsed } = change;
  const dataKey = rekey?.dataKey ?? opened.dataKey;
  const previous = { plain: opened.plain, sealed: parsed.document };
  const { sealed, metadata } = await sealTree(
    plain,
    { ...before, ...(rekey ? { groups: rekey.groups, shamirThreshold: rekey.shamirThreshold } : {}) },
    { dataKey, previous: rekey ? undefined : previous },
    context,
  );
  context.host.releaseMemory(opened.bytes.length);
  const store = await storeFor(outputType);
  return store.render(
    { document: sealed.document, metadata },
    await layoutLike(layout, { name: opened.name, format: outputType, indent: change.indent }, context),
  );
}

/** What {@link sealTree} starts from: metadata without what it computes. */
export type Unsealed = Omit<Metadata, "mac" | "lastModified">;

/**
 * Encrypts a tree with its MAC, and opens the result once more before anybody can write it: what would not come back
 * as it was must never replace the original.
 *
 * @throws KsealError `ENCRYPT_FAILED` when the result does not open to the same tree.
 */
export async function sealTree(
  plain: Document,
  unsealed: Unsealed,
  keys: { dataKey: DataKey; previous?: { plain: Document; sealed: Document } | undefined },
  { host }: Pick<OpContext, "host">,
): Promise<{ sealed: SealedTree; metadata: Metadata }> {
  const key = keys.dataKey.keyObject();
  const options = {
    key,
    selector: await compileSelection(unsealed.selection ?? defaultSelection),
    macOnlyEncrypted: unsealed.macOnlyEncrypted,
  };
  const random = (length: number): Uint8Array => host.random(length);
  const sealed = encryptTree(plain, {
    ...options,
    random,
    ...(keys.previous ? { previous: keys.previous } : {}),
  });
  const lastModified = new Date(host.now()).toISOString().replace(/\.\d+Z$/, "Z");
  const mac = sealMac(sealed.mac, { key, lastModified, random });
  const opened = openAgain(sealed.document, { ...options, opened: sealed.kept }, { mac, lastModified });
  if (opened === undefined || !sameDocument(opened, plain)) {
    throw new KsealError("ENCRYPT_FAILED", "the encrypted file would not open to what it was made from", {
      hint: "this selection rule does not suit the file; choose another one",
    });
  }
  return { sealed, metadata: { ...unsealed, version: newer(unsealed.version), mac, lastModified } };
}

function openAgain(
  sealed: Document,
  options: DecryptTreeOptions,
  expected: { mac: string; lastModified: string },
): Document | undefined {
  try {
    const opened = decryptTree(sealed, options);
    verifyMac(opened.mac, { key: options.key, ...expected });
    return opened.document;
  } catch (error) {
    if (error instanceof KsealError) return undefined;
    throw error;
  }
}

/** Whether two files say the same, comments and order included. */
export function sameDocument(a: Document, b: Document): boolean {
  return (
    a.branches.length === b.branches.length &&
    a.branches.every((branch, index) => {
      const other = b.branches[index];
      return other !== undefined && sameNode(branch, other);
    })
  );
}

/** Readers of SOPS compare the version of a file with their own, so it never goes back. */
function newer(version: string): string {
  const [theirs, ours] = [version, formatVersion].map((text) =>
    text.split(".").map((part) => Number.parseInt(part, 10)),
  );
  for (const [index, part] of (ours ?? []).entries()) {
    const their = theirs?.[index] ?? Number.NaN;
    if (their !== part) return their > part ? version : formatVersion;
  }
  return version;
}
