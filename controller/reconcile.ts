import { KsealError } from "../src/errors.ts";
import type { JsonObject, KubeError } from "../src/kube/api.ts";
import { compareText } from "../src/sealed/object-meta.ts";
import type { Unsealed } from "../src/sealed/unseal-secret.ts";
import {
  desiredFields,
  desiredSecret,
  fieldText,
  type Recorded,
  type SecretShape,
} from "./desired-secret.ts";
import {
  type Failure,
  type PlannedEvent,
  unmanagedFailure,
  unsealedEvent,
  unsealFailure,
  writeFailure,
} from "./failures.ts";
import { mergeFields, missingFields } from "./managed-fields.ts";
import { forceSyncAnnotation, inputsAnnotation, openedByAnnotation } from "./names.ts";
import { isControlledBySealedSecret, type Ownership, ownershipOf } from "./ownership.ts";
import type { SecretMetadata } from "./secret-metadata.ts";
import { isMakerOf, ownFields, type SecretWrite, writeOf } from "./secret-write.ts";
import { nextStatus, readStatus, type SealedSecretStatus, syncedCondition } from "./status.ts";
import { hashInputs, readIdentity, readWatched, type WatchedSealedSecret } from "./watched-sealed-secret.ts";

/** What a plan is made from. Nothing here was opened, and no value of a Secret was read. */
export interface ReconcileInput {
  /** The SealedSecret as the API server sent it. */
  readonly object: JsonObject;
  /** The Secret of its name. */
  readonly secret: SecretMetadata | undefined;
  /** Fingerprints of the keys at hand. */
  readonly knownKeys: ReadonlySet<string>;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** What was noted in memory, where Secrets get no annotations. */
  readonly remembered?: Recorded | undefined;
  /** Looks at the values although nothing seems to have changed: the slow, full verification. */
  readonly verify?: boolean;
  /** It was said of this generation, with the keys at hand, that it does not open. */
  readonly saidUnopened?: boolean;
  readonly settings: ReconcileSettings;
}

/** How the controller is told to work. */
interface ReconcileSettings {
  /** Notes on the Secret what it was made from; without it each start of the controller opens everything once. */
  readonly annotate: boolean;
  /** What to do about values that somebody else changed (S6). */
  readonly drift: "repair" | "report";
}

/** What to do about one SealedSecret. The applier does it, and knows nothing of why. */
export type Plan =
  | {
      readonly kind: "apply";
      readonly write: SecretWrite;
      /** To publish once the Secret is written; `undefined` when it says so already. */
      readonly status: SealedSecretStatus | undefined;
      readonly event: PlannedEvent;
      /** To remember by object. */
      readonly recorded: Recorded;
      /** Fields that somebody else changed, which this puts right. */
      readonly drift?: readonly string[] | undefined;
      /** To plan anew when the write fails: {@link planAfterWrite}. */
      readonly watched: WatchedSealedSecret;
    }
  | ({
      readonly kind: "status";
      readonly status: SealedSecretStatus;
      readonly event?: PlannedEvent;
    } & Findings)
  | ({
      readonly kind: "nothing";
      readonly why:
        | "unchanged"
        | "suspended"
        | "deleted"
        | "secret is being deleted"
        | "opened elsewhere"
        | "failed"
        | "busy";
    } & Findings);

/** What was found out on the way. */
interface Findings {
  readonly failure?: Failure;
  /** Fields that somebody else changed, where they are only reported. */
  readonly drift?: readonly string[];
  /** To remember by object, where Secrets get no annotations. */
  readonly recorded?: Recorded;
}

/** Nothing can be said without opening the values. */
interface UnsealStep {
  readonly kind: "unseal";
  readonly input: ReconcileInput;
  readonly watched: WatchedSealedSecret;
  readonly shape: Omit<SecretShape, "recorded">;
  readonly inputs: string;
  /** The values of the existing Secret are needed, too. */
  readonly needsData: boolean;
  /** Fields that somebody else changed. */
  readonly drift?: readonly string[];
  /** The Secret that is there was made from the same inputs, so what templates made up for it stays (S28). */
  readonly sameInputs: boolean;
  /** Other values than these are somebody's, and only told of: the controller has not noted what it wrote there (S6). */
  readonly keepsValues: boolean;
}

/** What the second step needs; both are asked only when they are needed. */
export interface ReconcileWork {
  /** @throws KsealError `SEALED_*` */
  readonly unseal: (watched: WatchedSealedSecret) => Unsealed | Promise<Unsealed>;
  /** The values of the existing Secret. @throws KubeError */
  readonly readData: (watched: WatchedSealedSecret) => Promise<ReadonlyMap<string, Uint8Array>>;
}

