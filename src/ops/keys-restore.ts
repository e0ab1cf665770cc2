import { KsealError } from "../errors.ts";
import type { KubeApi } from "../kube/api.ts";
import { noMeta } from "../sealed/object-meta.ts";
import { type Secret, secretObject } from "../sealed/secret.ts";
import { rfc3339 } from "./certificate-facts.ts";
import { clusterApi } from "./certificate-of-cluster.ts";
import { type ClusterFlags, controllerOf } from "./cluster-flags.ts";
import type { OpContext } from "./context.ts";
import { baseName, folderOf } from "./file-path.ts";
import { recordOfBackup } from "./key-backup.ts";
import { folderPlace } from "./key-backup-place.ts";
import {
  annotationsToBackUp,
  backupOfAnnotation,
  noteBackups,
  noteVerification,
} from "./key-backup-record.ts";
import { wrapKey } from "./key-envelope.ts";
import { type PlacedText, type PlaceFlags, readPlaces } from "./keys-places.ts";
import { flagRecipients } from "./keys-recipients.ts";
import {
  type ClusterKey,
  clusterKeys,
  keyLabel,
  keyPrefix,
  keysFieldManager,
  secretsIn,
} from "./keys-secrets.ts";
import { keysOfText, type LoadedKey, loadSealingKeys, type SealingKeys } from "./sealing-keys.ts";

export interface RestoreKeysOptions {
  readonly cluster: ClusterFlags;
  /** Files and folders with backups: of SOPS, or in clear as Secrets, lists of them or PEM. */
  readonly paths: readonly string[];
  readonly places: Omit<PlaceFlags, "folder">;
  /** Who opens the envelopes that the keys are put into; without them they are restored in clear. */
  readonly wrapFor: readonly string[];
  readonly dryRun: boolean;
}

export interface RestoredKeys {
  /** Keys that were made again. */
  readonly restored: readonly RestoredKey[];
  /** Keys that the cluster has already; their Secrets stay as they are. */
  readonly existing: readonly (RestoredKey & { readonly isActive: boolean })[];
  /** What in the backups is no key. */
  readonly refused: SealingKeys["refused"];
}

interface RestoredKey {
  /** `namespace/name`. */
  readonly name: string;
  readonly fingerprint: string;
  /** Where it was found. */
  readonly file: string;
}

/**
 * Makes the Secrets of sealing keys that a cluster lost, under their names and with their labels, and no other key. All
 * is checked before the first is made; a run that broke off may be repeated.
 *
 * @throws KsealError `USAGE` without a backup; `CERTIFICATE_INVALID` when there is no key, or one without a certificate;
 *   `CLUSTER_CONFLICT` when another Secret has the name of one; what opening the backups throws; `CLUSTER_*`.
 */
export async function restoreKeys(options: RestoreKeysOptions, context: OpContext): Promise<RestoredKeys> {
  const { cluster, paths, places, wrapFor, dryRun } = options;
  const { namespace } = controllerOf(cluster);
  const envelope = flagRecipients(wrapFor);
  const api = await clusterApi({ flags: cluster, cluster: undefined }, context);
  try {
    const { keys, refused, texts } = await backedUpKeys({ paths, places, api: async () => api }, context);
    const there = await clusterKeys(api, namespace, context);
    const byFingerprint = new Map(there.map((key) => [key.fingerprint, key]));
    const missing = keys.filter(({ fingerprint }) => !byFingerprint.has(fingerprint));
    const secrets: { key: LoadedKey; secret: Secret }[] = [];
    for (const key of missing) {
      const notes = await notesOf(key, texts, context);
      const plain = secretOf(key, namespace, notes);
      const secret = envelope === undefined ? plain : await wrapKey(plain, envelope, context);
      secrets.push({ key, secret });
    }
    await refuseTaken(secrets, { api, namespace });
    for (const { secret } of secrets) {
      const fieldManager = keysFieldManager;
      await api.create(secretsIn(namespace), secretObject(secret), { fieldManager, dryRun });
    }
    return {
      restored: secrets.map(({ key: { fingerprint, file }, secret }) => ({
        name: `${namespace}/${secret.metadata.name}`,
        fingerprint,
        file,
      })),
      existing: keys.flatMap(({ fingerprint, file }) => {
        const existing: ClusterKey | undefined = byFingerprint.get(fingerprint);
        if (existing === undefined) return [];
        const { name, isActive } = existing;
        return [{ name: `${namespace}/${name}`, fingerprint, file, isActive }];
      }),
      refused,
    };
  } finally {
    api.close();
  }
}

