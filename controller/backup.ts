import { trustOf } from "../src/config/trust.ts";
import { KsealError } from "../src/errors.ts";
import { openS3Store } from "../src/keys/s3-store.ts";
import type { KubeApi } from "../src/kube/api.ts";
import { type BackupRecipients, backUpKey, isBackedUp } from "../src/ops/key-backup.ts";
import { type BackupPlace, folderBackups, namespaceBackups, s3Backups } from "../src/ops/key-backup-place.ts";
import { type BackupNotes, type BackupRecord, noteBackups } from "../src/ops/key-backup-record.ts";
import type { Secret } from "../src/sealed/secret.ts";
import { keyringOf, lookupOf, type RecipientTools, recipientKeys } from "./key-envelope.ts";
import { fieldManager } from "./names.ts";

export interface BackupOptions {
  /** `--backup-recipients`: every one of them can open a backup alone. */
  readonly recipients: readonly string[];
  /** `--backup-to`: `namespace:NAME`, `folder:PATH` or `s3://BUCKET/FOLDER`. */
  readonly places: readonly string[];
  /** Where the keys are: a backup beside its key is lost with it. */
  readonly keysNamespace: string;
  readonly api: KubeApi;
}

/** How the controller backs up sealing keys. Each key is given in clear, and what is stored is encrypted. */
export interface KeyBackup {
  /** A new key: in every place, or it fails, and an attempt after that goes on where this one ended. */
  newKey(secret: Secret): Promise<BackupNotes>;
  /**
   * A key that may be backed up already.
   *
   * @param records - What is noted at it. Each place is asked whether it still holds that, byte for byte.
   */
  existing(secret: Secret, records: readonly BackupRecord[]): Promise<ExistingBackup>;
}

/** What became of a key in all places. */
export interface ExistingBackup {
  /** To be noted at the key; `undefined` when nothing was written. */
  readonly notes: BackupNotes | undefined;
  /** Of the places that did not answer or hold it. */
  readonly failures: readonly unknown[];
}

/**
 * Backups of sealing keys: encrypted to the recipients, in every place, read back and proved.
 *
 * @throws KsealError `USAGE` for what is no recipient or place.
 */
export function keyBackup(options: BackupOptions, tools: RecipientTools): KeyBackup {
  const { host } = tools;
  const places = options.places.map((text) => placeOf(text, options, tools));
  const keys = recipientKeys(options.recipients, "--backup-recipients");
  const lookup = lookupOf(keys);
  const recipients: BackupRecipients = { groups: [keys], shamirThreshold: 0, lookup };
  const put = async (secret: Secret, place: BackupPlace): Promise<BackupRecord | undefined> => {
    const keyring = keyringOf(tools, lookup);
    const [record] = await backUpKey(secret, { recipients, places: [place] }, { host, keyring });
    return record;
  };
  // Places that have this key already, when another one did not answer: an attempt leaves no second copy there.
  let done: { readonly key: string; readonly records: Map<string, BackupRecord> } | undefined;
  return {
    async newKey(secret) {
      const { name } = secret.metadata;
      if (done?.key !== name) done = { key: name, records: new Map() };
      for (const place of places) {
        if (done.records.has(place.name)) continue;
        const record = await put(secret, place);
        if (record !== undefined) done.records.set(place.name, record);
      }
      return noteBackups([], [...done.records.values()]);
    },
    async existing(secret, records) {
      const written: BackupRecord[] = [];
      const failures: unknown[] = [];
      for (const place of places) {
        try {
          if (await isBackedUp(records, place, recipients)) continue;
          const record = await put(secret, place);
          if (record !== undefined) written.push(record);
        } catch (error) {
          failures.push(error);
        }
      }
      return { notes: written.length === 0 ? undefined : noteBackups(records, written), failures };
    },
  };
}

function placeOf(
  text: string,
  { api, keysNamespace }: BackupOptions,
  { host, signal }: RecipientTools,
): BackupPlace {
  if (text.startsWith("s3://")) {
    return s3Backups(openS3Store({ url: text }, { host, trust: trustOf(host.env, undefined), signal }));
  }
  const [, kind, name = ""] = /^(namespace|folder):(.+)$/.exec(text) ?? [];
  if (kind === "folder") return folderBackups(name, host);
  if (kind !== "namespace") {
    throw new KsealError("USAGE", `--backup-to ${JSON.stringify(text)} is no place`, {
      hint: "namespace:NAME, folder:PATH or s3://BUCKET/FOLDER",
    });
  }
  if (name === keysNamespace) {
    throw new KsealError("USAGE", `--backup-to: the keys themselves are in the namespace ${name}`, {
      hint: "a backup beside its key is lost with it: name another namespace",
    });
  }
  return namespaceBackups(api, { namespace: name, fieldManager });
}
