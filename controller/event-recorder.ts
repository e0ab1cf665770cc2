import { createHash } from "node:crypto";
import type { JsonObject, KubeApi } from "../src/kube/api.ts";
import { sealedSecretVersion } from "../src/sealed/sealed-secret.ts";
import type { PlannedEvent } from "./failures.ts";
import { eventSource, fieldManager } from "./names.ts";

/** The SealedSecret that an event is about, or the Secret of a sealing key. */
export interface EventSubject {
  /** `SealedSecret` when left out. */
  readonly kind?: "Secret";
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

// More are forgotten, and then counted from anew.
const mostRemembered = 4096;

/**
 * Writes events as the Bitnami controller's library does: what happens again is counted in the event that is there,
 * instead of being another one.
 */
export class EventRecorder {
  readonly #api: KubeApi;
  readonly #counts = new Map<string, number>();

  constructor(api: KubeApi) {
    this.#api = api;
  }

  /** @throws KubeError which is no reason to do anything else again. */
  async record(subject: EventSubject, event: PlannedEvent, now: number): Promise<void> {
    const name = nameOf(subject, event);
    const path = { group: "", version: "v1", plural: "events", namespace: subject.namespace };
    const time = `${new Date(now).toISOString().slice(0, 19)}Z`;
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#remember(name, count);
    if (count > 1) {
      const patch = { count, lastTimestamp: time };
      try {
        await this.#api.patch({ ...path, name }, patch, { type: "merge", fieldManager });
        return;
      } catch (error) {
        // Events live for an hour.
        if ((error as { status?: number }).status !== 404) throw error;
        this.#remember(name, 1);
      }
    }
    await this.#api
      .create(path, eventObject({ subject, event, name, time }), { fieldManager })
      .catch((error) => {
        // From before a restart: it says the same.
        if ((error as { status?: number }).status !== 409) throw error;
      });
  }

  #remember(name: string, count: number): void {
    this.#counts.delete(name);
    this.#counts.set(name, count);
    for (const oldest of this.#counts.keys()) {
      if (this.#counts.size <= mostRemembered) break;
      this.#counts.delete(oldest);
    }
  }
}

function eventObject({
  subject,
  event,
  name,
  time,
}: {
  readonly subject: EventSubject;
  readonly event: PlannedEvent;
  readonly name: string;
  readonly time: string;
}): JsonObject {
  const { namespace, uid, resourceVersion } = subject;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name, namespace },
    involvedObject: {
      kind: subject.kind ?? "SealedSecret",
      namespace,
      name: subject.name,
      uid,
      apiVersion: subject.kind === "Secret" ? "v1" : sealedSecretVersion,
      resourceVersion,
    },
    reason: event.reason,
    message: event.message,
    type: event.type,
    source: { component: eventSource },
    reportingComponent: eventSource,
    reportingInstance: "",
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
}

function nameOf({ uid, name }: EventSubject, { reason, message }: PlannedEvent): string {
  const digest = createHash("sha256")
    .update(JSON.stringify([uid, reason, message]))
    .digest("hex");
  // A name may have 253 characters, as the SealedSecret's own.
  return `${name.slice(0, 236)}.${digest.slice(0, 16)}`;
}
