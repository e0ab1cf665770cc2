import { type JsonObject, type KubeApi, KubeError } from "../src/kube/api.ts";
import type { BackupNotes } from "../src/ops/key-backup-record.ts";
import { newSealingKey } from "../src/sealed/sealing-key.ts";
import { type Secret, secretObject } from "../src/sealed/secret.ts";
import { type Backoff, backoffDelay } from "./backoff.ts";
import { type KeySet, type RenewalRule, renewalTime } from "./key-set.ts";
import { fieldManager } from "./names.ts";
import type { ControllerOptions } from "./options.ts";
import type { Timer } from "./timer.ts";

export interface KeyRenewalOptions {
  readonly api: Pick<KubeApi, "create">;
  readonly namespace: string;
  readonly options: Pick<
    ControllerOptions,
    | "keyPrefix"
    | "keySize"
    | "keyTtl"
    | "commonName"
    | "keyRenewPeriod"
    | "keyOrder"
    | "keyCutoff"
    | "keyLabels"
    | "keyAnnotations"
  >;
  readonly keys: () => KeySet;
  /** Whether the keys that there are have been listed. */
  readonly isReady: () => boolean;
  /** Asks the API server for the keys there are, so that no second one is made beside one that is not known yet. */
  readonly refresh: () => Promise<void>;
  /** Takes the key in use that the API server has stored. */
  readonly add: (secret: JsonObject) => void;
  /** Asked right before a key is made. */
  readonly mayWrite: () => boolean;
  /**
   * Stores an encrypted backup and proves it. A key of which there is none never comes into the cluster, so nobody can
   * seal for it.
   */
  readonly backUp?: ((secret: Secret) => Promise<BackupNotes>) | undefined;
  /** Puts the private key into an envelope, and proves that it opens. */
  readonly wrap?: ((secret: Secret) => Promise<Secret>) | undefined;
  readonly timer: Timer;
  readonly now: () => number;
  readonly random: (length: number) => Uint8Array;
  /** From 0 to 1. */
  readonly chance: () => number;
  readonly onMade?: (name: string) => void;
  readonly onFailure?: (error: unknown, retryIn: number) => void;
  readonly signal: AbortSignal;
}

// A new key is no matter of seconds, and an API server that is away is asked by everything else, too.
const backoff: Backoff = { first: 1000, longest: 10 * 60_000 };
/**
 * How long a cluster that lost all of its keys goes without a new one. Somebody deleted them, most likely by mistake, and
 * has this long to restore them before values are sealed for another key.
 */
const lossGrace = 10 * 60_000;
/** The clock may be set meanwhile. */
const longestSleep = 3_600_000;
const nameCharacters = "bcdfghjklmnpqrstvwxz2456789";

/** Makes sealing keys: the first one, one every 30 days, and whenever somebody asks. Only the leader does. */
export class KeyRenewal {
  readonly #options: KeyRenewalOptions;
  #wake: () => void = () => {};
  #demanded = false;
  #failures = 0;
  #notBefore = 0;
  /** Made, and backed up perhaps, but not stored yet: another attempt goes on with it. */
  #pending: Secret | undefined;
  #problem: string | undefined;
  /** Its backup is being written, or could not be. */
  #waitsForBackup = false;
  #hadKeys = false;
  #lostAt: number | undefined;

  constructor(options: KeyRenewalOptions) {
    this.#options = options;
  }