/**
 * The keys in backups that the user names, each once, newest first.
 *
 * @throws KsealError `USAGE` when none is named, and what opening them throws.
 */
async function backedUpKeys(
  {
    paths,
    places,
    api,
  }: Pick<RestoreKeysOptions, "paths" | "places"> & { readonly api: () => Promise<KubeApi> },
  context: OpContext,
): Promise<SealingKeys & { readonly texts: readonly PlacedText[] }> {
  const texts = await readPlaces(places, api, context);
  if (paths.length === 0 && texts.length === 0) {
    throw new KsealError("USAGE", "no backup is named", {
      hint: "name files or folders, --backup-namespace NAMESPACE or --s3 s3://BUCKET",
    });
  }
  const fromFiles = paths.length === 0 ? { keys: [], refused: [] } : await loadSealingKeys(paths, context);
  const fromPlaces: SealingKeys[] = [];
  for (const text of texts) fromPlaces.push(await keysOfText(text, context));
  const all = [fromFiles, ...fromPlaces];
  const keys = new Map(all.flatMap((one) => one.keys).map((key) => [key.fingerprint, key]));
  return { keys: [...keys.values()], refused: all.flatMap((one) => one.refused), texts };
}

/** What is known of the backup that a key comes from: it is one, and somebody has just opened it. */
async function notesOf(
  { file, fingerprint, secret }: LoadedKey,
  texts: readonly PlacedText[],
  { host }: OpContext,
): Promise<Readonly<Record<string, string>>> {
  if (file === "-" || secret?.metadata.annotations.get(backupOfAnnotation) !== fingerprint) return {};
  const placed = texts.find((text) => text.file === file);
  const folder = folderPlace(folderOf(file, host.platform));
  const record =
    placed === undefined
      ? await recordOfBackup(await host.readFile(file), {
          place: folder,
          file: baseName(file, host.platform),
        })
      : await recordOfBackup(placed.bytes, { place: placed.place, file: placed.name });
  if (record === undefined) return {};
  return { ...noteBackups([], [record]), ...noteVerification(rfc3339(host.now())) };
}

/** The Secret of a key as a controller finds it, as it was as far as the backup says. */
function secretOf(key: LoadedKey, namespace: string, notes: Readonly<Record<string, string>>): Secret {
  const { certificate, privateKey, fingerprint, file, secret } = key;
  if (certificate === undefined) {
    throw new KsealError(
      "CERTIFICATE_INVALID",
      "the key has no certificate with it, so nobody could seal for it",
      {
        hint: "put key and certificate into one PEM file",
        where: { file },
      },
    );
  }
  const name = secret?.metadata.name || `${keyPrefix}-${plainName(fingerprint)}`;
  const labels = new Map(secret?.metadata.labels);
  if (!labels.has(keyLabel) && name !== keyPrefix) labels.set(keyLabel, "active");
  const pem = new TextEncoder();
  return {
    metadata: {
      ...noMeta,
      name,
      namespace,
      labels,
      annotations: new Map([
        ...annotationsToBackUp(secret?.metadata.annotations ?? new Map()),
        ...Object.entries(notes),
      ]),
    },
    type: secret?.type ?? "kubernetes.io/tls",
    data:
      secret?.data ??
      new Map([
        ["tls.crt", pem.encode(certificate.pem)],
        ["tls.key", pem.encode(privateKey.export({ type: "pkcs1", format: "pem" }).toString())],
      ]),
  };
}

/** A key without a name gets the same one every time: the fingerprint in letters and digits that names may have. */
function plainName(fingerprint: string): string {
  return fingerprint
    .slice("SHA256:".length)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, "")
    .slice(0, 10);
}

async function refuseTaken(
  secrets: readonly { readonly key: LoadedKey; readonly secret: Secret }[],
  { api, namespace }: { readonly api: KubeApi; readonly namespace: string },
): Promise<void> {
  for (const { key, secret } of secrets) {
    const { name } = secret.metadata;
    const found = await api.get({ ...secretsIn(namespace), name }, { metadataOnly: true });
    if (found === undefined) continue;
    throw new KsealError("CLUSTER_CONFLICT", `${namespace}/${name} exists, and holds another key or none`, {
      hint: `look at it: kubectl get secret -n ${namespace} ${name} -o yaml; nothing was restored`,
      where: { file: key.file },
    });
  }
}
