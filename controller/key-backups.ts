import type { JsonObject, KubeApi } from "../src/kube/api.ts";
import { annotationPatch, type BackupNotes, readBackupState } from "../src/ops/key-backup-record.ts";
import { readSecret, type Secret } from "../src/sealed/secret.ts";
import { type Backoff, backoffDelay } from "./backoff.ts";
import type { KeyBackup } from "./backup.ts";
import type { KeySet } from "./key-set.ts";
import { fieldManager } from "./names.ts";
import { pause, type Timer } from "./timer.ts";

export interface KeyBackupsOptions {
  readonly api: Pick<KubeApi, "patch">;
  readonly backup: Pick<KeyBackup, "existing">;
  readonly keys: () => KeySet;
  /** The Secret of a key, by `namespace/name`. */
  readonly secretOf: (place: string) => JsonObject | undefined;
  /** Takes a key out of its envelope. */
  readonly open: (secret: Secret) => Promise<Secret>;
  readonly mayWrite: () => boolean;
  readonly timer: Timer;
  /** From 0 to 1. */
  readonly chance: () => number;
  readonly onBackedUp?: (key: string, notes: BackupNotes) => void;
  readonly onFailure?: (key: string, error: unknown, retryIn: number) => void;
  readonly signal: AbortSignal;
}

// A place that does not answer is asked for a long time: sealing does not wait for it.
const backoff: Backoff = { first: 1000, longest: 10 * 60_000 };
/** How often places are asked whether they still hold what is noted. */
const lookAgain = 24 * 3_600_000;

/**
 * Backs up the keys that have no backup: of a controller that had no places before, of a Bitnami installation that was
 * taken over, for recipients that are others by now; and looks once a day whether the backups are still where they were
 * put. Sealing goes on meanwhile. Only the leader does.
 */
export class KeyBackups {
  readonly #options: KeyBackupsOptions;
  /** By name of the key: when it was last found, or put, in every place; by the clock that nobody sets. */
  readonly #seen = new Map<string, number>();
  #failures = 0;
  #notBefore = 0;
  #wake: () => void = () => {};
  #completeAt: number | undefined;

  constructor(options: KeyBackupsOptions) {
    this.#options = options;
  }

  /** When all keys were last found in all places; milliseconds since 1970. */
  get completeAt(): number | undefined {
    return this.#completeAt;
  }

  /** The keys are others, or this replica became the one that writes. */
  wake(): void {
    this.#wake();
  }

  /** Works until the signal. */
  async run(): Promise<void> {
    const { mayWrite, timer, signal } = this.#options;
    while (!signal.aborted) {
      if (mayWrite() && timer.elapsed() >= this.#notBefore) await this.#round();
      if (signal.aborted) return;
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      await pause(this.#nextLook(), { timer, signal: AbortSignal.any([signal, woken.signal]) });
    }
  }

  #nextLook(): number {
    const { timer, keys, mayWrite } = this.#options;
    if (!mayWrite()) return lookAgain;
    const now = timer.elapsed();
    const nextKey = Math.min(...keys().keys.map(({ name }) => this.#dueAt(name)), now + lookAgain);
    return Math.max(0, nextKey - now, this.#notBefore - now);
  }

  #dueAt(name: string): number {
    const seen = this.#seen.get(name);
    return seen === undefined ? Number.NEGATIVE_INFINITY : seen + lookAgain;
  }

  async #round(): Promise<void> {
    const { keys, mayWrite, timer, chance, onFailure, signal } = this.#options;
    const names = new Set(keys().keys.map(({ name }) => name));
    // One that comes back may have lost its notes.
    for (const name of this.#seen.keys()) if (!names.has(name)) this.#seen.delete(name);
    const due = [...names].filter((name) => this.#dueAt(name) <= timer.elapsed());
    if (due.length === 0) return;
    const failed: { readonly name: string; readonly error: unknown }[] = [];
    for (const name of due) {
      if (signal.aborted || !mayWrite()) return;
      const failures = await this.#backUp(name);
      const [error] = failures;
      if (failures.length === 0) this.#seen.set(name, timer.elapsed());
      else failed.push({ name, error });
    }
    if (failed.length === 0) {
      this.#failures = 0;
      this.#completeAt = timer.now();
      return;
    }
    this.#failures += 1;
    const delay = backoffDelay(backoff, this.#failures, chance());
    this.#notBefore = timer.elapsed() + delay;
    if (!signal.aborted) for (const { name, error } of failed) onFailure?.(name, error, delay);
  }

  async #backUp(name: string): Promise<readonly unknown[]> {
    const { api, backup, secretOf, open, onBackedUp } = this.#options;
    const object = secretOf(name);
    if (object === undefined) return [];
    try {
      const secret = await open(readSecret({ apiVersion: "v1", kind: "Secret", ...object }));
      const { namespace, name: own, annotations } = secret.metadata;
      const { notes, failures } = await backup.existing(secret, readBackupState(annotations).records);
      if (notes === undefined) return failures;
      const path = { group: "", version: "v1", plural: "secrets", namespace, name: own };
      await api.patch(path, annotationPatch(notes), { type: "merge", fieldManager });
      onBackedUp?.(name, notes);
      return failures;
    } catch (error) {
      return [error];
    }
  }
}
