import type { JsonObject, KubeApi, ObjectPath } from "../kube/api.ts";
import { titleOf } from "./apply-object.ts";
import type { Verdict } from "./apply-wait.ts";
import type { OpContext } from "./context.ts";
import { isObject, textAt, valueAt } from "./verify-fields.ts";

/** What keeps pods running, and replaces them when their template changes. */
export interface Workload {
  readonly path: ObjectPath;
  /** `Deployment prod/web`. */
  readonly title: string;
  readonly kind: WorkloadKind;
  /** The changed Secrets that its pods use. */
  readonly secrets: readonly string[];
  /** Whether an earlier run changed a Secret of it and ended before the restart. */
  readonly isOwed: boolean;
  readonly object: JsonObject;
}

type WorkloadKind = "Deployment" | "StatefulSet" | "DaemonSet";

const kinds: readonly (readonly [WorkloadKind, string])[] = [
  ["Deployment", "deployments"],
  ["StatefulSet", "statefulsets"],
  ["DaemonSet", "daemonsets"],
];

/** What `kubectl rollout restart` writes into the template of the pods. */
const restartedAt = "kubectl.kubernetes.io/restartedAt";
/** Stands at a workload from before its Secrets change until it is restarted: a run that ends in between is caught up. */
const owed = "kseal.dev/restart-pending";
// Who writes it: not the manager of what is applied, which would take it away the next time.
const fieldManager = "kseal-restart";

/**
 * The workloads whose pods use Secrets: as variables, all or single ones, as volumes, also projected, to pull images; and
 * those whose restart is owed.
 *
 * @param changed - Names of Secrets by namespace; namespaces without any are looked at too.
 * @throws KubeError `CLUSTER_FORBIDDEN` when workloads may not be listed.
 */
export async function workloadsUsing(
  changed: ReadonlyMap<string, ReadonlySet<string>>,
  api: Pick<KubeApi, "list">,
): Promise<readonly Workload[]> {
  const found: Workload[] = [];
  for (const [namespace, names] of [...changed].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    for (const [kind, plural] of kinds) {
      const place = { group: "apps", version: "v1", plural, namespace };
      for (const object of (await api.list(place)).items) {
        const used = secretsOfPods(valueAt(object, ["spec", "template", "spec"]));
        const secrets = [...used].filter((name) => names.has(name)).toSorted();
        const isOwed = textAt(object, ["metadata", "annotations", owed]) !== "";
        if (secrets.length === 0 && !isOwed) continue;
        const path = { ...place, name: textAt(object, ["metadata", "name"]) };
        found.push({ path, title: titleOf(kind, path), kind, secrets, isOwed, object });
      }
    }
  }
  return found;
}

/** Notes at a workload that it is to be restarted, or that it is not any more. */
export async function note({ path }: Workload, isToBe: boolean, api: Pick<KubeApi, "patch">): Promise<void> {
  const patch = { metadata: { annotations: { [owed]: isToBe ? "true" : null } } };
  await api.patch(path, patch, { type: "merge", fieldManager });
}

/** Has the pods of a workload replaced, as `kubectl rollout restart` does. */
export async function restart(
  { path }: Workload,
  api: Pick<KubeApi, "patch">,
  { host }: Pick<OpContext, "host">,
): Promise<void> {
  const now = new Date(host.now()).toISOString().replace(/\.\d+Z$/, "Z");
  const patch = {
    metadata: { annotations: { [owed]: null } },
    spec: { template: { metadata: { annotations: { [restartedAt]: now } } } },
  };
  await api.patch(path, patch, { type: "merge", fieldManager });
}

/** Why the pods of a workload are not replaced by {@link restart}; `undefined` when they are. */
export function notRestarting({ kind, object }: Workload): string | undefined {
  if (kind === "Deployment" && valueAt(object, ["spec", "paused"]) === true) {
    return "it is paused; kubectl rollout resume, then kubectl rollout restart";
  }
  if (kind !== "Deployment" && textAt(object, ["spec", "updateStrategy", "type"]) === "OnDelete") {
    return "its strategy is OnDelete: its pods are replaced when somebody deletes them";
  }
  return undefined;
}

/** Whether a rollout has ended, as `kubectl rollout status` judges it. */
export function judgeRollout(kind: WorkloadKind, object: JsonObject): Verdict {
  const status = valueAt(object, ["status"]);
  const number = (field: string): number => Number(valueAt(status, [field]) ?? 0);
  if (number("observedGeneration") < Number(valueAt(object, ["metadata", "generation"]) ?? 0)) {
    return { state: "pending", why: "its controller has not looked at it yet" };
  }
  const wanted =
    kind === "DaemonSet"
      ? number("desiredNumberScheduled")
      : Number(valueAt(object, ["spec", "replicas"]) ?? 1);
  if (kind === "Deployment" && hasStopped(status)) {
    return { state: "failed", why: "its rollout makes no progress any more" };
  }
  const updated = number(kind === "DaemonSet" ? "updatedNumberScheduled" : "updatedReplicas");
  const ready = number(
    { Deployment: "availableReplicas", StatefulSet: "readyReplicas", DaemonSet: "numberAvailable" }[kind],
  );
  const toUpdate = Math.max(wanted - partitionOf(kind, object), 0);
  const old = kind === "Deployment" ? number("replicas") - updated : 0;
  if (updated < toUpdate) return { state: "pending", why: `${updated} of ${toUpdate} pods are new` };
  if (old > 0)
    return { state: "pending", why: `${old} old ${old === 1 ? "pod is" : "pods are"} still there` };
  return ready < wanted
    ? { state: "pending", why: `${ready} of ${wanted} pods are ready` }
    : { state: "done" };
}

function hasStopped(status: unknown): boolean {
  const conditions = valueAt(status, ["conditions"]);
  return (Array.isArray(conditions) ? conditions : []).some(
    (condition) => textAt(condition, ["reason"]) === "ProgressDeadlineExceeded",
  );
}

/** The pods of a StatefulSet with a number below it keep their old version. */
function partitionOf(kind: WorkloadKind, object: JsonObject): number {
  if (kind !== "StatefulSet") return 0;
  return Number(valueAt(object, ["spec", "updateStrategy", "rollingUpdate", "partition"]) ?? 0);
}

/**
 * The names of Secrets that pods use, wherever in their specification: `secretKeyRef` and `secretRef` of variables and
 * volumes, `secret` of volumes and of projected ones, `imagePullSecrets`.
 */
function secretsOfPods(spec: unknown): ReadonlySet<string> {
  if (Array.isArray(spec)) return new Set(spec.flatMap((item) => [...secretsOfPods(item)]));
  if (!isObject(spec)) return new Set();
  const names = Object.entries(spec).flatMap(([key, value]) => [
    ...namedBy(key, value),
    ...secretsOfPods(value),
  ]);
  return new Set(names.filter((name) => name !== ""));
}

function namedBy(key: string, value: unknown): readonly string[] {
  if (/^(?:secret|nodePublishSecret|secretKey)Ref$/.test(key)) return [textAt(value, ["name"])];
  if (key === "secret" || key === "azureFile")
    return [textAt(value, ["secretName"]), textAt(value, ["name"])];
  if (key !== "imagePullSecrets" || !Array.isArray(value)) return [];
  return value.map((item) => textAt(item, ["name"]));
}
