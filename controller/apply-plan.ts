import { type JsonObject, type KubeApi, KubeError, type ObjectPath } from "../src/kube/api.ts";
import { objectField } from "../src/sealed/object-fields.ts";
import { sealedSecretVersion } from "../src/sealed/sealed-secret.ts";
import type { EventRecorder, EventSubject } from "./event-recorder.ts";
import type { Failure, PlannedEvent } from "./failures.ts";
import { fieldManager, sealedSecretsApi } from "./names.ts";
import { type Plan, planAfterWrite } from "./reconcile.ts";
import type { SecretMetadata } from "./secret-metadata.ts";
import type { SecretWrite } from "./secret-write.ts";
import { type SealedSecretStatus, statusObject } from "./status.ts";

/** A write at the API server, for metrics and logs. */
export type WriteKind = "create" | "hand over" | "apply" | "status" | "event" | "delete";

export interface ApplyContext {
  readonly api: KubeApi;
  readonly events: EventRecorder;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Asked right before each write: a replica that lost its lease stops at once. */
  readonly mayWrite: () => boolean;
  readonly updateStatus: boolean;
  /** Everything is checked by the API server and nothing is kept. */
  readonly dryRun: boolean;
  readonly onWrite?: (kind: WriteKind) => void;
  /** Told of what failed and changes nothing: an event that could not be written. */
  readonly onWarning?: (error: unknown) => void;
}

/** What became of a plan. */
export interface Applied {
  /** `failed`: try again soon. `waits`: trying again soon changes nothing. */
  readonly result: "done" | "failed" | "waits";
  readonly failure?: Failure;
  /** The Secret that was written, with its values. */
  readonly secret?: JsonObject;
  /** The SealedSecret after its status was published. */
  readonly sealed?: JsonObject;
}

/** A lease was lost between two writes. Nobody is told, as another replica goes on. */
class NotTheWriter extends Error {}

/**
 * Does what a plan says. This is the only code that writes Secrets, statuses and events.
 *
 * @param subject - The SealedSecret that the plan is for.
 */
export async function applyPlan(subject: EventSubject, plan: Plan, context: ApplyContext): Promise<Applied> {
  try {
    return await apply(subject, plan, context);
  } catch (error) {
    if (error instanceof NotTheWriter) return { result: "done" };
    if (error instanceof KubeError) return { result: "failed" };
    throw error;
  }
}

/** Deletes a Secret whose SealedSecret is gone, if it is still the one that was looked at. */
export async function deleteLeftOver(secret: SecretMetadata, context: ApplyContext): Promise<void> {
  const { uid, resourceVersion } = secret;
  if (context.dryRun) return;
  await write("delete", context, () => context.api.delete(secretPath(secret), { uid, resourceVersion }));
}

async function apply(subject: EventSubject, plan: Plan, context: ApplyContext): Promise<Applied> {
  if (plan.kind === "nothing") return outcome(plan);
  if (plan.kind === "status") {
    const sealed = await publish(subject, plan, context);
    return { ...outcome(plan), ...(sealed === undefined ? {} : { sealed }) };
  }
  let secret: JsonObject;
  try {
    secret = await writeSecret(subject, plan.write, context);
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    return apply(subject, planAfterWrite(plan, error, context.now()), context);
  }
  const sealed = await publish(subject, plan, context);
  return { result: "done", secret, ...(sealed === undefined ? {} : { sealed }) };
}

function outcome(plan: Plan & { kind: "nothing" | "status" }): Applied {
  if (plan.kind === "nothing" && plan.why === "busy") return { result: "failed" };
  if (plan.failure === undefined) return { result: "done" };
  return { result: plan.failure.retry === "soon" ? "failed" : "waits", failure: plan.failure };
}

async function writeSecret(
  subject: EventSubject,
  { mode, secret, handOver }: SecretWrite,
  context: ApplyContext,
): Promise<JsonObject> {
  const { api, dryRun } = context;
  const path = secretPath(subject);
  if (mode === "create") {
    const { name: _, ...folder } = path;
    return write("create", context, () => api.create(folder, secret, { fieldManager, dryRun }));
  }
  let wanted = secret;
  if (handOver !== undefined && !dryRun) {
    const before = objectField(secret, "metadata", "");
    const operations = [
      { op: "replace", path: "/metadata/managedFields", value: handOver },
      // The API server takes this for the version that is to be there, and refuses when it is not.
      { op: "replace", path: "/metadata/resourceVersion", value: before["resourceVersion"] },
    ];
    const handed = await write("hand over", context, () =>
      api.patch(path, operations, { type: "json", fieldManager }),
    );
    const { resourceVersion } = objectField(handed, "metadata", "");
    wanted = { ...secret, metadata: { ...before, resourceVersion } };
  }
  return write("apply", context, () => api.apply(path, wanted, { fieldManager, force: true, dryRun }));
}

/** Publishes status and event together; neither waits for the other. */
async function publish(
  subject: EventSubject,
  { status, event }: { readonly status: SealedSecretStatus | undefined; readonly event?: PlannedEvent },
  context: ApplyContext,
): Promise<JsonObject | undefined> {
  const [sealed] = await Promise.all([
    status === undefined || !context.updateStatus ? undefined : writeStatus(subject, status, context),
    event === undefined || context.dryRun ? undefined : writeEvent(subject, event, context),
  ]);
  return sealed;
}

async function writeStatus(
  { namespace, name, uid, resourceVersion }: EventSubject,
  status: SealedSecretStatus,
  context: ApplyContext,
): Promise<JsonObject | undefined> {
  const path = { ...sealedSecretsApi, namespace, name, subresource: "status" };
  const object = {
    apiVersion: sealedSecretVersion,
    kind: "SealedSecret",
    // The status is that of the version that was looked at, and never written to another object of its name. The API
    // server checks the uid of an object, but not where it comes with a status.
    metadata: { name, namespace, uid, resourceVersion },
    status: statusObject(status),
  };
  const { api, dryRun } = context;
  try {
    return await write("status", context, () =>
      api.apply(path, object, { fieldManager, force: true, dryRun }),
    );
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return undefined;
    throw error;
  }
}

async function writeEvent(subject: EventSubject, event: PlannedEvent, context: ApplyContext): Promise<void> {
  try {
    await write("event", context, () => context.events.record(subject, event, context.now()));
  } catch (error) {
    if (error instanceof NotTheWriter) throw error;
    context.onWarning?.(error);
  }
}

async function write<T>(
  kind: WriteKind,
  { mayWrite, onWrite }: ApplyContext,
  send: () => Promise<T>,
): Promise<T> {
  if (!mayWrite()) throw new NotTheWriter();
  const result = await send();
  onWrite?.(kind);
  return result;
}

function secretPath({ namespace, name }: { readonly namespace: string; readonly name: string }): ObjectPath {
  return { group: "", version: "v1", plural: "secrets", namespace, name };
}
