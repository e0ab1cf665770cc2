import {
  type KubeApi,
  KubeError,
  type ListOptions,
  type ObjectList,
  type ObjectPath,
  type WatchEvent,
} from "../src/kube/api.ts";
import { field, objectField } from "../src/sealed/object-fields.ts";
import { type Backoff, backoffDelay } from "./backoff.ts";
import { pause, type Timer } from "./timer.ts";

export interface WatcherOptions {
  readonly api: Pick<KubeApi, "list" | "watch">;
  readonly path: ObjectPath;
  readonly selection?: Pick<ListOptions, "labelSelector" | "fieldSelector" | "metadataOnly" | "keep">;
  readonly timer: Timer;
  readonly backoff: Backoff;
  /** From 0 to 1. */
  readonly chance: () => number;
  /** Everything there is; the first time, and whenever the watch lost its place. */
  readonly onList: (list: ObjectList) => void;
  readonly onEvent: (event: WatchEvent & { readonly type: "ADDED" | "MODIFIED" | "DELETED" }) => void;
  /** Told of what went wrong; it goes on all the same. */
  readonly onError?: (error: KubeError) => void;
  readonly signal: AbortSignal;
}

// A watch that ends sooner told nothing, and asking at once again would be a flood.
const shortestWatch = 1000;

/**
 * Follows the objects of a path until the signal: lists them, watches from there, and takes up where it was when the
 * watch ends. A place that is too old (410) means listing again. It never gives up.
 *
 * @throws whatever is no {@link KubeError}: a bug.
 */
export async function followObjects(options: WatcherOptions): Promise<void> {
  const { signal, backoff, chance, onError } = options;
  const place: Place = { version: undefined, failures: 0 };
  while (!signal.aborted) {
    let wait = 0;
    try {
      await followOnce(place, options);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof KubeError)) throw error;
      onError?.(error);
      place.failures += 1;
      // Listing again puts right whatever it was that the server did not like about the place.
      if (error.status !== undefined && listsAgain.includes(error.status)) place.version = undefined;
      // The first time at once: nothing is wrong with the server when a place got too old.
      if (error.status === 410 && place.failures === 1) continue;
      wait = error.retryAfterMs ?? 0;
    }
    if (place.failures === 0) continue;
    await pause(Math.max(backoffDelay(backoff, place.failures, chance()), wait), options);
  }
}

/** Where a watch stands; {@link followOnce} moves it on. */
interface Place {
  version: string | undefined;
  /** In a row, without anything having been heard. */
  failures: number;
}

const listsAgain = [400, 404, 410];

async function followOnce(place: Place, options: WatcherOptions): Promise<void> {
  const began = options.timer.elapsed();
  if (place.version === undefined) {
    const list = await options.api.list(options.path, options.selection);
    options.onList(list);
    place.version = list.resourceVersion;
  }
  let events = 0;
  for await (const event of watchFrom(place.version, options)) {
    events += 1;
    place.failures = 0;
    place.version = versionOf(event) ?? place.version;
    if (event.type !== "BOOKMARK") options.onEvent({ ...event, type: event.type });
  }
  const inVain = events === 0 && options.timer.elapsed() - began < shortestWatch;
  place.failures = inVain ? place.failures + 1 : 0;
}

function watchFrom(
  resourceVersion: string,
  { api, path, selection, signal }: WatcherOptions,
): AsyncIterable<WatchEvent> {
  return api.watch(path, { ...selection, resourceVersion, signal });
}

function versionOf({ object }: WatchEvent): string | undefined {
  const version = field(objectField(object, "metadata", ""), "resourceVersion");
  return typeof version === "string" && version !== "" ? version : undefined;
}
