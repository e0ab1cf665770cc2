import { KsealError } from "../errors.ts";
import { type KubeApi, KubeError } from "../kube/api.ts";
import { applyFailure } from "./apply-failure.ts";
import { migrationPatch } from "./apply-migrate.ts";
import { definedKinds } from "./apply-places.ts";
import { fieldManager, type PlannedObject } from "./apply-plan-object.ts";
import { textAt } from "./verify-fields.ts";

const attempts = 5;
const pauseMs = 200;
// An object with finalizers goes when somebody takes them off, a definition is ready when all API servers know it.
const patience = 20_000;

/**
 * Does to an object what was planned.
 *
 * @throws KsealError `CLUSTER_*` with the object's name and place.
 */
export async function writeObject(planned: PlannedObject, api: KubeApi): Promise<void> {
  const { object, action, takenOver } = planned;
  try {
    if (planned.migrates) await migrate(planned, api);
    if (action === "recreate") await removeFirst(planned, api);
    await api.apply(object.path, object.content, { fieldManager, force: takenOver.length > 0 });
    await untilDefined(planned, api);
  } catch (error) {
    throw applyFailure(object, error);
  }
}

/** Makes the fields of a client-side apply kseal's own, whatever else happens to the object meanwhile. */
async function migrate({ object: { path }, live }: PlannedObject, api: KubeApi): Promise<void> {
  let present = live;
  for (let attempt = 1; present !== undefined; attempt++) {
    try {
      await api.patch(path, migrationPatch(present, fieldManager), { fieldManager, type: "json" });
      return;
    } catch (error) {
      const isStale = error instanceof KubeError && error.status === 409;
      if (!isStale || attempt === attempts) throw error;
      present = await api.get(path);
    }
  }
}

async function removeFirst({ object: { path }, live }: PlannedObject, api: KubeApi): Promise<void> {
  const uid = textAt(live, ["metadata", "uid"]);
  await api.delete(path, { uid });
  await until(async () => textAt(await api.get(path), ["metadata", "uid"]) !== uid, "it is not gone yet");
}

/** Objects of a new kind can follow when its API is there. */
async function untilDefined({ object, action }: PlannedObject, api: KubeApi): Promise<void> {
  if (action !== "create") return;
  for (const { groupVersion, kind } of definedKinds(object)) {
    const [group = "", version = ""] = groupVersion.split("/");
    await until(
      async () => (await api.resources(group, version))?.some((one) => one.kind === kind) === true,
      "the cluster does not serve it yet",
    );
  }
}

async function until(isSo: () => Promise<boolean>, otherwise: string): Promise<void> {
  for (let waited = 0; !(await isSo()); waited += pauseMs) {
    if (waited >= patience) {
      throw new KsealError("CLUSTER_CONFLICT", otherwise, { hint: "run the command again in a while" });
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
