import type { DataKey } from "../core/data-key.ts";
import { sha256Hex } from "../core/digest.ts";
import { type KeyGroups, keyId, type WrappedKey } from "../core/master-key.ts";
import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { storeFor } from "../formats/detect.ts";
import { printObjects } from "../formats/manifest-print.ts";
import type { KeyLookup, Keyring } from "../keys/keyring.ts";
import { noMeta } from "../sealed/object-meta.ts";
import { readSealingKey } from "../sealed/sealing-key.ts";
import { type Secret, secretObject } from "../sealed/secret.ts";
import { rfc3339 } from "./certificate-facts.ts";
import { type BackupPlace, backupSuffix } from "./key-backup-place.ts";
import { proveBackup } from "./key-backup-proof.ts";
import { annotationsToBackUp, type BackupRecord, backupOfAnnotation } from "./key-backup-record.ts";
import { sealKeyDocument } from "./key-document.ts";
import { secretSelection } from "./kubernetes-secret.ts";

/** To whom backups are encrypted. */
export interface BackupRecipients {
  readonly groups: KeyGroups;
  /** How many groups must open together; 0 for all of them. */
  readonly shamirThreshold: number;
  /** What the user's configuration says of these keys. */
  readonly lookup?: KeyLookup | undefined;
}

/** What backing up needs of its surroundings. */
export interface BackupTools {
  readonly host: Host;
  readonly keyring: Pick<Keyring, "wrapAll">;
}

/**
 * Backs a sealing key up: a SOPS file with its Secret, of which the values under `data` are encrypted, in every one of
 * some places. Each is read back and proved before it counts: {@link proveBackup}.
 *
 * @param secret - The Secret with the key. It has a name already, also when it is not in the cluster yet.
 * @returns What to note at the Secret, place by place.
 * @throws KsealError `CERTIFICATE_INVALID` for what is no sealing key, `ENCRYPT_FAILED` for recipients that cannot be
 *   encrypted to, what the places throw, `CHANGES_REFUSED` when what was read back is not what was written.
 */
export async function backUpKey(
  secret: Secret,
  to: { readonly recipients: BackupRecipients; readonly places: readonly BackupPlace[] },
  tools: BackupTools,
): Promise<readonly BackupRecord[]> {
  const { recipients, places } = to;
  const { content, dataKey, groups, inside } = await encryptKey(secret, recipients, tools);
  const records: BackupRecord[] = [];
  for (const place of places) {
    const file = await store(place, secret.metadata.name, content);
    const back = await place.get(file);
    if (back === undefined) throw refused(`${place.name} does not have ${file} after it was written`);
    await proveBackup(back, { content, dataKey, groups, recipients, secret: inside }).catch(
      (error: unknown) => {
        throw error instanceof KsealError ? error.at({ file: `${place.name}: ${file}` }) : error;
      },
    );
    records.push({
      place: place.name,
      file,
      at: rfc3339(tools.host.now()),
      sha256: sha256Hex(content),
      ...recipientNames(recipients),
    });
  }
  return records;
}

/**
 * What to note at a key that was restored from a backup: where that is, as {@link backUpKey} noted it.
 *
 * @returns `undefined` for a file that is no backup.
 */
export async function recordOfBackup(
  content: Uint8Array,
  { place, file }: Pick<BackupRecord, "place" | "file">,
): Promise<BackupRecord | undefined> {
  const { metadata } = (await storeFor("yaml")).parse(content);
  if (metadata === undefined || !file.endsWith(backupSuffix)) return undefined;
  const groups = metadata.groups.map((group) => group.map(({ key }) => key));
  const { lastModified: at, shamirThreshold } = metadata;
  return { place, file, at, sha256: sha256Hex(content), ...recipientNames({ groups, shamirThreshold }) };
}

/** Whether a place still holds the backup that is noted for it, encrypted to the recipients that are wanted now. */
export async function isBackedUp(
  records: readonly BackupRecord[],
  place: BackupPlace,
  recipients: BackupRecipients,
): Promise<boolean> {
  const wanted = JSON.stringify(recipientNames(recipients));
  for (const { place: name, file, sha256: digest, recipients: noted, threshold } of records) {
    const now = { recipients: noted, ...(threshold === undefined ? {} : { threshold }) };
    if (name !== place.name || JSON.stringify(now) !== wanted) continue;
    const content = await place.get(file);
    if (content !== undefined && sha256Hex(content) === digest) return true;
  }
  return false;
}

interface EncryptedKey {
  readonly content: Uint8Array;
  readonly dataKey: DataKey;
  /** The recipients as they were encrypted to. */
  readonly groups: readonly (readonly WrappedKey[])[];
  /** What the backup has to open to. */
  readonly inside: Secret;
}

async function encryptKey(
  secret: Secret,
  recipients: BackupRecipients,
  tools: BackupTools,
): Promise<EncryptedKey> {
  const { fingerprint } = readSealingKey(secret);
  const { name, namespace, labels, annotations } = secret.metadata;
  if (name === "") throw new TypeError("a key without a name cannot be backed up");
  const inside: Secret = {
    metadata: {
      ...noMeta,
      name,
      namespace,
      labels,
      annotations: new Map([...annotationsToBackUp(annotations), [backupOfAnnotation, fingerprint]]),
    },
    type: secret.type ?? "kubernetes.io/tls",
    data: secret.data,
  };
  const yaml = await storeFor("yaml");
  const plain = yaml.parse(printObjects([secretObject(inside)], "yaml"));
  const { document, metadata, dataKey, groups } = await sealKeyDocument(
    plain.document,
    secretSelection,
    recipients,
    tools,
  );
  return {
    content: yaml.render({ document, metadata }, { base: plain }),
    dataKey,
    groups,
    inside,
  };
}

/** The longest row of backups of one key: one for each time that the recipients change. */
const mostBackups = 1000;

/** Puts a backup under the first name that is free: `sealed-secrets-keyx7k2p.sops.yaml`, `sealed-secrets-keyx7k2p.2.sops.yaml`. */
async function store(place: BackupPlace, key: string, content: Uint8Array): Promise<string> {
  for (let number = 1; number <= mostBackups; number += 1) {
    const file = `${key}${number === 1 ? "" : `.${number}`}${backupSuffix}`;
    if (await place.put(file, content)) return file;
    const there = await place.get(file);
    // The answer to an earlier attempt was lost.
    if (there !== undefined && sha256Hex(there) === sha256Hex(content)) return file;
  }
  throw refused(`${place.name} holds ${mostBackups} backups of ${key}`);
}

/** Recipients as they are noted at a key: in an order that is always the same. */
export function recipientNames({
  groups,
  shamirThreshold,
}: BackupRecipients): Pick<BackupRecord, "recipients" | "threshold"> {
  const recipients = groups.map((group) => group.map(keyId).toSorted());
  const isPartial = shamirThreshold !== 0 && shamirThreshold !== groups.length && groups.length > 1;
  return { recipients, ...(isPartial ? { threshold: shamirThreshold } : {}) };
}

function refused(message: string): KsealError {
  return new KsealError("CHANGES_REFUSED", message);
}
