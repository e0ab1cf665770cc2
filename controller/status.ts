import type { JsonObject } from "../src/kube/api.ts";

/** `status` of a SealedSecret. */
export interface SealedSecretStatus {
  readonly observedGeneration: number | undefined;
  readonly conditions: readonly Condition[];
}

/** One condition. Times are RFC 3339 in whole seconds. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly lastTransitionTime: string | undefined;
  readonly lastUpdateTime: string | undefined;
  /** Empty when there is nothing to say. */
  readonly message: string;
}

/** What an attempt came to. */
export interface Outcome {
  /** Why there is no Secret, or not the right one; `undefined` when there is. Never a value. */
  readonly failure: string | undefined;
  /** Trying again changes nothing: somebody has to do something. */
  readonly needsHelp?: boolean;
}

/** Reads a status, of whatever version; what is malformed counts as missing. */
export function readStatus(value: unknown): SealedSecretStatus {
  const status = isObject(value) ? value : {};
  const generation = status["observedGeneration"];
  const conditions = status["conditions"];
  return {
    observedGeneration: typeof generation === "number" ? generation : undefined,
    conditions: (Array.isArray(conditions) ? conditions : []).filter(isObject).map(readCondition),
  };
}

/** The condition that says whether the Secret is as it should be. */
export function syncedCondition(status: SealedSecretStatus): Condition | undefined {
  return status.conditions.find(({ type }) => type === "Synced");
}

/**
 * The status after an attempt, or `undefined` when it says all that already.
 *
 * `Synced` comes first, where `kubectl get` looks for its message, and is as the Bitnami controller writes it: no
 * reason, no message on success, the time of transition moved by a flip alone. Unlike there, a message that changed is
 * published (S5). `Ready` and `Stalled` say the same in the words of kstatus, which Flux and kubectl wait for.
 *
 * @param now - Milliseconds since 1970.
 */
export function nextStatus(
  current: SealedSecretStatus,
  outcome: Outcome,
  { generation, now }: { readonly generation: number; readonly now: number },
): SealedSecretStatus | undefined {
  const time = `${new Date(now).toISOString().slice(0, 19)}Z`;
  const conditions = wanted(outcome).map(({ type, status, message }): Condition => {
    const old = current.conditions.find((condition) => condition.type === type);
    const lastTransitionTime = old?.status === status ? (old.lastTransitionTime ?? time) : time;
    return { type, status, message, lastTransitionTime, lastUpdateTime: time };
  });
  const same =
    current.observedGeneration === generation &&
    current.conditions.length === conditions.length &&
    conditions.every((condition, at) => saysTheSame(condition, current.conditions[at]));
  return same ? undefined : { observedGeneration: generation, conditions };
}

/** The status as JSON: fields without a value are left out, as upstream does. */
export function statusObject({ observedGeneration, conditions }: SealedSecretStatus): JsonObject {
  return {
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    conditions: conditions.map(({ message, ...condition }) => ({
      ...condition,
      ...(message === "" ? {} : { message }),
    })),
  };
}

function wanted({ failure, needsHelp }: Outcome): readonly Pick<Condition, "type" | "status" | "message">[] {
  if (failure === undefined) {
    return [
      { type: "Synced", status: "True", message: "" },
      { type: "Ready", status: "True", message: "" },
    ];
  }
  const ready = { type: "Ready", status: "False", message: failure } as const;
  // kstatus: a condition of this type is there only while it is true.
  const stalled = { type: "Stalled", status: "True", message: failure } as const;
  return [
    { type: "Synced", status: "False", message: failure },
    ready,
    ...(needsHelp === true ? [stalled] : []),
  ];
}

function saysTheSame(a: Condition, b: Condition | undefined): boolean {
  return a.type === b?.type && a.status === b.status && a.message === b.message;
}

function readCondition(value: JsonObject): Condition {
  const text = (key: string) => {
    const found = value[key];
    return typeof found === "string" ? found : undefined;
  };
  const status = text("status");
  return {
    type: text("type") ?? "",
    status: status === "True" || status === "False" ? status : "Unknown",
    lastTransitionTime: text("lastTransitionTime"),
    lastUpdateTime: text("lastUpdateTime"),
    message: text("message") ?? "",
  };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
