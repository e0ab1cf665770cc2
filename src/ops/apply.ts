import { KsealError } from "../errors.ts";
import type { ClusterOptions, KubeApi } from "../kube/api.ts";
import { hiddenTexts } from "./apply-hidden.ts";
import { buildKustomization, type KustomizeOptions } from "./apply-kustomize.ts";
import { type ApplyProgress, Ledger } from "./apply-ledger.ts";
import { type ApplyObject, type PlacedObject, withLabel } from "./apply-object.ts";
import { definedKinds, openPlaces } from "./apply-places.ts";
import { type ApplyMode, lastAppliedWarning, type PlannedObject, planObject } from "./apply-plan-object.ts";
import { readApplyFiles, readApplyStream } from "./apply-read.ts";
import { type Workload, workloadsUsing } from "./apply-restart.ts";
import { type ApplyResult, isSealed, mayChangeSecret, runApply, secretVersion } from "./apply-run.ts";
import type { OpContext } from "./context.ts";
import { mapFiles } from "./map-files.ts";
import {
  type ApplySet,
  abandoned,
  isMember,
  type PrunedObject,
  partOf,
  readSet,
  writeSet,
} from "./prune-set.ts";
import { textAt } from "./verify-fields.ts";

export interface ReadApplyOptions {
  /** Files, folders, or `-` for standard input. */
  readonly paths: readonly string[];
  /** A kustomization that is built, in place of files. */
  readonly kustomize?: KustomizeOptions | undefined;
  readonly ignoreMac?: boolean | undefined;
  /** Told every secret value before anything else happens: text as it is, and as base64 where a Secret has it. */
  readonly onSecret?: ((value: string) => void) | undefined;
}

