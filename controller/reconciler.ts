import { type JsonObject, type KubeApi, KubeError, type ObjectPath } from "../src/kube/api.ts";
import { field, objectField } from "../src/sealed/object-fields.ts";
import type { SealedSecret } from "../src/sealed/sealed-secret.ts";
import type { SealingKey } from "../src/sealed/sealing-key.ts";
import { readSecret } from "../src/sealed/secret.ts";
import type { Unsealed } from "../src/sealed/unseal-secret.ts";
import { type Applied, type ApplyContext, applyPlan, deleteLeftOver } from "./apply-plan.ts";
import type { Backoff } from "./backoff.ts";
import type { Recorded } from "./desired-secret.ts";
import type { EventSubject } from "./event-recorder.ts";
import type { KeySet } from "./key-set.ts";
import type { Metrics, ObjectState } from "./metrics.ts";
import { openedByAnnotation, sealedSecretsApi } from "./names.ts";
import { ObjectCache } from "./object-cache.ts";
import type { ControllerOptions } from "./options.ts";
import { concernsSealedSecret } from "./ownership.ts";
import { isLeftOver, type Plan, reconcile } from "./reconcile.ts";
import { RememberedOpeners } from "./remembered-openers.ts";
import { readSecretMetadata, type SecretMetadata } from "./secret-metadata.ts";
import { readStatus, syncedCondition } from "./status.ts";
import type { Timer } from "./timer.ts";
import { readIdentity, triggerOf, type WatchedSealedSecret } from "./watched-sealed-secret.ts";
import { followObjects } from "./watcher.ts";
import { WorkQueue, type WorkResult } from "./work-queue.ts";

export interface ReconcilerOptions {
  readonly api: KubeApi;
  readonly options: Pick<
    ControllerOptions,
    | "annotate"
    | "drift"
    | "namespaces"
    | "labelSelector"
    | "skipRecreate"
    | "oldGarbageCollection"
    | "concurrency"
    | "resyncPeriod"
    | "verifyPeriod"
  >;
  readonly keys: () => KeySet;
  /** Whether the keys there are have been listed: without them nothing would open. */
  readonly keysListed: () => boolean;
  /** Opens the values and renders the templates; here or on another thread. @throws KsealError `SEALED_*` */
  readonly unseal: (
    sealed: SealedSecret,
    keys: readonly SealingKey[],
    first: SealingKey | undefined,
  ) => Unsealed | Promise<Unsealed>;
  readonly writer: ApplyContext;
  readonly timer: Timer;
  /** From 0 to 1. */
  readonly chance: () => number;
  readonly metrics?: Pick<Metrics, "reconciled" | "failed" | "waited" | "opened" | "drifted">;
  /** Told of what went wrong and is tried again. @param key - `namespace/name`, or what was watched. */
  readonly onError?: (key: string, error: unknown) => void;
  /** Told of every look at an object that came to something. */
  readonly onReconciled?: (report: ReconcileReport) => void;
  /** Told of fields of a Secret that somebody else changed; once, where they are only reported. */
  readonly onDrift?: (
    object: EventSubject,
    fields: readonly string[],
    action: "repaired" | "reported",
  ) => void;
  readonly signal: AbortSignal;
}

/** What became of one object. */
export interface ReconcileReport {
  /** `namespace/name`. */
  readonly key: string;
  readonly action: "written" | "synced" | "failed" | "unchanged" | "postponed";
  /** Why it failed; holds no value. */
  readonly message: string | undefined;
  /** Fingerprints of the keys that opened it, with commas between, where it was opened. */
  readonly openedBy: string | undefined;
  readonly milliseconds: number;
}

const backoff: Backoff = { first: 50, longest: 5 * 60_000 };
// Short: an API server that is back is worth knowing at once, and a replica has few watches.
const watchBackoff: Backoff = { first: 200, longest: 5000 };
/** Milliseconds. */
const longestTurn = 10;
const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration";
/** What is kept of a Secret that no SealedSecret has the name of: that it is there. There may be many, and large ones. */
const unread = "unread";

/**
 * Keeps the Secrets of a cluster as its SealedSecrets say: follows both, plans, and writes. It begins to work when it
 * knows everything there is, and only while it may write.
 */
