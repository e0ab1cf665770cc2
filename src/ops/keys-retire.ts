import { KsealError } from "../errors.ts";
import type { KubeApi } from "../kube/api.ts";
import { objectField } from "../sealed/object-fields.ts";
import type { KeyOrder } from "../sealed/sealing-key.ts";
import { clusterApi } from "./certificate-of-cluster.ts";
import { type ClusterFlags, controllerOf } from "./cluster-flags.ts";
import type { OpContext } from "./context.ts";
import {
  type ClusterKey,
  clusterKeys,
  currentKey,
  keyLabel,
  keysFieldManager,
  namedKeys,
  secretsIn,
} from "./keys-secrets.ts";
import { type KeyUses, keyUses } from "./keys-use.ts";

export interface RetireKeysOptions {
  readonly cluster: ClusterFlags;
  /** Names of Secrets, or fingerprints. */
  readonly names: readonly string[];
  /** Files and folders with SealedSecrets that count besides those of the cluster. */
  readonly paths: readonly string[];
  /** The label's new value: `retired`, or `compromised` as the custom is for keys that somebody may have stolen. */
  readonly label: string;
  /** Deletes the Secret, when a recipient has opened a backup of it. */
  readonly delete: boolean;
  readonly dryRun: boolean;
  /** The controller's `--key-order-priority`. */
  readonly order?: KeyOrder | undefined;
}

export interface RetiredKey {
  /** `namespace/name`. */
  readonly name: string;
  readonly fingerprint: string;
  readonly deleted: boolean;
}

/**
 * Takes keys out of use. Controllers do not load what has another label than `active`, and the key is still there.
 *
 * @throws KsealError `CHANGES_REFUSED` when a key is needed: values are sealed for it now, or a SealedSecret in the cluster
 *   or in the files opens with it, or it cannot be known; with `delete` also when no backup of it was verified. Nothing is
 *   changed then. `NOT_FOUND`, `CLUSTER_*`.
 */
export async function retireKeys(
  options: RetireKeysOptions,
  context: OpContext,
): Promise<readonly RetiredKey[]> {
  const { cluster, names, paths, label, dryRun } = options;
  if (names.length === 0) throw new KsealError("USAGE", "no key is named");
  checkLabel(label);
  const { namespace } = controllerOf(cluster);
  const api = await clusterApi({ flags: cluster, cluster: undefined }, context);
  try {
    const all = await clusterKeys(api, namespace, context, options.order);
    const keys = namedKeys(all, names);
    for (const key of keys) refuseUnlessReady(key, all, options, namespace);
    const readable = all.flatMap(({ key }) => key ?? []);
    const uses = await keyUses({ keys: readable, api, paths }, context);
    for (const key of keys) refuseNeeded(key, uses, namespace);
    const retired: RetiredKey[] = [];
    for (const key of keys) {
      const { name, fingerprint = "", secret } = key;
      if (!dryRun) {
        const target = { api, namespace, name, version: versionOf(secret?.metadata.other) };
        await takeOut(target, { key, seen: uses.seen, options, context });
      }
      retired.push({ name: `${namespace}/${name}`, fingerprint, deleted: options.delete });
    }
    return retired;
  } finally {
    api.close();
  }
}

function checkLabel(label: string): void {
  if (label === "active" || !/^[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/.test(label)) {
    throw new KsealError("USAGE", `${JSON.stringify(label)} is no label that takes a key out of use`, {
      hint: "retired, or compromised for a key that somebody may have stolen",
    });
  }
}

function refuseUnlessReady(
  key: ClusterKey,
  all: readonly ClusterKey[],
  options: RetireKeysOptions,
  namespace: string,
): void {
  const place = `${namespace}/${key.name}`;
  if (key === currentKey(all)) {
    throw refused(
      `${place} is the key that values are sealed for now`,
      "make a new one first: kseal keys new",
    );
  }
  if (key.key === undefined) {
    throw refused(
      `${place} cannot be read, so nobody knows what needs it: ${key.error?.message ?? ""}`,
      key.isWrapped && key.error?.hint !== undefined
        ? key.error.hint
        : "repair it from a backup: kseal keys restore",
    );
  }
  if (!options.delete) return;
  const { records, verifiedAt } = key.backup;
  const last = records
    .map(({ at }) => at)
    .toSorted()
    .at(-1);
  if (last !== undefined && verifiedAt !== undefined && verifiedAt >= last) return;
  const why = last === undefined ? "it has no backup" : "nobody has opened its last backup";
  const steps =
    last === undefined ? "kseal keys backup, then kseal keys verify-backup" : "kseal keys verify-backup";
  throw refused(`${place} is not deleted: ${why}`, `${steps} --context CONTEXT`);
}

function refuseNeeded(
  { name, fingerprint = "" }: ClusterKey,
  { byKey, unseen }: KeyUses,
  namespace: string,
): void {
  const place = `${namespace}/${name}`;
  const [first, ...others] = byKey.get(fingerprint)?.objects ?? [];
  if (first !== undefined) {
    const more = others.length === 0 ? "" : ` and ${others.length} more`;
    throw refused(
      `${place} is still needed: it opens ${first.place} in ${first.file}${more}`,
      "seal them for the newest key first: kseal reseal",
    );
  }
  const [blind] = unseen;
  if (blind !== undefined) {
    throw refused(
      `it is not known what needs ${place}: ${blind}`,
      "run it as somebody who may list SealedSecrets",
    );
  }
}

interface Target {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly name: string;
  /** What was looked at: if somebody changes the Secret meanwhile, nothing happens. */
  readonly version: { readonly uid?: string; readonly resourceVersion?: string };
}

interface Retirement {
  readonly key: ClusterKey;
  /** The objects of the cluster that do not need it. */
  readonly seen: ReadonlySet<string>;
  readonly options: RetireKeysOptions;
  readonly context: OpContext;
}

/**
 * Takes the key out of use, and looks once more at what has come into the cluster meanwhile: who sealed for it a moment
 * ago gets it back. Only then it is deleted.
 */
async function takeOut(target: Target, { key, seen, options, context }: Retirement): Promise<void> {
  const { api, namespace, name } = target;
  const retired = await relabel(target, options.label);
  const keys = key.key === undefined ? [] : [key.key];
  const uses = await keyUses({ keys, api, paths: [], except: seen }, context);
  try {
    refuseNeeded(key, uses, namespace);
  } catch (error) {
    await relabel({ ...target, version: retired }, key.label ?? null);
    throw error;
  }
  if (options.delete) await api.delete({ ...secretsIn(namespace), name }, retired);
}

async function relabel(
  { api, namespace, name, version: { resourceVersion } }: Target,
  label: string | null,
): Promise<Target["version"]> {
  const metadata = { labels: { [keyLabel]: label }, ...(resourceVersion && { resourceVersion }) };
  const changed = await api.patch(
    { ...secretsIn(namespace), name },
    { metadata },
    {
      type: "merge",
      fieldManager: keysFieldManager,
    },
  );
  return versionOf(new Map(Object.entries(objectField(changed, "metadata", ""))));
}

function versionOf(metadata: ReadonlyMap<string, unknown> | undefined): Target["version"] {
  const text = (name: string): string | undefined => {
    const value = metadata?.get(name);
    return typeof value === "string" ? value : undefined;
  };
  const [uid, resourceVersion] = [text("uid"), text("resourceVersion")];
  return { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) };
}

function refused(message: string, hint: string): KsealError {
  return new KsealError("CHANGES_REFUSED", message, { hint });
}
