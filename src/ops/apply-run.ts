import { KsealError } from "../errors.ts";
import { type KubeApi, KubeError, type ObjectPath } from "../kube/api.ts";
import type { ApplyProgress, Ledger } from "./apply-ledger.ts";
import { inOrder } from "./apply-order.ts";
import { changesValues, type PlannedObject } from "./apply-plan-object.ts";
import { judgeRollout, note, notRestarting, restart, type Workload } from "./apply-restart.ts";
import { type Awaited, judgeSealed, type Left, waitFor } from "./apply-wait.ts";
import { writeObject } from "./apply-write.ts";
import type { OpContext } from "./context.ts";
import { type ApplySet, type PrunedObject, writeSet } from "./prune-set.ts";
import { textAt } from "./verify-fields.ts";

/** Everything that is to be done. */
interface ApplyWork {
  readonly objects: readonly PlannedObject[];
  readonly set: ApplySet | undefined;
  readonly pruned: readonly PrunedObject[];
  readonly workloads: readonly Workload[];
  /** By `namespace/name`: the versions of the Secrets that changed SealedSecrets have made so far. */
  readonly secretVersions: ReadonlyMap<string, string>;
  /** Waits for SealedSecrets and rollouts. */
  readonly wait: boolean;
  readonly timeoutMs: number;
  /** Name and version of this program. */
  readonly tooling: string;
}

/** What was done. */
export interface ApplyResult extends ApplyProgress {
  readonly pruned: readonly string[];
  readonly restarted: readonly RestartedWorkload[];
  /** What ended the run early; a second one finishes it. */
  readonly failure?: unknown;
}

interface RestartedWorkload {
  readonly workload: string;
  readonly secrets: readonly string[];
  /** Why its pods are not replaced. */
  readonly note?: string;
}

interface Run {
  readonly work: ApplyWork;
  readonly api: KubeApi;
  readonly ledger: Ledger;
  readonly context: OpContext;
}

/**
 * Writes objects, waits for what others make of them, deletes what is not applied any more, restarts what uses them: each
 * step when the one before it is done. Every step finds what an earlier run has left of it.
 */
export async function runApply(run: Run): Promise<ApplyResult> {
  const pruned: string[] = [];
  const restarted: RestartedWorkload[] = [];
  const result = () => ({ ...run.ledger.progress, pruned, restarted });
  try {
    await writeAll(run);
    await awaitSealed(run);
    await prune(run, pruned);
    await restartAll(run, restarted);
    return result();
  } catch (failure) {
    return { ...result(), failure };
  }
}

async function writeAll({ work, api, ledger }: Run): Promise<void> {
  const { objects, set, workloads, tooling } = work;
  const placed = objects.map(({ object }) => object);
  const groups = inOrder(objects.map((planned) => ({ planned, kind: planned.object.kind })));
  const namespaces = groups.filter(([first]) => first?.planned.object.kind === "Namespace");
  const write = async (group: (typeof groups)[number]) => {
    const changed = group.map(({ planned }) => planned).filter(({ action }) => action !== "keep");
    await ledger.each(
      changed,
      ({ object }) => object.title,
      (planned) => writeObject(planned, api),
    );
  };
  for (const group of namespaces) await write(group);
  // What is applied from here on is found by the next run, whatever becomes of this one.
  if (set !== undefined) await writeSet(api, set, placed, { which: "before", tooling });
  for (const workload of workloads) if (!workload.isOwed) await note(workload, true, api);
  for (const group of groups) if (!namespaces.includes(group)) await write(group);
}

async function awaitSealed({ work, api, context }: Run): Promise<void> {
  const { objects, wait, workloads, timeoutMs } = work;
  // What is restarted before its Secret is there would have to be restarted again.
  if (!wait && workloads.length === 0) return;
  const awaited = objects.filter(isSealed).map(({ object }): Awaited => object);
  const left = await waitFor(awaited, { timeoutMs, judge: judgeSealed }, { api, context });
  refuseLeft(left, "not synced");
}