export interface ApplyOptions extends ReadApplyOptions, ApplyMode {
  readonly cluster: ClusterOptions;
  /** The set whose members are deleted when they are not applied any more. */
  readonly applySet?: string | undefined;
  /** Restarts the workloads that use a changed Secret. */
  readonly restart: boolean;
  /** Waits until SealedSecrets are synced and restarted workloads are rolled out. */
  readonly wait: boolean;
  /** For each of the two. Milliseconds. */
  readonly timeoutMs: number;
  /** Name and version of this program, as sets note it: `kseal/v1.0.0`. */
  readonly tooling: string;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What applying would do. */
export interface ApplyPlan {
  /** The context of the kubeconfig, or the address of the cluster. */
  readonly cluster: string;
  readonly objects: readonly PlannedObject[];
  readonly pruned: readonly PrunedObject[];
  /** Those that will be restarted when the values of their Secrets have changed. */
  readonly workloads: readonly Workload[];
  /** Does it. What goes wrong is part of the result, beside what was done before. */
  apply(): Promise<ApplyResult>;
  progress(): ApplyProgress;
  close(): void;
}

/**
 * Reads and decrypts what is to be applied. Nothing is asked of a cluster.
 *
 * @throws KsealError When anything does not open or is no object: then nothing is returned.
 */
export async function readApply(
  options: ReadApplyOptions,
  context: OpContext,
): Promise<readonly ApplyObject[]> {
  const { paths, kustomize, onSecret } = options;
  const objects =
    kustomize === undefined
      ? await readApplyFiles(paths, options, context)
      : await readApplyStream(await buildKustomization(kustomize, context), options, context);
  if (objects.length === 0) throw new KsealError("NO_FILE", "there is no object in it");
  if (onSecret !== undefined) for (const object of objects) tellSecrets(object, onSecret);
  return objects;
}

/**
 * Plans how a cluster gets the objects of files: every one is decrypted first, then tried in a dry run of the API server.
 * Nothing is changed before {@link ApplyPlan.apply}.
 *
 * @throws KsealError As {@link readApply}; `CLUSTER_CONFLICT` for fields that others manage, for what the cluster refuses;
 *   of several failures all are told.
 */
export async function planApply(options: ApplyOptions, context: OpContext): Promise<ApplyPlan> {
  const objects = await readApply(options, context);
  if (context.kube === undefined) {
    throw new KsealError("CLUSTER_UNREACHABLE", "no cluster can be asked here");
  }
  const api = await context.kube(options.cluster);
  try {
    return await planIn(api, objects, options, context);
  } catch (error) {
    api.close();
    throw error;
  }
}

async function planIn(
  api: KubeApi,
  read: readonly ApplyObject[],
  options: ApplyOptions,
  context: OpContext,
): Promise<ApplyPlan> {
  const { signal } = context;
  const set =
    options.applySet === undefined
      ? undefined
      : await readSet(api, { name: options.applySet, namespace: api.namespace });
  const place = openPlaces(api, read, {
    defaultNamespace: api.namespace,
    requiredNamespace: options.cluster.namespace,
  });
  const placed = await mapFiles(read, place, { signal, noun: "objects" });
  const members = set === undefined ? placed : placed.map((object) => inSet(object, set));
  const objects = await planAll(members, options, api, context);
  for (const planned of objects) {
    const warning = lastAppliedWarning(planned);
    if (warning !== undefined) context.log.warn(warning);
  }
  const pruned = set === undefined ? [] : await abandoned(api, set, members);
  const isNew = objects.some(
    ({ object, action }) =>
      object.kind === "Namespace" && object.name === set?.parent.namespace && action === "create",
  );
  const { tooling, wait, timeoutMs, onProgress } = options;
  if (set !== undefined && !isNew)
    await writeSet(api, set, members, { which: "before", tooling, dryRun: true });
  const workloads = options.restart ? await workloadsOf(objects, api) : [];
  const secretVersions = workloads.length > 0 ? await versionsOf(objects, api) : new Map();
  const writes = objects.filter(({ action }) => action !== "keep").length;
  const ledger = new Ledger({ total: writes + pruned.length, signal, onProgress });
  return {
    cluster: api.context ?? api.server,
    objects,
    pruned,
    workloads,
    apply: () =>
      runApply({
        work: { objects, set, pruned, workloads, secretVersions, wait, timeoutMs, tooling },
        api,
        ledger,
        context,
      }),
    progress: () => ledger.progress,
    close: () => api.close(),
  };
}

/** Namespaces and definitions come first: what is in them can be tried only when they are there. */
async function planAll(
  objects: readonly PlacedObject[],
  options: ApplyOptions,
  api: KubeApi,
  { signal }: OpContext,
): Promise<readonly PlannedObject[]> {
  const isBase = ({ kind }: PlacedObject): boolean =>
    kind === "Namespace" || kind === "CustomResourceDefinition";
  const plan = (some: readonly PlacedObject[], isReady: (object: PlacedObject) => boolean) =>
    mapFiles(some, (object) => planObject(object, { ...options, isReady: isReady(object) }, api), {
      signal,
      noun: "objects",
    });
  const base = await plan(objects.filter(isBase), () => true);
  const coming = base.filter(({ action }) => action === "create").map(({ object }) => object);
  const namespaces = new Set(coming.filter(({ kind }) => kind === "Namespace").map(({ name }) => name));
  const kinds = new Set(
    coming.flatMap(definedKinds).map(({ groupVersion, kind }) => `${groupVersion} ${kind}`),
  );
  const rest = await plan(
    objects.filter((object) => !isBase(object)),
    ({ path, group, version, kind }) =>
      !namespaces.has(path.namespace ?? "") && !kinds.has(`${group}/${version} ${kind}`),
  );
  const byObject = new Map([...base, ...rest].map((planned) => [planned.object, planned]));
  return objects.flatMap((object) => byObject.get(object) ?? []);
}

/** An object as a member of a set. */
function inSet(object: PlacedObject, { id }: ApplySet): PlacedObject {
  if (!isMember(object)) return object;
  const label = textAt(object.content, ["metadata", "labels", partOf]);
  if (label === "") return withLabel(object, partOf, id);
  const { title, file, line } = object;
  throw new KsealError("USAGE", `${title} has a label ${partOf} in its file`, {
    hint: "remove it: --applyset sets it",
    where: { file, ...(line !== undefined && { line }) },
  });
}

async function workloadsOf(objects: readonly PlannedObject[], api: KubeApi): Promise<readonly Workload[]> {
  const changed = new Map<string, Set<string>>();
  for (const planned of objects) {
    const { namespace, name } = planned.object.path;
    if (namespace === undefined || name === undefined || !isMember(planned.object)) continue;
    if (planned.action === "create") continue;
    const names = changed.get(namespace) ?? new Set();
    changed.set(namespace, names);
    if (mayChangeSecret(planned)) names.add(name);
  }
  return await workloadsUsing(changed, api);
}

async function versionsOf(
  objects: readonly PlannedObject[],
  api: KubeApi,
): Promise<ReadonlyMap<string, string>> {
  const versions = new Map<string, string>();
  for (const { object } of objects.filter((planned) => isSealed(planned) && mayChangeSecret(planned))) {
    const found = await secretVersion(object.path, api);
    if (found !== undefined) versions.set(`${object.path.namespace}/${object.path.name}`, found);
  }
  return versions;
}

function tellSecrets({ kind, content, hidden }: ApplyObject, onSecret: (value: string) => void): void {
  for (const value of hiddenTexts(content, hidden)) {
    onSecret(value);
    if (kind !== "Secret") continue;
    const bytes = Buffer.from(value, "base64");
    const text = bytes.toString("utf8");
    if (!text.includes("\u{fffd}")) onSecret(text);
  }
}
