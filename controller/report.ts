import type { EventRecorder, EventSubject } from "./event-recorder.ts";
import type { Logger } from "./logger.ts";
import type { ReconcileReport } from "./reconciler.ts";

/** Tells the log what became of an object. */
export function logReport(report: ReconcileReport, log: Logger): void {
  const { key, action, message, openedBy, milliseconds } = report;
  const fields = { object: key, key: openedBy, durationMs: Math.round(milliseconds) };
  if (action === "written") log.info("Secret written", fields);
  else if (action === "failed") log.warn("SealedSecret not unsealed", { ...fields, error: message });
  else log.debug(`SealedSecret ${action}`, fields);
}

/** Tells of a Secret that somebody else changed: the log, and those who look at its SealedSecret. */
export function logDrift(
  drift: {
    readonly subject: EventSubject;
    readonly fields: readonly string[];
    readonly action: "repaired" | "reported";
  },
  to: {
    readonly log: Logger;
    readonly events: EventRecorder;
    readonly mayWrite: () => boolean;
    /** Milliseconds since 1970. */
    readonly now: () => number;
  },
): void {
  const { subject, fields, action } = drift;
  const { log, events, mayWrite, now } = to;
  const object = `${subject.namespace}/${subject.name}`;
  log.warn("somebody else changed the Secret", { object, fields: fields.join(", "), action });
  if (!mayWrite()) return;
  const outcome = action === "repaired" ? ", and put right" : "";
  const message = `Secret ${JSON.stringify(subject.name)} was changed by somebody else${outcome}: ${fields.join(", ")}`;
  events.record(subject, { type: "Warning", reason: "Drifted", message }, now()).catch((error: unknown) => {
    log.warn("an event was not written", { object, error: error instanceof Error ? error.message : "" });
  });
}
