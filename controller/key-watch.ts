import type { JsonObject, KubeApi, KubeError, ListOptions, ObjectPath } from "../src/kube/api.ts";
import { field, objectField } from "../src/sealed/object-fields.ts";
import type { Backoff } from "./backoff.ts";
import type { KeyStore } from "./key-store.ts";
import { keyLabel } from "./names.ts";
import { pause, type Timer } from "./timer.ts";
import { followObjects } from "./watcher.ts";

export interface KeyWatchOptions {
  readonly api: Pick<KubeApi, "list" | "watch">;
  readonly store: KeyStore;
  readonly namespace: string;
  /** The name of the one key that needs no label. */
  readonly legacyName: string;
  readonly timer: Timer;
  /** From 0 to 1. */
  readonly chance: () => number;
  readonly onError?: (error: KubeError) => void;
  /** Told when all keys there are have been looked at, also when there are none and the store says nothing of it. */
  readonly onFed?: () => void;
  readonly signal: AbortSignal;
}

/** One of the two ways to be a key, and the Secrets found on it by name; `undefined` before the first list. */
interface Way {
  readonly selection: Pick<ListOptions, "labelSelector" | "fieldSelector">;
  secrets: Map<string, JsonObject> | undefined;
}

const backoff: Backoff = { first: 200, longest: 5000 };

/**
 * Feeds a {@link KeyStore} with the Secrets that may be keys: those with the label, whatever its value, and the one of
 * the legacy name. A key that is added, changed, relabelled or deleted counts at once, without a restart (S20).
 */
export class KeyWatch {
  readonly #options: KeyWatchOptions;
  readonly #found: readonly Way[];

  constructor(options: KeyWatchOptions) {
    this.#options = options;
    this.#found = [
      { selection: { labelSelector: keyLabel }, secrets: undefined },
      { selection: { fieldSelector: `metadata.name=${options.legacyName}` }, secrets: undefined },
    ];
  }

  /** Whether all keys there are have been listed. */
  get isReady(): boolean {
    return this.#found.every(({ secrets }) => secrets !== undefined);
  }

  /** The Secret of a key, by `namespace/name`. */
  secretOf(place: string): JsonObject | undefined {
    const found = this.#found.map(({ secrets }) => secrets?.get(place.split("/")[1] ?? ""));
    return found.find((secret) => secret !== undefined);
  }

  /** Follows the keys until the signal. */
  async run(): Promise<void> {
    const { api, timer, chance, signal, onError } = this.#options;
    const follow = (each: Way): Promise<void> =>
      followObjects({
        api,
        path: this.#path(),
        selection: each.selection,
        timer,
        backoff,
        chance,
        signal,
        onList: ({ items }) => {
          each.secrets = byName(items);
          this.#feed();
        },
        onEvent: ({ type, object }) => {
          if (type === "DELETED") each.secrets?.delete(nameOf(object));
          else each.secrets?.set(nameOf(object), object);
          this.#feed();
        },
        ...(onError === undefined ? {} : { onError }),
      });
    await Promise.all(this.#found.map(follow));
  }

  /** For `--watch-for-secrets=false`: looks once, as often as it takes to get an answer. */
  async once(): Promise<void> {
    const { timer, signal, onError } = this.#options;
    while (!signal.aborted && !this.isReady) {
      try {
        await this.refresh();
      } catch (error) {
        if (signal.aborted) return;
        onError?.(error as KubeError);
        await pause(backoff.longest, { timer, signal });
      }
    }
  }

  /** Looks now, whatever the watch has told. @throws KubeError */
  async refresh(): Promise<void> {
    const lists = await Promise.all(
      this.#found.map(({ selection }) => this.#options.api.list(this.#path(), selection)),
    );
    for (const [at, { items }] of lists.entries()) {
      const each = this.#found[at];
      if (each !== undefined) each.secrets = byName(items);
    }
    this.#feed();
  }

  /** A key that was just made, before the watch tells of it. */
  add(secret: JsonObject): void {
    this.#found[0]?.secrets?.set(nameOf(secret), secret);
    this.#feed();
  }

  #feed(): void {
    // Half of the keys would be taken for all of them, and another one made.
    if (!this.isReady) return;
    const all = this.#found.toReversed().flatMap(({ secrets }) => [...(secrets ?? [])]);
    this.#options.store.replace([...new Map(all).values()]);
    this.#options.onFed?.();
  }

  #path(): ObjectPath {
    return { group: "", version: "v1", plural: "secrets", namespace: this.#options.namespace };
  }
}

function byName(secrets: readonly JsonObject[]): Map<string, JsonObject> {
  return new Map(secrets.map((secret) => [nameOf(secret), secret]));
}

function nameOf(secret: JsonObject): string {
  return String(field(objectField(secret, "metadata", ""), "name"));
}
