import type { KeyOrder } from "../sealed/sealing-key.ts";
import { rfc3339 } from "./certificate-facts.ts";
import { clusterApi } from "./certificate-of-cluster.ts";
import { type ClusterFlags, controllerOf } from "./cluster-flags.ts";
import type { OpContext } from "./context.ts";
import type { BackupRecord } from "./key-backup-record.ts";
import { type ClusterKey, clusterKeys, currentKey } from "./keys-secrets.ts";
import { inTheCluster, type KeyUse, keyUses } from "./keys-use.ts";

export interface ListKeysOptions {
  readonly cluster: ClusterFlags;
  /** Files and folders with SealedSecrets that count besides those of the cluster. */
  readonly paths: readonly string[];
  /** The controller's `--key-order-priority`. */
  readonly order?: KeyOrder | undefined;
}

/** A sealing key of a cluster, as it is shown. */
export interface ListedKey {
  readonly namespace: string;
  readonly name: string;
  /** As OpenSSH and the controller print it; missing where nothing of the key can be read. */
  readonly fingerprint?: string;
  /** The one that values are sealed for. */
  readonly isCurrent: boolean;
  /** Whether a controller opens with it. */
  readonly isActive: boolean;
  readonly label?: string;
  /** Who opens the envelope that the cluster keeps it in; missing for one in clear. */
  readonly wrappedFor?: readonly (readonly string[])[];
  /** When its Secret was made; RFC 3339. */
  readonly created: string;
  readonly notBefore?: string;
  readonly notAfter?: string;
  /** What it opens; missing where its private key is not readable. */
  readonly opens?: { readonly inCluster: OpenedCount; readonly inFiles: OpenedCount };
  readonly backups: readonly BackupRecord[];
  readonly verifiedAt?: string;
  /** Why the private key is not readable. */
  readonly problem?: string;
}

/** How many values a key opens, and in how many objects. */
interface OpenedCount {
  readonly objects: number;
  readonly values: number;
}

/** What a cluster has. */
export interface KeyList {
  readonly keys: readonly ListedKey[];
  /** How many SealedSecrets were looked at, and how many of them none of the keys opens. */
  readonly objects: number;
  readonly closed: number;
  /** What could not be looked at. */
  readonly unseen: readonly string[];
}

/**
 * The sealing keys of a cluster, newest first, and what each is still needed for.
 *
 * @throws KubeError `CLUSTER_FORBIDDEN` when the Secrets of the controller's namespace may not be read.
 */
export async function listKeys(
  { cluster, paths, order }: ListKeysOptions,
  context: OpContext,
): Promise<KeyList> {
  const api = await clusterApi({ flags: cluster, cluster: undefined }, context);
  try {
    const { namespace } = controllerOf(cluster);
    const keys = await clusterKeys(api, namespace, context, order);
    const readable = keys.flatMap(({ key }) => key ?? []);
    const { byKey, objects, closed, unseen } = await keyUses({ keys: readable, api, paths }, context);
    const current = currentKey(keys);
    const listed = keys.map((one): ListedKey => {
      const opens = countOf(byKey.get(one.fingerprint ?? ""));
      return {
        namespace,
        ...shown(one),
        isCurrent: one === current,
        ...(one.key === undefined ? {} : { opens }),
      };
    });
    return { keys: listed, objects, closed: closed.length, unseen };
  } finally {
    api.close();
  }
}

function countOf(use: KeyUse | undefined): NonNullable<ListedKey["opens"]> {
  const count = (isWanted: (file: string) => boolean): OpenedCount => {
    const objects = (use?.objects ?? []).filter(({ file }) => isWanted(file));
    return { objects: objects.length, values: objects.reduce((sum, { values }) => sum + values, 0) };
  };
  return {
    inCluster: count((file) => file === inTheCluster),
    inFiles: count((file) => file !== inTheCluster),
  };
}

function shown(key: ClusterKey): Omit<ListedKey, "namespace" | "isCurrent" | "opens"> {
  const { name, fingerprint, isActive, label, created, certificate, backup, error } = key;
  const { isWrapped, wrappedFor } = key;
  return {
    name,
    isActive,
    created,
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(label === undefined ? {} : { label }),
    ...(isWrapped ? { wrappedFor } : {}),
    ...(certificate === undefined
      ? {}
      : { notBefore: rfc3339(certificate.notBefore), notAfter: rfc3339(certificate.notAfter) }),
    backups: backup.records,
    ...(backup.verifiedAt === undefined ? {} : { verifiedAt: backup.verifiedAt }),
    ...(error === undefined ? {} : { problem: error.message }),
  };
}