  /** Why there is no new key yet; `undefined` when nothing is in its way. */
  get problem(): string | undefined {
    if (this.#problem !== undefined) return this.#problem;
    if (this.#waitsForBackup) return "its backup is being written";
    if (this.#lostAt === undefined || this.#demanded) return undefined;
    return "all keys were deleted; restore them (kseal keys restore), or a new one is made after 10 minutes";
  }

  /** Whether a key that was made is not used because there is no backup of it. */
  get waitsForBackup(): boolean {
    return this.#waitsForBackup && this.#options.mayWrite();
  }

  /** Looks whether a key is due: the keys are others, or this replica became the one that writes. */
  wake(): void {
    this.#wake();
  }

  /** A new key as soon as this replica may make one: `SIGUSR1`. */
  demand(): void {
    this.#demanded = true;
    this.#notBefore = 0;
    this.#wake();
  }

  /** Works until the signal. */
  async run(): Promise<void> {
    const { signal, now } = this.#options;
    while (!signal.aborted) {
      const due = this.#due();
      if (due <= now()) await this.#attempt();
      else await this.#sleep(Math.min(due - now(), longestSleep));
    }
  }

  #due(): number {
    const { mayWrite, isReady, keys, now } = this.#options;
    if (!isReady()) return Number.POSITIVE_INFINITY;
    this.#noteLoss();
    if (!mayWrite()) return Number.POSITIVE_INFINITY;
    const time = this.#demanded ? now() : renewalTime(keys(), this.#rule(), now());
    if (time === undefined) return Number.POSITIVE_INFINITY;
    const patience = this.#lostAt === undefined || this.#demanded ? 0 : this.#lostAt + lossGrace;
    return Math.max(time, this.#notBefore, patience);
  }

  #noteLoss(): void {
    const { keys, now } = this.#options;
    if (keys().fingerprints.size > 0) {
      this.#hadKeys = true;
      this.#lostAt = undefined;
    } else if (this.#hadKeys) this.#lostAt ??= now();
  }

  #rule(): RenewalRule {
    const { keyOrder, keyRenewPeriod, keyCutoff } = this.#options.options;
    return { order: keyOrder, period: keyRenewPeriod, cutoff: keyCutoff };
  }

  async #attempt(): Promise<void> {
    const { now, chance, onFailure, onMade, refresh, signal } = this.#options;
    try {
      await refresh();
      // The answer to the last attempt was lost, and the key is there.
      const stored = this.#storedAlready();
      if (stored === undefined && this.#due() > now()) {
        this.#pending = undefined;
        this.#waitsForBackup = false;
        return;
      }
      const name = stored ?? (await this.#make());
      this.#pending = undefined;
      this.#waitsForBackup = false;
      this.#demanded = false;
      this.#failures = 0;
      this.#problem = undefined;
      onMade?.(name);
    } catch (error) {
      if (signal.aborted) return;
      // A period is a month; upstream waits so long (S21).
      this.#failures += 1;
      this.#problem = error instanceof Error ? error.message : String(error);
      const delay = backoffDelay(backoff, this.#failures, chance());
      this.#notBefore = now() + delay;
      onFailure?.(error, delay);
    }
  }

  #storedAlready(): string | undefined {
    const { keys, namespace } = this.#options;
    const name = this.#pending?.metadata.name;
    const known = [...keys().keys, ...keys().closed];
    return known.some((key) => key.name === `${namespace}/${name}`) ? name : undefined;
  }

  async #make(): Promise<string> {
    const { api, namespace, options, backUp, wrap, mayWrite, add, now, random, keys } = this.#options;
    // Were the clock ahead when the newest key was made, one that is older by its certificate would never seal.
    const before = [...keys().keys, ...keys().closed].flatMap(
      ({ certificate }) => certificate?.notBefore ?? [],
    );
    const newest = Math.max(...before);
    this.#pending ??= await newSealingKey({
      bits: options.keySize,
      validFor: options.keyTtl,
      commonName: options.commonName,
      now: Math.max(now(), newest + 1000),
      random,
      namespace,
      // The cluster would complete it, but the backup comes first and bears it, too.
      name: `${options.keyPrefix}${suffix(random)}`,
    });
    const plain = this.#pending;
    this.#waitsForBackup = backUp !== undefined;
    const notes = await backUp?.(plain);
    this.#waitsForBackup = false;
    const secret = (await wrap?.(plain)) ?? plain;
    if (!mayWrite()) throw new Error("another replica writes by now");
    const { metadata } = secret;
    const labelled = {
      ...metadata,
      labels: new Map([...options.keyLabels, ...metadata.labels]),
      annotations: new Map([...options.keyAnnotations, ...Object.entries(notes ?? {})]),
    };
    const path = { group: "", version: "v1", plural: "secrets", namespace };
    const object = secretObject({ ...secret, metadata: labelled });
    add(
      await api.create(path, object, { fieldManager }).catch((error: unknown) => {
        // Somebody else's Secret has the name.
        if (error instanceof KubeError && error.status === 409) this.#pending = undefined;
        throw error;
      }),
    );
    return metadata.name;
  }

  #sleep(milliseconds: number): Promise<void> {
    const { timer, signal } = this.#options;
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const end = (): void => {
        cancel();
        signal.removeEventListener("abort", end);
        this.#wake = () => {};
        resolve();
      };
      const cancel = timer.after(milliseconds, end);
      signal.addEventListener("abort", end);
      this.#wake = end;
    });
  }
}

/** Five characters, as the API server chooses them for `generateName`. */
function suffix(random: (length: number) => Uint8Array): string {
  return [...random(5)].map((byte) => nameCharacters[byte % nameCharacters.length]).join("");
}
