import { DataKey } from "../core/data-key.ts";
import { decryptTree } from "../core/decrypt-tree.ts";
import { verifyMac } from "../core/mac.ts";
import type { WrappedKey } from "../core/master-key.ts";
import { formatVersion, type Metadata, spelledThreshold } from "../core/metadata.ts";
import { compileSelection, defaultSelection, type Selection } from "../core/selection.ts";
import type { Document } from "../core/tree.ts";
import type { BackupRecipients, BackupTools } from "./key-backup.ts";
import { sealTree } from "./reseal-file.ts";

/** A sealing key in a document that SOPS opens: a backup, or an envelope. */
interface SealedKeyDocument {
  readonly document: Document;
  readonly metadata: Metadata;
  readonly dataKey: DataKey;
  /** The recipients as they were encrypted to. */
  readonly groups: readonly (readonly WrappedKey[])[];
}

/**
 * Encrypts a document with a sealing key in it to recipients, under a data key of its own.
 *
 * @throws KsealError `ENCRYPT_FAILED` when a recipient cannot be encrypted to.
 */
export async function sealKeyDocument(
  plain: Document,
  selection: Selection,
  { groups: wanted, shamirThreshold, lookup }: BackupRecipients,
  { host, keyring }: BackupTools,
): Promise<SealedKeyDocument> {
  const dataKey = new DataKey(host.random(32));
  const groups = await keyring.wrapAll(dataKey, wanted, shamirThreshold, lookup);
  const { sealed, metadata } = await sealTree(
    plain,
    {
      groups,
      shamirThreshold: spelledThreshold(groups, shamirThreshold),
      selection,
      macOnlyEncrypted: false,
      version: formatVersion,
    },
    { dataKey },
    { host },
  );
  return { document: sealed.document, metadata, dataKey, groups };
}

/**
 * Opens such a document with its data key, and compares the MAC.
 *
 * @throws KsealError What says that a value or the MAC does not fit.
 */
export async function openKeyDocument(
  document: Document,
  metadata: Metadata,
  dataKey: DataKey,
): Promise<Document> {
  const key = dataKey.keyObject();
  const opened = decryptTree(document, {
    key,
    selector: await compileSelection(metadata.selection ?? defaultSelection),
    macOnlyEncrypted: metadata.macOnlyEncrypted,
  });
  verifyMac(opened.mac, { key, mac: metadata.mac, lastModified: metadata.lastModified });
  return opened.document;
}
