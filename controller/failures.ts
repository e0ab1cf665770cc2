import type { KubeError } from "../src/kube/api.ts";
import { placeOf } from "../src/sealed/secret.ts";

/** Something to tell those who look at the SealedSecret, in the words of the Bitnami controller. */
export interface PlannedEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: "Unsealed" | "ErrUnsealFailed" | "ErrUpdateFailed" | "Drifted" | "SealingKeyRefused";
  readonly message: string;
}

/** An attempt that failed, as far as it can be told without a secret. */
export interface Failure {
  /** The label of the metric. */
  readonly reason: "unseal" | "unmanaged" | "update";
  /** The message of the condition. */
  readonly message: string;
  readonly event: PlannedEvent;
  /** `soon`: it may be over in a moment. `later`: somebody has to do something, which will be noticed. */
  readonly retry: "soon" | "later";
}

interface Place {
  readonly namespace: string;
  readonly name: string;
}

/** Of the event after a success. */
export const unsealedEvent: PlannedEvent = {
  type: "Normal",
  reason: "Unsealed",
  message: "SealedSecret unsealed successfully",
};

// Events are for people; the whole text stands in the condition.
const longestEvent = 1024;

/** Values that do not open, templates that fail, contents that cannot be read. */
export function unsealFailure(message: string): Failure {
  return failureOf("unseal", { message, event: `Failed to unseal: ${message}`, retry: "later" });
}

/** A Secret of the name that belongs to somebody else. */
export function unmanagedFailure({ name }: Place): Failure {
  const event = `Resource ${JSON.stringify(name)} already exists and is not managed by SealedSecret`;
  return failureOf("unmanaged", { message: `failed update: ${event}`, event, retry: "later" });
}

/**
 * A write that the API server refused.
 *
 * @returns `undefined` when there is nothing to tell: somebody else wrote first, the namespace is going, the server is
 *   busy or away. All of that passes.
 */
export function writeFailure(error: KubeError, place: Place): Failure | undefined {
  const { status, serverMessage } = error;
  const message = serverMessage ?? error.message;
  if (status === undefined || status === 409 || status === 429) return undefined;
  if (status === 403 && message.includes("because it is being terminated")) return undefined;
  // The server has judged the object; it will judge the same tomorrow.
  const retry = status === 422 || status === 413 || status === 400 ? "later" : "soon";
  return failureOf("update", { message, event: needsRecreation(message, place) ?? message, retry });
}

/** S8: what the API server does not let anybody change says what to do, instead of being tried again and again. */
function needsRecreation(message: string, place: Place): string | undefined {
  const prefix = `Error updating ${placeOf(place)}: `;
  if (message.includes("field is immutable when `immutable` is set")) {
    return `${prefix}the target Secret is immutable. Once a Secret is marked as immutable, it is not possible to revert this change nor to mutate the contents of the data field. You can only delete and recreate the Secret.`;
  }
  if (!/\btype: .*field is immutable/.test(message)) return undefined;
  return `${prefix}the type of a Secret cannot be changed. You can only delete and recreate the Secret.`;
}

function failureOf(
  reason: Failure["reason"],
  {
    message,
    event,
    retry,
  }: { readonly message: string; readonly event: string; readonly retry: Failure["retry"] },
): Failure {
  const told = event.length <= longestEvent ? event : `${event.slice(0, longestEvent - 3)}...`;
  const eventReason = reason === "unseal" ? "ErrUnsealFailed" : "ErrUpdateFailed";
  return { reason, message, event: { type: "Warning", reason: eventReason, message: told }, retry };
}