async function prune({ work, api, ledger }: Run, pruned: string[]): Promise<void> {
  const { set, objects, tooling } = work;
  if (set === undefined) return;
  const title = (one: PrunedObject): string => one.title;
  await ledger.each(work.pruned, title, async ({ path, uid, resourceVersion, title: name }) => {
    await api.delete(path, { uid, resourceVersion, propagation: "Background" });
    pruned.push(name);
  });
  await writeSet(
    api,
    set,
    objects.map(({ object }) => object),
    { which: "after", tooling },
  );
}

async function restartAll({ work, api, context }: Run, restarted: RestartedWorkload[]): Promise<void> {
  const changed = await changedSecrets(work, api);
  const waiting: (Awaited & { readonly workload: Workload })[] = [];
  for (const workload of work.workloads) {
    const secrets = workload.secrets.filter((name) => changed.has(`${workload.path.namespace}/${name}`));
    if (secrets.length === 0 && !workload.isOwed) {
      await note(workload, false, api);
      continue;
    }
    const why = notRestarting(workload);
    if (why === undefined) {
      await restart(workload, api, context);
      waiting.push({ path: workload.path, title: workload.title, workload });
    } else await note(workload, false, api);
    restarted.push({ workload: workload.title, secrets, ...(why !== undefined && { note: why }) });
  }
  if (!work.wait) return;
  const kindOf = new Map<Awaited, Workload>(waiting.map((one) => [one, one.workload]));
  const left = await waitFor(
    waiting,
    {
      timeoutMs: work.timeoutMs,
      judge: (object, one) => judgeRollout(kindOf.get(one)?.kind ?? "Deployment", object),
    },
    { api, context },
  );
  refuseLeft(left, "not rolled out");
}

/** The Secrets, as `namespace/name`, that have other values now: of SealedSecrets only those that were written anew. */
async function changedSecrets(
  { objects, secretVersions }: ApplyWork,
  api: KubeApi,
): Promise<ReadonlySet<string>> {
  const changed = new Set<string>();
  for (const planned of objects.filter(mayChangeSecret)) {
    const { path } = planned.object;
    const place = `${path.namespace}/${path.name}`;
    const before = isSealed(planned) ? secretVersions.get(place) : undefined;
    if (before === undefined || (await secretVersion(path, api)) !== before) changed.add(place);
  }
  return changed;
}

/** Whether applying an object may change the values of a Secret that pods use already. */
export function mayChangeSecret(planned: PlannedObject): boolean {
  const { kind, group } = planned.object;
  const isSecret = kind === "Secret" && group === "";
  return (isSecret || isSealed(planned)) && planned.action !== "create" && changesValues(planned);
}

/** The version of the Secret that a SealedSecret makes; `undefined` when it is not there, or not for these eyes. */
export async function secretVersion(
  { namespace, name }: Pick<ObjectPath, "namespace" | "name">,
  api: Pick<KubeApi, "get">,
): Promise<string | undefined> {
  const path = { group: "", version: "v1", plural: "secrets", namespace, name };
  try {
    return textAt(await api.get(path, { metadataOnly: true }), ["metadata", "resourceVersion"]) || undefined;
  } catch (error) {
    if (error instanceof KubeError && error.code === "CLUSTER_FORBIDDEN") return undefined;
    throw error;
  }
}

/** Whether an object is one that a controller opens. */
export function isSealed({ object }: PlannedObject): boolean {
  return object.kind === "SealedSecret" && object.group === "bitnami.com";
}

function refuseLeft(left: readonly Left[], what: "not synced" | "not rolled out"): void {
  if (left.length === 0) return;
  const lines = left.map(({ one, why }) => `\n  ${one.title}: ${why}`);
  throw new KsealError(
    "FINDINGS",
    `${left.length === 1 ? "1 object is" : `${left.length} objects are`} ${what}:${lines.join("")}`,
    {
      hint:
        what === "not synced"
          ? "the objects are applied; kubectl describe sealedsecret shows what the controller says"
          : "the workloads are restarted; kubectl rollout status follows one of them",
    },
  );
}
