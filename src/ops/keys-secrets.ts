import { epochOf } from "../core/calendar.ts";
import { KsealError } from "../errors.ts";
import { type JsonObject, type KubeApi, KubeError, type ObjectPath } from "../kube/api.ts";
import { type Certificate, readCertificates } from "../sealed/certificate.ts";
import { type KeyOrder, newestFirst, readSealingKey, type SealingKey } from "../sealed/sealing-key.ts";
import { readSecret, type Secret } from "../sealed/secret.ts";
import { isInUse, isWrapped, sealingKeyLabel } from "../sealed/wrapped-key.ts";
import type { OpContext } from "./context.ts";
import { type BackupState, readBackupState } from "./key-backup-record.ts";

/** The label of the Secrets that hold sealing keys; a controller loads those with the values of {@link isInUse}. */
export const keyLabel: string = sealingKeyLabel;
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
  /** With the key in clear, where it could be read. */
  readonly secret: Secret | undefined;
  /** Whether the cluster keeps it in an envelope. */
  readonly isWrapped: boolean;
  /** Who opens that envelope; a list for each group. */
  readonly wrappedFor: readonly (readonly string[])[];
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
 * value, and the one of the legacy name. In the controller's order: newest first, and of two that are as old the first
 * by name. Keys in envelopes are opened with what is at hand.
 *
 * @param order - The controller's `--key-order-priority`.
 * @throws KubeError `CLUSTER_FORBIDDEN` when they may not be read.
 */
export async function clusterKeys(
  api: Pick<KubeApi, "get" | "list">,
  namespace: string,
  { keyring }: Pick<OpContext, "keyring">,
  order: KeyOrder = "CertNotBefore",
): Promise<readonly ClusterKey[]> {
  const path = secretsIn(namespace);
  const labelled = (await api.list(path, { labelSelector: keyLabel })).items;
  const legacy = await api.get({ ...path, name: keyPrefix }).catch((error: unknown) => {
    // Who may only list the labelled ones has no such key of use.
    if (error instanceof KubeError && error.code === "CLUSTER_FORBIDDEN") return undefined;
    throw error;
  });
  const keys: ClusterKey[] = [];
  for (const object of labelled) keys.push(await clusterKey(object, keyring));
  if (legacy !== undefined && !keys.some(({ name }) => name === keyPrefix)) {
    keys.push(await clusterKey(legacy, keyring));
  }
  const byName = keys.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  // What cannot be read and is in no envelope seals nothing.
  const isKey = ({ key, isWrapped: isEnvelope }: ClusterKey) => key !== undefined || isEnvelope;
  const ranked = newestFirst(
    byName.filter(isKey).map((one) => ({ one, ...datesOf(one) })),
    order,
  );
  return [...ranked.map(({ one }) => one), ...byName.filter((one) => !isKey(one))];
}

function datesOf({ certificate, created }: ClusterKey): Pick<SealingKey, "certificate" | "createdAt"> {
  const createdAt = epochOf(created);
  return {
    ...(certificate === undefined ? {} : { certificate }),
    ...(createdAt === undefined ? {} : { createdAt }),
  };
}

/**
 * The key that values are sealed for now: the newest that is in use and has a certificate. Of one in an envelope that is
 * not open here it is supposed that the controller opens it.
 */
export function currentKey(keys: readonly ClusterKey[]): ClusterKey | undefined {
  return keys.find(
    ({ isActive, key, isWrapped: isEnvelope, certificate }) =>
      isActive && certificate !== undefined && (key !== undefined || isEnvelope),
  );
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

async function clusterKey(object: JsonObject, keyring: OpContext["keyring"]): Promise<ClusterKey> {
  const stored = readSecret({ apiVersion: "v1", kind: "Secret", ...object });
  const { name, labels, annotations, other } = stored.metadata;
  const label = labels.get(keyLabel);
  const created = other.get("creationTimestamp");
  const { key, error, secret, wrappedFor } = await readKey(stored, keyring);
  const certificate = key?.certificate ?? certificateOf(stored);
  return {
    name,
    label,
    isActive: isInUse(label) || (label === undefined && name === keyPrefix),
    created: typeof created === "string" ? created : "",
    backup: readBackupState(annotations),
    secret,
    isWrapped: isWrapped(stored),
    wrappedFor,
    key,
    error,
    certificate,
    fingerprint: key?.fingerprint ?? certificate?.keyFingerprint,
  };
}

async function readKey(
  stored: Secret,
  keyring: OpContext["keyring"],
): Promise<Pick<ClusterKey, "key" | "error" | "secret" | "wrappedFor">> {
  let wrappedFor: ClusterKey["wrappedFor"] = [];
  try {
    if (!isWrapped(stored)) {
      return { key: readSealingKey(stored), error: undefined, secret: stored, wrappedFor };
    }
    const { envelopeRecipients, openEnvelope } = await import("./key-envelope.ts");
    wrappedFor = await envelopeRecipients(stored);
    const secret = await openEnvelope(stored, { keyring });
    return { key: readSealingKey(secret), error: undefined, secret, wrappedFor };
  } catch (error) {
    if (!(error instanceof KsealError) || error.code === "INTERRUPTED") throw error;
    return { key: undefined, error, secret: undefined, wrappedFor };
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