export class Reconciler {
  readonly #settings: ReconcilerOptions;
  readonly #sealed: ObjectCache<JsonObject>;
  readonly #secrets: ObjectCache<SecretMetadata | typeof unread>;
  readonly #queue: WorkQueue;
  readonly #openers = new RememberedOpeners();
  readonly #recorded = new Map<string, Recorded>();
  /** By uid of the SealedSecret: what was said about drift. */
  readonly #drift = new Map<string, string>();
  /** By uid of the SealedSecret: of which generation it was said that it does not open, and with which keys. */
  readonly #unopened = new Map<string, string>();
  /** Objects whose values are to be looked at, though nothing seems to have changed. */
  readonly #toVerify = new Set<string>();
  /** What was not listed yet. */
  readonly #missing = new Set<string>();
  readonly #ready = Promise.withResolvers<void>();
  /** When others had their turn last; milliseconds. */
  #turnBegan = 0;
  /** A change that this controller made itself, or that a list brought, is nothing to hurry for. */
  #quiet: "own write" | "list" | undefined;

  constructor(settings: ReconcilerOptions) {
    this.#settings = settings;
    const { options, timer, chance, metrics, onError } = settings;
    this.#sealed = new ObjectCache({ read: keptOfSealed, onChange: this.#onSealed.bind(this) });
    this.#secrets = new ObjectCache({
      read: (secret) => (this.#sealed.get(keyOf(secret)) === undefined ? unread : readSecretMetadata(secret)),
      onChange: this.#onSecret.bind(this),
    });
    this.#queue = new WorkQueue({
      concurrency: options.concurrency,
      backoff,
      timer,
      chance,
      work: this.#work.bind(this),
      onStart: (_, waited, priority) => metrics?.waited(waited / 1000, priority),
      ...(onError === undefined ? {} : { onError }),
    });
  }

  /** Whether everything there is has been listed, and the keys. */
  get isReady(): boolean {
    return this.#missing.size === 0 && this.#settings.keysListed();
  }

  /** Resolves when it is ready for the first time. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get queue(): Pick<WorkQueue, "depth" | "idle"> {
    return this.#queue;
  }

  /** Every SealedSecret that is known. */
  *objects(): Iterable<ObjectState> {
    for (const [key, object] of this.#sealed.values()) {
      const secret = this.#secrets.get(key);
      const noted =
        this.#recorded.get(readIdentity(object).uid)?.openedBy ??
        (secret === undefined || secret === unread ? undefined : secret.annotations.get(openedByAnnotation));
      const labels = objectField(objectField(object, "metadata", ""), "labels", "metadata");
      const [namespace = "", name = ""] = key.split("/");
      yield {
        namespace,
        name,
        instance: String(field(labels, "app.kubernetes.io/instance") ?? ""),
        status: readStatus(field(object, "status")),
        openedBy: noted === undefined || noted === "" ? [] : noted.split(","),
      };
    }
  }

  /** Works until the signal, and ends what it began. */
  async run(): Promise<void> {
    const { options, signal } = this.#settings;
    const places = options.namespaces ?? [undefined];
    const sealed = places.map((namespace) => this.#follow({ ...sealedSecretsApi, namespace }, this.#sealed));
    const follows = sealed.map(({ done }) => done);
    if (!options.skipRecreate) {
      for (const [at, namespace] of places.entries()) {
        const secrets = { group: "", version: "v1", plural: "secrets", namespace };
        // Of most Secrets nothing has to be kept, and which those are is known only then.
        follows.push(this.#follow(secrets, this.#secrets, sealed[at]?.listed).done);
      }
    }
    const stops = [this.#repeat(options.resyncPeriod, () => this.resync())];
    if (options.verifyPeriod > 0) stops.push(this.#repeat(options.verifyPeriod, () => this.#verify()));
    try {
      await Promise.all(follows);
    } finally {
      for (const stop of stops) stop();
    }
    if (signal.aborted) await this.#queue.close();
  }

  /** Looks at everything again: other keys are at hand, or this replica became the one that writes. */
  resync(): void {
    // It is done anyway once everything is known.
    if (!this.isReady) return;
    this.#ready.resolve();
    for (const [key] of this.#sealed.values()) this.#queue.add(key, "resync");
  }

  #verify(): void {
    for (const [key] of this.#sealed.values()) this.#toVerify.add(key);
    this.resync();
  }

  #repeat(period: number, call: () => void): () => void {
    let cancel = () => {};
    const next = () => {
      cancel = this.#settings.timer.after(period, () => {
        call();
        next();
      });
    };
    next();
    return () => cancel();
  }

  #follow<T>(
    path: ObjectPath,
    cache: ObjectCache<T>,
    after?: Promise<void>,
  ): { readonly done: Promise<void>; readonly listed: Promise<void> } {
    const { api, timer, chance, signal, onError, options } = this.#settings;
    const what = `${path.plural} ${path.namespace ?? "everywhere"}`;
    const isSecrets = path.plural === "secrets";
    this.#missing.add(what);
    const listed = Promise.withResolvers<void>();
    const follow = async (): Promise<void> => {
      await after;
      await followObjects({
        api,
        path,
        // The label selector is for SealedSecrets: the Secret of one need not have its labels.
        selection: isSecrets
          ? { metadataOnly: true, keep: this.#keptOfSecret.bind(this) }
          : { labelSelector: options.labelSelector || undefined, keep: keptOfSealed },
        timer,
        backoff: watchBackoff,
        chance,
        signal,
        onList: (list) => {
          this.#quietly("list", () => cache.replace(list, path.namespace));
          if (this.#missing.delete(what) && this.isReady) this.resync();
          listed.resolve();
        },
        onEvent: ({ type, object }) => (type === "DELETED" ? cache.remove(object) : cache.put(object)),
        onError: (error) => onError?.(what, error),
      });
      // Should the end have come before the list, nobody is to wait for it.
      listed.resolve();
    };
    return { done: follow(), listed: listed.promise };
  }

  /** There may be many Secrets that are nobody's business: the list of them is not to fill the memory. */
  #keptOfSecret(secret: JsonObject): JsonObject {
    if (this.#sealed.get(keyOf(secret)) !== undefined) return secret;
    const { namespace, name, uid, resourceVersion } = objectField(secret, "metadata", "");
    return { metadata: { namespace, name, uid, resourceVersion } };
  }

  #quietly(why: "own write" | "list", change: () => void): void {
    this.#quiet = why;
    try {
      change();
    } finally {
      this.#quiet = undefined;
    }
  }

  #onSealed(key: string, now: JsonObject | undefined, before: JsonObject | undefined): void {
    if (now === undefined && before !== undefined) this.#forget(readIdentity(before).uid);
    if (this.#quiet === "own write") return;
    if (now !== undefined && before !== undefined && triggerOf(now) === triggerOf(before)) {
      // A controller with other keys says that it does not open.
      if (isSynced(before) && !isSynced(now)) this.#enqueue(key, "resync");
      return;
    }
    this.#enqueue(key, this.#quiet === "list" ? "resync" : "new");
  }

  #forget(uid: string): void {
    this.#openers.forget(uid);
    this.#recorded.delete(uid);
    this.#drift.delete(uid);
    this.#unopened.delete(uid);
  }

  #onSecret(
    key: string,
    now: SecretMetadata | typeof unread | undefined,
    before: SecretMetadata | typeof unread | undefined,
  ): void {
    if (this.#quiet === "own write" || this.#sealed.get(key) === undefined) return;
    // Scenarios 11 and 12: what was never ours is not made anew because somebody deleted it.
    const knownBefore = before === unread ? undefined : before;
    if (now === undefined && (knownBefore === undefined || !concernsSealedSecret(knownBefore))) return;
    this.#enqueue(key, "resync");
  }

  #enqueue(key: string, priority: "new" | "resync"): void {
    // Before everything is listed a Secret that is there would be taken for missing.
    if (this.isReady) this.#queue.add(key, priority);
  }

  async #work(key: string): Promise<WorkResult> {
    const { writer, timer, metrics } = this.#settings;
    await this.#letOthers();
    if (!writer.mayWrite()) return "done";
    const began = timer.elapsed();
    const object = this.#sealed.get(key);
    const result =
      object === undefined ? await this.#cleanUp(key) : await this.#reconcile(key, object, began);
    metrics?.reconciled((timer.elapsed() - began) / 1000);
    return result;
  }

  /** Thousands of objects that need nothing are looked at without ever waiting for anything: probes and news would. */
  async #letOthers(): Promise<void> {
    const { timer } = this.#settings;
    if (timer.elapsed() - this.#turnBegan < longestTurn) return;
    await new Promise(setImmediate);
    this.#turnBegan = timer.elapsed();
  }

  async #cleanUp(key: string): Promise<WorkResult> {
    const { options, writer } = this.#settings;
    this.#queue.forget(key);
    const secret = options.oldGarbageCollection ? await this.#secretOf(key) : undefined;
    if (isLeftOver(secret)) await deleteLeftOver(secret, writer);
    return "done";
  }

  async #reconcile(key: string, object: JsonObject, began: number): Promise<WorkResult> {
    const { options, keys, writer, metrics, timer, onReconciled } = this.#settings;
    const identity = readIdentity(object);
    const [namespace = "", name = ""] = key.split("/");
    const set = keys();
    const secret = await this.#secretOf(key);
    const attempted = `${identity.generation} ${[...set.byFingerprint.keys()].join()}`;
    const plan = await reconcile(
      {
        object,
        secret,
        saidUnopened: this.#unopened.get(identity.uid) === attempted,
        knownKeys: set.fingerprints,
        now: writer.now(),
        remembered: this.#recorded.get(identity.uid),
        verify: this.#toVerify.delete(key),
        settings: options,
      },
      {
        unseal: (watched) => this.#unseal(watched, set, secret),
        readData: (watched) => this.#readData(watched),
      },
    );
    const subject = { namespace, name, ...identity };
    const applied = await applyPlan(subject, plan, writer);
    this.#quietly("own write", () => {
      if (applied.secret !== undefined && !options.skipRecreate) this.#secrets.put(applied.secret);
      if (applied.sealed !== undefined) this.#sealed.put(applied.sealed);
    });
    this.#note(plan, subject);
    if (plan.kind === "apply") this.#unopened.delete(identity.uid);
    const isPublished = applied.sealed !== undefined || plan.kind === "nothing";
    if (applied.failure?.reason === "unseal" && isPublished) this.#unopened.set(identity.uid, attempted);
    onReconciled?.({
      key,
      action: actionOf(plan, applied),
      message: applied.failure?.message,
      openedBy: plan.kind === "apply" ? plan.recorded.openedBy : undefined,
      milliseconds: timer.elapsed() - began,
    });
    if (applied.failure !== undefined) metrics?.failed(applied.failure.reason, namespace);
    // What waits for somebody is looked at again with everything else.
    return applied.result === "failed" ? "failed" : "done";
  }

  #note(plan: Plan, subject: EventSubject): void {
    const { options, metrics, onDrift } = this.#settings;
    const { uid, namespace } = subject;
    if (!options.annotate && plan.recorded !== undefined) this.#recorded.set(uid, plan.recorded);
    const { drift } = plan;
    const action = plan.kind === "apply" ? "repaired" : "reported";
    const said = this.#drift.get(uid);
    this.#drift.delete(uid);
    if (drift === undefined) return;
    if (action === "reported") this.#drift.set(uid, drift.join());
    if (action === "reported" && said === drift.join()) return;
    metrics?.drifted(namespace, action);
    onDrift?.(subject, drift, action);
  }

  async #unseal(
    watched: WatchedSealedSecret,
    set: KeySet,
    secret: SecretMetadata | undefined,
  ): Promise<Unsealed> {
    const { unseal, metrics } = this.#settings;
    const noted = secret?.annotations.get(openedByAnnotation);
    const unsealed = await this.#openers.open({ uid: watched.uid, set, noted }, (first) =>
      unseal(watched.sealed, set.keys, first),
    );
    metrics?.opened(unsealed.rsaOperations);
    return unsealed;
  }

  async #secretOf(key: string): Promise<SecretMetadata | undefined> {
    const { api, options } = this.#settings;
    const known = this.#secrets.get(key);
    if (!options.skipRecreate && known !== unread) return known;
    const found = await api.get(secretPath(key), { metadataOnly: true });
    if (!options.skipRecreate && found !== undefined) {
      this.#quietly("own write", () => this.#secrets.put(found, { again: true }));
    }
    return found && readSecretMetadata(found);
  }

  async #readData({ namespace, name }: WatchedSealedSecret): Promise<ReadonlyMap<string, Uint8Array>> {
    const found = await this.#settings.api.get(secretPath(`${namespace}/${name}`));
    if (found === undefined) {
      throw new KubeError("CLUSTER_CONFLICT", `the Secret ${namespace}/${name} is gone by now`, {
        status: 409,
      });
    }
    return readSecret({ ...found, apiVersion: "v1", kind: "Secret" }).data;
  }
}

