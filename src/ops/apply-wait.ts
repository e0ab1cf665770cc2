import { KsealError } from "../errors.ts";
import type { JsonObject, KubeApi, ObjectPath } from "../kube/api.ts";
import { metadataOf } from "./apply-object.ts";
import type { OpContext } from "./context.ts";
import { textAt, valueAt } from "./verify-fields.ts";

/** Something in the cluster that is not as it shall be yet. */
export interface Awaited {
  readonly path: ObjectPath;
  readonly title: string;
}

/** What the state of an object means for those who wait for it. */
export type Verdict =
  | { readonly state: "done" }
  /** Goes on; `why` says what is missing. */
  | { readonly state: "pending"; readonly why: string }
  /** Will hardly become better by waiting. */
  | { readonly state: "failed"; readonly why: string };

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly judge: (object: JsonObject, one: Awaited) => Verdict;
}

/** Something that did not come about, and why. */
export interface Left {
  readonly one: Awaited;
  readonly why: string;
}

const firstPause = 100;
const longestPause = 2000;
// Controllers try again at once some times, and some say "failed" in between.
const patience = 3000;
// More than this are asked for as a list.
const fewObjects = 10;

/**
 * Waits until objects are as they shall be.
 *
 * @returns Those that are not, each with the reason: failed, or not done in time.
 * @throws KsealError `INTERRUPTED`, `CLUSTER_*`.
 */
export async function waitFor(
  objects: readonly Awaited[],
  { timeoutMs, judge }: WaitOptions,
  { api, context }: { readonly api: KubeApi; readonly context: Pick<OpContext, "host" | "signal"> },
): Promise<readonly Left[]> {
  const { host, signal } = context;
  const deadline = host.now() + timeoutMs;
  /** Since when an object has failed. */
  const failing = new Map<Awaited, number>();
  const given: Left[] = [];
  let waiting = objects;
  for (let ms = firstPause; ; ms = Math.min(ms * 1.5, longestPause)) {
    const states = await statesOf(waiting, api);
    const now = host.now();
    const left = waiting.flatMap((one): readonly Left[] => {
      const live = states.get(one);
      const verdict: Verdict =
        live === undefined ? { state: "pending", why: "it is not there" } : judge(live, one);
      if (verdict.state !== "failed") failing.delete(one);
      else if (!failing.has(one)) failing.set(one, now);
      return verdict.state === "done" ? [] : [{ one, why: verdict.why }];
    });
    const isLost = ({ one }: Left): boolean => now >= deadline || now - (failing.get(one) ?? now) >= patience;
    given.push(...left.filter(isLost));
    waiting = left.filter((each) => !isLost(each)).map(({ one }) => one);
    if (waiting.length === 0) return given;
    await pause(Math.min(ms, Math.max(deadline - now, 1)), signal);
    if (signal?.aborted) throw new KsealError("INTERRUPTED", "interrupted");
  }
}

/** What the status of a SealedSecret says of its present version. */
export function judgeSealed(object: JsonObject): Verdict {
  const status = valueAt(object, ["status"]);
  const conditions = valueAt(status, ["conditions"]);
  const synced = (Array.isArray(conditions) ? conditions : []).find(
    (condition) => textAt(condition, ["type"]) === "Synced",
  );
  const isOld =
    Number(valueAt(status, ["observedGeneration"]) ?? 0) < Number(metadataOf(object)["generation"] ?? 1);
  if (synced === undefined || isOld) {
    return { state: "pending", why: "no controller has looked at it yet; is one running?" };
  }
  const why = textAt(synced, ["message"]) || textAt(synced, ["reason"]) || "the controller does not say why";
  return textAt(synced, ["status"]) === "True" ? { state: "done" } : { state: "failed", why };
}

async function statesOf(
  objects: readonly Awaited[],
  api: KubeApi,
): Promise<ReadonlyMap<Awaited, JsonObject | undefined>> {
  const groups = Map.groupBy(objects, ({ path: { name: _, ...place } }) => JSON.stringify(place));
  const states = new Map<Awaited, JsonObject | undefined>();
  for (const group of groups.values()) {
    const [first] = group;
    if (first === undefined) continue;
    if (group.length <= fewObjects) {
      const found = await Promise.all(group.map(({ path }) => api.get(path)));
      for (const [at, one] of group.entries()) states.set(one, found[at]);
      continue;
    }
    const { name: _, ...place } = first.path;
    // What the API server has in memory is new enough: it is asked again.
    const { items } = await api.list(place, { resourceVersion: "0" });
    const byName = new Map(items.map((item) => [textAt(item, ["metadata", "name"]), item]));
    for (const one of group) states.set(one, byName.get(one.path.name ?? ""));
  }
  return states;
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}
