import { KsealError } from "../errors.ts";
import { type JsonObject, type KubeApi, KubeError, type ObjectPath } from "../kube/api.ts";
import { type Certificate, readCertificates } from "../sealed/certificate.ts";
import { type KeyOrder, newestFirst, readSealingKey, type SealingKey } from "../sealed/sealing-key.ts";
import { readSecret, type Secret } from "../sealed/secret.ts";
import { type BackupState, readBackupState } from "./key-backup-record.ts";

/** The label of the Secrets that hold sealing keys; a controller loads those with the value `active`. */
export const keyLabel = "sealedsecrets.bitnami.com/sealed-secrets-key";
/** The name of the one key without a label, as controllers before 0.9 made it, and what all others begin with. */
export const keyPrefix = "sealed-secrets-key";
/** Who writes, in `managedFields`. */
export const keysFieldManager = "kseal-keys";

/** The Secret of a sealing key in a cluster. */
export interface ClusterKey {
  readonly name: string;
  /** The value of {@link keyLabel}; none at the legacy key. */
  readonly label: string | undefined;
  /** Whether a controller loads it. */
  readonly isActive: boolean;
  /** RFC 3339. */
  readonly created: string;
  readonly backup: BackupState;
  readonly secret: Secret | undefined;
  /** Missing where it cannot be read: {@link ClusterKey.error} says why. */
  readonly key: SealingKey | undefined;
  readonly error: KsealError | undefined;
  readonly certificate: Certificate | undefined;
  /** Of the key or, where only that can be read, of the certificate. */
  readonly fingerprint: string | undefined;
}

/** The path of the Secrets of a namespace. */
export function secretsIn(namespace: string): ObjectPath {
  return { group: "", version: "v1", plural: "secrets", namespace };
}

/**
 * The sealing keys of a cluster, in use or not: the Secrets of the controller's namespace with the label, whatever its
 * value, and the one of the legacy name. Newest first.
 *
 * @throws KubeError `CLUSTER_FORBIDDEN` when they may not be read.
 */
export async function clusterKeys(
  api: Pick<KubeApi, "get" | "list">,
  namespace: string,
  order: KeyOrder = "CertNotBefore",
): Promise<readonly ClusterKey[]> {
  const path = secretsIn(namespace);
  const labelled = (await api.list(path, { labelSelector: keyLabel })).items;
  const legacy = await api.get({ ...path, name: keyPrefix }).catch((error: unknown) => {
    // Who may only list the labelled ones has no such key of use.
    if (error instanceof KubeError && error.code === "CLUSTER_FORBIDDEN") return undefined;
    throw error;
  });
  const keys = labelled.map(clusterKey);
  if (legacy !== undefined && !keys.some(({ name }) => name === keyPrefix)) keys.push(clusterKey(legacy));
  const ranks = newestFirst(
    keys.flatMap(({ key }) => key ?? []),
    order,
  );
  const rank = ({ key }: ClusterKey) => (key === undefined ? ranks.length : ranks.indexOf(key));
  return keys.toSorted((a, b) => rank(a) - rank(b));
}

/** The key that values are sealed for now: the newest that is active and has a certificate. */
export function currentKey(keys: readonly ClusterKey[]): ClusterKey | undefined {
  return keys.find(({ isActive, key }) => isActive && key?.certificate !== undefined);
}

/** Finds keys by the names of their Secrets or by their fingerprints. @throws KsealError `NOT_FOUND`. */
export function namedKeys(keys: readonly ClusterKey[], names: readonly string[]): readonly ClusterKey[] {
  const found = names.map((name) => {
    const bare = name.slice(name.indexOf("/") + 1);
    const key =
      keys.find(({ fingerprint }) => fingerprint === name) ??
      keys.find((one) => one.name === name || one.name === bare);
    if (key !== undefined) return key;
    throw new KsealError("NOT_FOUND", `there is no sealing key ${JSON.stringify(name)}`, {
      hint: "kseal keys list shows names and fingerprints",
    });
  });
  return [...new Set(found)];
}

function clusterKey(object: JsonObject): ClusterKey {
  const secret = readSecret({ apiVersion: "v1", kind: "Secret", ...object });
  const { name, labels, annotations, other } = secret.metadata;
  const label = labels.get(keyLabel);
  const created = other.get("creationTimestamp");
  const { key, error } = readKey(secret);
  const certificate = key?.certificate ?? certificateOf(secret);
  return {
    name,
    label,
    isActive: label === "active" || (label === undefined && name === keyPrefix),
    created: typeof created === "string" ? created : "",
    backup: readBackupState(annotations),
    secret,
    key,
    error,
    certificate,
    fingerprint: key?.fingerprint ?? certificate?.keyFingerprint,
  };
}

function readKey(secret: Secret): { key: SealingKey | undefined; error: KsealError | undefined } {
  try {
    return { key: readSealingKey(secret), error: undefined };
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    return { key: undefined, error };
  }
}

function certificateOf({ data }: Secret): Certificate | undefined {
  try {
    return readCertificates(data.get("tls.crt") ?? "")[0];
  } catch (error) {
    if (error instanceof KsealError) return undefined;
    throw error;
  }
}
