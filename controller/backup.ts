import { type KeyTexts, parseKeyTexts } from "../src/config/key-texts.ts";

import { noNames } from "../src/core/key-names.ts";
import type { Host, Log } from "../src/core/ports.ts";
import { noTrust } from "../src/core/trust.ts";
import { KsealError } from "../src/errors.ts";
import { Keyring } from "../src/keys/keyring.ts";
import { openS3Store } from "../src/keys/s3-store.ts";
import type { KubeApi } from "../src/kube/api.ts";
import { type BackupRecipients, backUpKey } from "../src/ops/key-backup.ts";
import { type BackupPlace, folderBackups, namespaceBackups, s3Backups } from "../src/ops/key-backup-place.ts";
import { type BackupRecord, noteBackups } from "../src/ops/key-backup-record.ts";
import type { Secret } from "../src/sealed/secret.ts";
import type { BackupNotes } from "./key-renewal.ts";
import { fieldManager } from "./names.ts";

export interface BackupOptions {
  /** `--backup-recipients`: every one of them can open a backup alone. */
  readonly recipients: readonly string[];
  /** `--backup-to`: `namespace:NAME`, `folder:PATH` or `s3://BUCKET/FOLDER`. */
  readonly places: readonly string[];
  /** Where the keys are: a backup beside its key is lost with it. */
  readonly keysNamespace: string;
  readonly api: KubeApi;
  readonly host: Host;
  readonly log: Log;
}

/**
 * How the controller backs up a new key: encrypted to the recipients, in every place, read back and proved.
 *
 * @throws KsealError `USAGE` for what is no recipient or place.
 */
export function backupOf(options: BackupOptions): (secret: Secret) => Promise<BackupNotes> {
  const { host, log } = options;
  const places = options.places.map((text) => placeOf(text, options));
  const keys = options.recipients.flatMap((text) => parseKeyTexts({ [listOf(text)]: [text] }));
  const lookup = { listed: async () => keys, names: async () => noNames };
  const recipients: BackupRecipients = { groups: [keys], shamirThreshold: 0, lookup };
  const keyring = new Keyring({ host, log, quiet: true, trust: noTrust, listed: lookup.listed });
  // Places that have this key already, when another one did not answer: an attempt leaves no second copy there.
  let done: { readonly key: string; readonly records: Map<string, BackupRecord> } | undefined;
  return async (secret) => {
    const { name } = secret.metadata;
    if (done?.key !== name) done = { key: name, records: new Map() };
    for (const place of places) {
      if (done.records.has(place.name)) continue;
      const [record] = await backUpKey(secret, { recipients, places: [place] }, { host, keyring });
      if (record !== undefined) done.records.set(place.name, record);
    }
    return noteBackups([], [...done.records.values()]);
  };
}

/** Each kind of key looks different. */
function listOf(text: string): Exclude<keyof KeyTexts, "awsProfile" | "encryptionContext"> {
  if (text.startsWith("arn:")) return "kms";
  if (text.startsWith("projects/")) return "gcpKms";
  if (/^https?:.*\/v1\/.*\/keys\//.test(text)) return "hcVaultTransit";
  if (text.startsWith("https:")) return "azureKv";
  if (/^[\dA-Fa-f]{40}$/.test(text)) return "pgp";
  return "age";
}

function placeOf(text: string, { api, host, keysNamespace }: BackupOptions): BackupPlace {
  if (text.startsWith("s3://")) return s3Backups(openS3Store({ url: text }, { host }));
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
