import { encodeBase64 } from "../core/base64.ts";
import { KsealError } from "../errors.ts";
import type { KubeApi } from "../kube/api.ts";
import type { Secret } from "../sealed/secret.ts";
import { clusterApi } from "./certificate-of-cluster.ts";
import { type ClusterFlags, controllerOf } from "./cluster-flags.ts";
import type { OpContext } from "./context.ts";
import { recipientNames } from "./key-backup.ts";
import { wrapKey } from "./key-envelope.ts";
import { flagRecipients } from "./keys-recipients.ts";
import {
  type ClusterKey,
  clusterKeys,
  keyLabel,
  keysFieldManager,
  namedKeys,
  secretsIn,
} from "./keys-secrets.ts";

export interface WrapKeysOptions {
  readonly cluster: ClusterFlags;
  /** Names of Secrets, or fingerprints; all keys when there is none. */
  readonly names: readonly string[];
  /** Who opens the envelopes: the controller's identity above all. */
  readonly recipients: readonly string[];
  readonly dryRun: boolean;
}

/** What became of one key. */
export interface WrappedKeyResult {
  /** `namespace/name`. */
  readonly name: string;
  readonly fingerprint: string;
  /** `false` when it was so already. */
  readonly changed: boolean;
}

/**
 * Puts the sealing keys of a cluster into envelopes, where they are; of those that are in one already the recipients are
 * changed. A controller goes on with them without a restart.
 *
 * @throws KsealError `USAGE` without recipients; `CHANGES_REFUSED` when a key has no backup, or cannot be read: nothing is
 *   changed then. `ENCRYPT_FAILED`, `CLUSTER_*`.
 */
export async function wrapKeys(
  options: WrapKeysOptions,
  context: OpContext,
): Promise<readonly WrappedKeyResult[]> {
  const recipients = flagRecipients(options.recipients);
  if (recipients === undefined) {
    throw new KsealError("USAGE", "nobody is named who could open the keys", {
      hint: "name the controller's recipient: --wrap-for age1...",
    });
  }
  const wanted = JSON.stringify(recipientNames(recipients).recipients);
  return await changeKeys(options, context, {
    isDone: ({ isWrapped, wrappedFor }) => isWrapped && JSON.stringify(wrappedFor) === wanted,
    check: refuseWithoutBackup,
    change: (secret) => wrapKey(secret, recipients, context),
  });
}

/**
 * Takes the sealing keys of a cluster out of their envelopes, with what is at hand to open them.
 *
 * @throws KsealError `CHANGES_REFUSED` when one does not open: nothing is changed then. `CLUSTER_*`.
 */
export async function unwrapKeys(
  options: Omit<WrapKeysOptions, "recipients">,
  context: OpContext,
): Promise<readonly WrappedKeyResult[]> {
  return await changeKeys(options, context, {
    isDone: ({ isWrapped }) => !isWrapped,
    check: () => undefined,
    change: async (secret) => secret,
  });
}

interface Change {
  readonly isDone: (key: ClusterKey) => boolean;
  readonly check: (key: ClusterKey, namespace: string) => void;
  /** @param secret - With the key in clear. */
  readonly change: (secret: Secret) => Promise<Secret>;
}

async function changeKeys(
  { cluster, names, dryRun }: Omit<WrapKeysOptions, "recipients">,
  context: OpContext,
  { isDone, check, change }: Change,
): Promise<readonly WrappedKeyResult[]> {
  const { namespace } = controllerOf(cluster);
  const api = await clusterApi({ flags: cluster, cluster: undefined }, context);
  try {
    const all = await clusterKeys(api, namespace, context);
    const keys = names.length === 0 ? all : namedKeys(all, names);
    const next: { readonly key: ClusterKey; readonly secret: Secret | undefined }[] = [];
    for (const key of keys) {
      if (isDone(key)) {
        next.push({ key, secret: undefined });
        continue;
      }
      if (key.secret === undefined || key.key === undefined) throw unreadable(key, namespace);
      check(key, namespace);
      next.push({ key, secret: await change(key.secret) });
    }
    // All are ready before the first is changed.
    for (const { key, secret } of next) {
      if (secret !== undefined && !dryRun) await replaceKey(key, secret, { api, namespace });
    }
    return next.map(({ key: { name, fingerprint = "" }, secret }) => ({
      name: `${namespace}/${name}`,
      fingerprint,
      changed: secret !== undefined,
    }));
  } finally {
    api.close();
  }
}

function refuseWithoutBackup({ name, backup }: ClusterKey, namespace: string): void {
  if (backup.records.length > 0) return;
  throw new KsealError(
    "CHANGES_REFUSED",
    `${namespace}/${name} has no backup: should its recipients be lost, it would be, too`,
    { hint: "kseal keys backup" },
  );
}

function unreadable({ name, error }: ClusterKey, namespace: string): KsealError {
  return new KsealError(
    "CHANGES_REFUSED",
    error?.message ?? `the key in ${namespace}/${name} cannot be read`,
    { hint: error?.hint ?? "repair it from a backup: kseal keys restore", cause: error },
  );
}

async function replaceKey(
  { name, secret: before }: ClusterKey,
  { metadata, data }: Secret,
  { api, namespace }: { readonly api: KubeApi; readonly namespace: string },
): Promise<void> {
  const resourceVersion = before?.metadata.other.get("resourceVersion");
  const label = metadata.labels.get(keyLabel);
  const patch = {
    metadata: {
      ...(typeof resourceVersion === "string" ? { resourceVersion } : {}),
      ...(label === undefined ? {} : { labels: { [keyLabel]: label } }),
    },
    data: { "tls.key": encodeBase64(data.get("tls.key") ?? new Uint8Array()) },
  };
  await api.patch({ ...secretsIn(namespace), name }, patch, {
    type: "merge",
    fieldManager: keysFieldManager,
  });
}
