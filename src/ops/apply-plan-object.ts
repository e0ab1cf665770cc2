import { KsealError } from "../errors.ts";
import type { JsonObject, KubeApi } from "../kube/api.ts";
import { diffObjects, type ObjectDiff } from "./apply-diff.ts";
import {
  applyFailure,
  canRecreate,
  conflictError,
  conflictsOf,
  type FieldConflict,
  isImmutable,
} from "./apply-failure.ts";
import {
  afterMigration,
  appliedFields,
  clientSideManagers,
  hasClientSide,
  hasLastApplied,
} from "./apply-migrate.ts";
import type { PlacedObject } from "./apply-object.ts";
import { partOf } from "./prune-set.ts";
import { textAt } from "./verify-fields.ts";

/** Who writes, in `managedFields`. */
export const fieldManager = "kseal";

export interface ApplyMode {
  /** Takes fields over that others manage. */
  readonly forceConflicts: boolean;
  /** Takes over from a client-side apply. */
  readonly migrate: boolean;
  /** Deletes what cannot be changed, and makes it anew. */
  readonly recreate: boolean;
}

/** What happens to an object: `adopt` changes nothing but who manages its fields. */
type ApplyAction = "create" | "change" | "adopt" | "recreate" | "keep";

export interface PlannedObject {
  readonly object: PlacedObject;
  readonly action: ApplyAction;
  readonly diff: ObjectDiff;
  /** Fields that are taken over from others. */
  readonly takenOver: readonly FieldConflict[];
  /** Whether the traces of a client-side apply go first. */
  readonly migrates: boolean;
  readonly live: JsonObject | undefined;
}

/**
 * What applying an object would do: the API server is asked in a dry run, so that whatever refuses it (types, policies,
 * quotas, other managers, rights) does so before anything is changed.
 *
 * @param options.isReady - Whether its namespace and its kind are there; only then can the server be asked.
 * @throws KsealError `CLUSTER_*` with the object's name and place.
 */
export async function planObject(
  object: PlacedObject,
  options: ApplyMode & { readonly isReady: boolean },
  api: KubeApi,
): Promise<PlannedObject> {
  try {
    const live = options.isReady ? await api.get(object.path) : undefined;
    if (live === undefined) {
      if (options.isReady) await dryRun(object, { force: false }, api);
      return planned(object, "create", undefined);
    }
    refuseOthers(object, live);
    return await planChange(object, live, options, api);
  } catch (error) {
    throw applyFailure(object, error);
  }
}

async function planChange(
  object: PlacedObject,
  live: JsonObject,
  options: ApplyMode,
  api: KubeApi,
): Promise<PlannedObject> {
  const migrates = options.migrate && hasClientSide(live);
  try {
    const { applied, takenOver } = await tryApply(object, live, { ...options, migrate: migrates }, api);
    const after = migrates ? afterMigration(live, applied, object.content) : applied;
    const diff = diffObjects(live, after, object.hidden);
    const isOwn = !migrates && appliedFields(live, fieldManager) === appliedFields(applied, fieldManager);
    const action = diff.changes.length > 0 ? "change" : isOwn ? "keep" : "adopt";
    return { ...planned(object, action, live), diff, takenOver, migrates };
  } catch (error) {
    if (!isImmutable(error) || !options.recreate || !canRecreate(object)) throw error;
    refuseOwned(object, live);
    const diff = diffObjects(live, object.content, object.hidden);
    return { ...planned(object, "recreate", live), diff };
  }
}

function planned(object: PlacedObject, action: ApplyAction, live: JsonObject | undefined): PlannedObject {
  return {
    object,
    action,
    diff: { lines: [], changes: [] },
    takenOver: [],
    migrates: false,
    live,
  };
}

/** Whether the values of a Secret, or what is sealed of them, change in an object that was there before. */
export function changesValues({ object, diff, live }: PlannedObject): boolean {
  const fields = object.kind === "Secret" ? /^(?:data|type)\b/ : /^spec\b/;
  return live !== undefined && diff.changes.some((field) => fields.test(field));
}

async function tryApply(
  object: PlacedObject,
  live: JsonObject,
  { forceConflicts, migrate }: ApplyMode,
  api: KubeApi,
): Promise<{ readonly applied: JsonObject; readonly takenOver: readonly FieldConflict[] }> {
  try {
    return { applied: await dryRun(object, { force: false }, api), takenOver: [] };
  } catch (error) {
    const conflicts = conflictsOf(error);
    if (conflicts.length === 0) throw error;
    const past = migrate ? clientSideManagers(live) : new Set();
    const takenOver = conflicts.filter(({ manager }) => !past.has(manager));
    if (takenOver.length > 0 && !forceConflicts) throw conflictError(takenOver);
    return { applied: await dryRun(object, { force: true }, api), takenOver };
  }
}

async function dryRun(
  { path, content }: PlacedObject,
  { force }: { readonly force: boolean },
  api: KubeApi,
): Promise<JsonObject> {
  return await api.apply(path, content, { fieldManager, force, dryRun: true });
}

function refuseOthers({ content }: PlacedObject, live: JsonObject): void {
  if (textAt(live, ["metadata", "deletionTimestamp"]) !== "") {
    throw new KsealError("CLUSTER_CONFLICT", "it is being deleted", {
      hint: "wait until it is gone, and run the command again",
    });
  }
  const [wanted, present] = [content, live].map((one) => textAt(one, ["metadata", "labels", partOf]));
  if (wanted !== "" && present !== "" && wanted !== present) {
    throw new KsealError("CLUSTER_CONFLICT", `it belongs to another set: ${present}`, {
      hint: `take it out of that set first: remove its label ${partOf}`,
    });
  }
}

/** An object that another one owns is not deleted: its owner would make it anew, or miss it. */
function refuseOwned({ title }: PlacedObject, live: JsonObject): void {
  const owners = live["metadata"] as { readonly ownerReferences?: readonly unknown[] } | undefined;
  const [owner] = owners?.ownerReferences ?? [];
  if (owner === undefined) return;
  const who = `${textAt(owner, ["kind"])} ${textAt(owner, ["name"])}`;
  throw new KsealError("CLUSTER_CONFLICT", `it cannot be changed and belongs to ${who}`, {
    hint: `delete ${who} first, if ${title} is to come from this file`,
  });
}

/** What is told of an object that keeps its values in clear in an annotation. */
export function lastAppliedWarning({ object, live, migrates }: PlannedObject): string | undefined {
  const isSecret = object.kind === "Secret" && object.group === "";
  if (!isSecret || live === undefined || migrates || !hasLastApplied(live)) return undefined;
  return `${object.title}: kubectl apply has left its values in clear in an annotation; --migrate removes it`;
}