/** Makes the plan for one SealedSecret: step by step, each only when the one before does not decide. */
export async function reconcile(input: ReconcileInput, work: ReconcileWork): Promise<Plan> {
  const step = planFromMetadata(input);
  if (step.kind !== "unseal") return step;
  // A controller with other keys opened it, and contradicted: two that say the opposite in turns help nobody.
  if (input.saidUnopened === true && step.sameInputs && isSettled(step.watched)) {
    return { kind: "nothing", why: "opened elsewhere" };
  }
  let unsealed: Unsealed;
  try {
    unsealed = await work.unseal(step.watched);
  } catch (error) {
    if (!(error instanceof KsealError) || !error.code.startsWith("SEALED_")) throw error;
    return fail(unsealFailure(error.message), step.watched, input.now);
  }
  const data = step.needsData ? await work.readData(step.watched) : undefined;
  return planFromValues(step, unsealed, data);
}

/**
 * The first step: what can be told from metadata alone. A Secret is as it should be exactly when the hash of its inputs
 * is the same, the key that opened it is still there, and every field is still this controller's: whoever writes another
 * value takes the field over.
 */
function planFromMetadata(input: ReconcileInput): Plan | UnsealStep {
  const { object, secret } = input;
  const identity = readIdentity(object);
  if (identity.deleting) return { kind: "nothing", why: "deleted" };
  const watched = readOrSayWhy(object);
  if (typeof watched === "string") {
    return fail(unsealFailure(watched), { ...identity, status: readStatus(object["status"]) }, input.now);
  }
  if (watched.suspended) return { kind: "nothing", why: "suspended" };
  if (secret?.deleting === true) return { kind: "nothing", why: "secret is being deleted" };
  const ownership = ownershipOf(watched, secret);
  // Upstream opens the values before it looks; what must not be written need not be opened.
  if (ownership === "foreign") return fail(unmanagedFailure(watched), watched, input.now);
  return unchanged(stepOf(input, watched, ownership));
}

function stepOf(
  input: ReconcileInput,
  watched: WatchedSealedSecret,
  ownership: Exclude<Ownership, "foreign">,
): UnsealStep {
  const inputs = hashInputs(watched);
  const known = recordedOf(input);
  const made = ownership !== "absent" && ownership !== "managed";
  const sameInputs = made && (known === undefined ? isSettled(watched) : known.inputs === inputs);
  const ownsType = missingFields(ownFields(input.secret), [["f:type"]]).length === 0;
  // Whoever asks for a write gets it; of a Secret without notes it cannot be told whether that was done already.
  const isAskedFor = watched.sealed.metadata.annotations.has(forceSyncAnnotation);
  const keepsValues =
    sameInputs &&
    known === undefined &&
    ownership === "owned" &&
    input.settings.drift === "report" &&
    !isAskedFor;
  return {
    kind: "unseal",
    input,
    watched,
    shape: { watched, ownership, ownsType },
    inputs,
    sameInputs,
    keepsValues,
    needsData: keepsValues || (sameInputs && watched.sealed.template.data.size > 0),
  };
}

function isSettled({ status, generation }: WatchedSealedSecret): boolean {
  return status.observedGeneration === generation && syncedCondition(status)?.status === "True";
}

/** The plan for what did not change since it was written, or the step to take when it did. */
function unchanged(step: UnsealStep): Plan | UnsealStep {
  const { input, watched, shape } = step;
  const { settings, verify = false, knownKeys } = input;
  if (!step.sameInputs || shape.ownership === "stale") return step;
  const known = recordedOf(input);
  const wanted = desiredFields({ ...shape, recorded: settings.annotate ? known : undefined });
  const drift = missingFields(ownFields(input.secret), wanted);
  const opens = known?.openedBy.split(",").every((key) => key === "" || knownKeys.has(key)) === true;
  if (opens) {
    // Somebody else's Secret is written when the SealedSecret changes, and not fought over (S6).
    if (shape.ownership === "patched" || (drift.length === 0 && !verify)) return synced(watched, input.now);
    if (drift.length > 0 && settings.drift === "report") {
      return { ...synced(watched, input.now), drift: drift.map(fieldText) };
    }
  }
  const changed = drift.length > 0 && shape.ownership === "owned" ? { drift: drift.map(fieldText) } : {};
  return { ...step, ...changed, needsData: step.needsData || drift.length === 0 };
}

/** The second step, with the values. @param data - Of the existing Secret, where the first step asked for them. */
function planFromValues(
  step: UnsealStep,
  unsealed: Unsealed,
  data: ReadonlyMap<string, Uint8Array> | undefined,
): Plan {
  const { watched, input, inputs } = step;
  const { annotate } = input.settings;
  const recorded: Recorded = { inputs, openedBy: openersText(unsealed) };
  const shape = { ...step.shape, recorded: annotate ? recorded : undefined };
  const values = data === undefined ? unsealed.secret.data : pinRendered(step, unsealed.secret.data, data);
  const size = [...values.values()].reduce((sum, value) => sum + value.length, 0);
  if (size > largestSecret) return fail(tooLarge(watched.name), watched, input.now);
  const same =
    data !== undefined &&
    (!annotate || recordedOf(input)?.openedBy === recorded.openedBy) &&
    step.shape.ownership !== "stale" &&
    missingFields(ownFields(input.secret), desiredFields(shape)).length === 0 &&
    [...values].every(([item, value]) => sameBytes(value, data.get(item)));
  if (same) return { ...synced(watched, input.now), recorded };
  const changed = step.keepsValues ? changedItems(values, data) : [];
  if (changed.length > 0) return { ...synced(watched, input.now), drift: changed };
  return {
    kind: "apply",
    write: writeOf(
      input.secret,
      step.shape.ownership,
      desiredSecret(shape, { ...unsealed.secret, data: values }),
    ),
    status: nextStatus(
      watched.status,
      { failure: undefined },
      { generation: watched.generation, now: input.now },
    ),
    event: unsealedEvent,
    recorded,
    ...(step.drift === undefined ? {} : { drift: step.drift }),
    watched,
  };
}

