import { KsealError } from "../errors.ts";
import { type KubeApi, KubeError } from "../kube/api.ts";
import { clusterApi } from "./certificate-of-cluster.ts";
import { type ClusterFlags, controllerOf } from "./cluster-flags.ts";
import type { OpContext } from "./context.ts";
import { backUpKey, isBackedUp } from "./key-backup.ts";
import type { BackupPlace } from "./key-backup-place.ts";
import { annotationPatch, type BackupRecord, noteBackups } from "./key-backup-record.ts";
import { openPlaces, type PlaceFlags } from "./keys-places.ts";
import { backupRecipients, type RecipientFlags, type RecipientsOf } from "./keys-recipients.ts";
import { type ClusterKey, clusterKeys, keysFieldManager, namedKeys, secretsIn } from "./keys-secrets.ts";

export interface BackUpKeysOptions {
  readonly cluster: ClusterFlags;
  /** Names of Secrets, or fingerprints; all keys when there is none. */
  readonly names: readonly string[];
  readonly recipients: RecipientFlags;
  readonly places: PlaceFlags;
  readonly dryRun: boolean;
}

/** What became of one key. */
export interface BackedUpKey {
  readonly name: string;
  readonly fingerprint: string;
  /** Where it was written to now. */
  readonly written: readonly BackupRecord[];
  /** The places that hold a backup for these recipients already, byte for byte as it was proved. */
  readonly upToDate: readonly string[];
}

/**
 * Backs up the sealing keys of a cluster, each into a SOPS file of its own, and notes at its Secret where and when.
 *
 * @throws KsealError `USAGE` without a place; `CERTIFICATE_INVALID` when a key cannot be read, after all others were
 *   backed up; what {@link backUpKey} throws; `CLUSTER_*`.
 */
export async function backUpKeys(
  options: BackUpKeysOptions,
  context: OpContext,
): Promise<readonly BackedUpKey[]> {
  const { cluster, names, recipients, places, dryRun } = options;
  const { namespace } = controllerOf(cluster);
  const api = await clusterApi({ flags: cluster, cluster: undefined }, context);
  try {
    const opened = await openPlaces(places, { api, keysNamespace: namespace, dryRun }, context);
    if (opened.length === 0) {
      throw new KsealError("USAGE", "no place for the backups is named", {
        hint: "name one: --out FOLDER, --backup-namespace NAMESPACE or --s3 s3://BUCKET",
      });
    }
    const all = await clusterKeys(api, namespace, context);
    const keys = names.length === 0 ? all : namedKeys(all, names);
    if (keys.length === 0) throw noKeys(namespace);
    const recipientsOf = backupRecipients(recipients, places.folder, context);
    const job: Job = { api, namespace, places: opened, recipientsOf, dryRun, context };
    const done: BackedUpKey[] = [];
    for (const key of keys) {
      if (key.key !== undefined) done.push(await backUpOne(key, job));
    }
    refuseUnreadable(keys, namespace);
    return done;
  } finally {
    api.close();
  }
}

interface Job {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly places: readonly BackupPlace[];
  readonly recipientsOf: RecipientsOf;
  readonly dryRun: boolean;
  readonly context: OpContext;
}

async function backUpOne(
  { name, secret, fingerprint = "", backup }: ClusterKey,
  job: Job,
): Promise<BackedUpKey> {
  const { api, namespace, dryRun, context } = job;
  const recipients = await job.recipientsOf(name);
  const upToDate: string[] = [];
  const wanting: BackupPlace[] = [];
  for (const place of job.places) {
    if (await isBackedUp(backup.records, place, recipients)) upToDate.push(place.name);
    else wanting.push(place);
  }
  const written =
    secret === undefined || dryRun || wanting.length === 0
      ? []
      : await backUpKey(secret, { recipients, places: wanting }, context);
  if (written.length > 0) {
    await annotateKey({ api, namespace, name }, noteBackups(backup.records, written), context);
  }
  return { name: `${namespace}/${name}`, fingerprint, written, upToDate };
}

/** Notes something at the Secret of a key. Without the right to, it is told and not an error: the backup is what counts. */
export async function annotateKey(
  { api, namespace, name }: { readonly api: KubeApi; readonly namespace: string; readonly name: string },
  annotations: Readonly<Record<string, string>>,
  { log }: Pick<OpContext, "log">,
): Promise<void> {
  try {
    await api.patch({ ...secretsIn(namespace), name }, annotationPatch(annotations), {
      type: "merge",
      fieldManager: keysFieldManager,
    });
  } catch (error) {
    if (!(error instanceof KubeError) || error.code !== "CLUSTER_FORBIDDEN") throw error;
    log.warn(`${namespace}/${name}: it could not be noted at the key: ${error.message}`);
  }
}

/** @throws KsealError What is wrong with the first key that cannot be read. */
function refuseUnreadable(keys: readonly ClusterKey[], namespace: string): void {
  const [broken] = keys.filter(({ error }) => error !== undefined);
  if (broken?.error === undefined) return;
  const { code, message, hint, cause } = broken.error;
  const others = keys.length > 1 ? "; the other keys are backed up" : "";
  throw new KsealError(code, `${namespace}/${broken.name} is not backed up: ${message}${others}`, {
    hint,
    cause,
  });
}

function noKeys(namespace: string): KsealError {
  return new KsealError("NOT_FOUND", `there is no sealing key in the namespace ${namespace}`, {
    hint: "name the controller's namespace: --controller-namespace NAMESPACE",
  });
}