function actionOf(plan: Plan, applied: Applied): ReconcileReport["action"] {
  if (applied.failure !== undefined) return "failed";
  if (applied.result === "failed") return "postponed";
  if (applied.secret !== undefined) return "written";
  return plan.kind === "status" ? "synced" : "unchanged";
}

function keyOf(object: JsonObject): string {
  const metadata = objectField(object, "metadata", "");
  return `${String(field(metadata, "namespace"))}/${String(field(metadata, "name"))}`;
}

function secretPath(key: string): ObjectPath {
  const [namespace = "", name = ""] = key.split("/");
  return { group: "", version: "v1", plural: "secrets", namespace, name };
}

function isSynced(object: JsonObject): boolean {
  return syncedCondition(readStatus(field(object, "status")))?.status === "True";
}

/** Nothing is read from what is left out, and it is most of a SealedSecret in memory. */
function keptOfSealed(object: JsonObject): JsonObject {
  const { managedFields: _, annotations, ...metadata } = objectField(object, "metadata", "");
  // kubectl keeps the whole object in it once more.
  const { [lastAppliedAnnotation]: __, ...kept } = objectField({ annotations }, "annotations", "metadata");
  return {
    ...object,
    metadata: { ...metadata, ...(annotations === undefined ? {} : { annotations: kept }) },
  };
}