/** The plan after a write that failed: to tell, or to try again. */
export function planAfterWrite({ watched }: Plan & { kind: "apply" }, error: KubeError, now: number): Plan {
  const failure = writeFailure(error, watched);
  return failure === undefined ? { kind: "nothing", why: "busy" } : fail(failure, watched, now);
}

/**
 * Whether to delete the Secret of a SealedSecret that is gone, for `--old-gc-behavior`; usually the garbage collector
 * of the cluster does. Only what it owned is deleted (S19), where upstream deletes whatever has the name.
 */
export function isLeftOver(secret: SecretMetadata | undefined): secret is SecretMetadata {
  return secret !== undefined && !secret.deleting && isControlledBySealedSecret(secret, secret.name);
}

/** What the API server takes: bytes of values. */
const largestSecret = 1024 * 1024;

function tooLarge(name: string): Failure {
  // In the API server's words, which would say so after it was sent a hundred megabytes.
  const message = `Secret ${JSON.stringify(name)} is invalid: data: Too long: may not be more than ${largestSecret} bytes`;
  return {
    reason: "update",
    message,
    event: { type: "Warning", reason: "ErrUpdateFailed", message },
    retry: "later",
  };
}

function readOrSayWhy(object: JsonObject): WatchedSealedSecret | string {
  try {
    return readWatched(object);
  } catch (error) {
    if (error instanceof KsealError) return error.message;
    throw error;
  }
}

function synced(watched: WatchedSealedSecret, now: number): Plan & { kind: "status" | "nothing" } {
  const status = nextStatus(watched.status, { failure: undefined }, { generation: watched.generation, now });
  return status === undefined ? { kind: "nothing", why: "unchanged" } : { kind: "status", status };
}

function fail(
  failure: Failure,
  { status, generation }: Pick<WatchedSealedSecret, "status" | "generation">,
  now: number,
): Plan {
  const outcome = { failure: failure.message, needsHelp: failure.retry === "later" };
  const next = nextStatus(status, outcome, { generation, now });
  // What was said already is not said again: the event would be written at every attempt.
  if (next === undefined) return { kind: "nothing", why: "failed", failure };
  return { kind: "status", status: next, event: failure.event, failure };
}

function recordedOf({ secret, remembered, settings }: ReconcileInput): Recorded | undefined {
  if (!settings.annotate) return remembered;
  const inputs = secret?.annotations.get(inputsAnnotation);
  const openedBy = secret?.annotations.get(openedByAnnotation);
  return inputs === undefined || openedBy === undefined ? undefined : { inputs, openedBy };
}

/**
 * The values with those that templates made, and nobody changed since, as they are in the Secret (S28): a template that
 * calls for randomness would make another one each time.
 */
function pinRendered(
  { watched, input, sameInputs }: UnsealStep,
  values: ReadonlyMap<string, Uint8Array>,
  data: ReadonlyMap<string, Uint8Array>,
): ReadonlyMap<string, Uint8Array> {
  if (!sameInputs || input.secret === undefined) return values;
  const fields = mergeFields(input.secret.managers.filter(isMakerOf(input.secret)));
  const rendered = watched.sealed.template.data;
  return new Map(
    [...values].map(([item, value]) => {
      const untouched = missingFields(fields, [["f:data", `f:${item}`]]).length === 0;
      return [item, rendered.has(item) && untouched ? (data.get(item) ?? value) : value];
    }),
  );
}

/** The items of a Secret that have another value, as the fields of a drift are named. */
function changedItems(
  values: ReadonlyMap<string, Uint8Array>,
  data: ReadonlyMap<string, Uint8Array> | undefined,
): readonly string[] {
  const changed = [...values].filter(([item, value]) => !sameBytes(value, data?.get(item)));
  return changed.map(([item]) => fieldText(["f:data", `f:${item}`]));
}

function openersText({ openers }: Unsealed): string {
  const fingerprints = new Set([...openers.values()].map(({ fingerprint }) => fingerprint));
  return [...fingerprints].toSorted(compareText).join(",");
}

function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return a.length === b?.length && a.every((byte, at) => byte === b[at]);
}
