import type { BackupState } from "../src/ops/key-backup-record.ts";
import { backupMetrics } from "./backup-metrics.ts";
import type { KeySet } from "./key-set.ts";
import {
  Counter,
  counter,
  gauge,
  Histogram,
  histogram,
  type Metric,
  metricsText,
  type Series,
} from "./prometheus-text.ts";
import { type SealedSecretStatus, syncedCondition } from "./status.ts";

/** The prefix of the metrics that the Bitnami controller has, too. */
const upstream = "sealed_secrets_controller_";
const own = "kseal_controller_";

/** What the numbers are read from at the moment of asking. */
export interface MetricSources {
  readonly version: string;
  readonly keys: () => KeySet;
  /** Every SealedSecret that is known, with the fingerprints of the keys that opened it. */
  readonly objects: () => Iterable<ObjectState>;
  readonly queueDepth: () => Readonly<Record<string, number>>;
  readonly isLeader: () => boolean;
  /** What is noted at the Secret of a key of its backups, by `namespace/name`. */
  readonly backups: (key: string) => BackupState;
  /** Whether a new key waits for its backup. */
  readonly waitsForBackup: () => boolean;
  /** When all keys were last found in all places for backups; milliseconds since 1970. */
  readonly backupsSeenAt: () => number | undefined;
  /** Seconds of processor time, bytes of memory, seconds since 1970 of the start. */
  readonly process: () => {
    readonly cpuSeconds: number;
    readonly residentBytes: number;
    readonly startSeconds: number;
  };
  /** Leaves out what names SealedSecrets (S22): the page asks nobody who they are. */
  readonly omitSecretLabels: boolean;
}

/** What metrics say about one SealedSecret. */
export interface ObjectState {
  readonly namespace: string;
  readonly name: string;
  /** The label `app.kubernetes.io/instance` of the SealedSecret; empty without. */
  readonly instance: string;
  readonly status: SealedSecretStatus;
  readonly openedBy: readonly string[];
}

/** The numbers of the controller. Names and labels of section 4 of sealed-secrets.md are upstream's. */
export class Metrics {
  readonly #sources: MetricSources;
  readonly #requests = new Counter();
  readonly #errors = new Counter();
  readonly #http = new Counter();
  readonly #httpDuration = new Histogram();
  readonly #reconcile = new Histogram();
  readonly #wait = new Histogram([0.001, 0.01, 0.1, 0.5, 1, 5, 30, 60, 300]);
  readonly #writes = new Counter();
  readonly #drift = new Counter();
  readonly #rsa = new Counter();
  readonly #renewalFailures = new Counter();
  readonly #backupFailures = new Counter();

  constructor(sources: MetricSources) {
    this.#sources = sources;
    // They are there from the start, so that a rate can be told from nothing.
    this.#requests.add({}, 0);
    this.#rsa.add({}, 0);
    this.#renewalFailures.add({}, 0);
    this.#backupFailures.add({}, 0);
  }

  /** One look at one SealedSecret. @param seconds - How long it took. */
  reconciled(seconds: number): void {
    this.#requests.add();
    this.#reconcile.observe(seconds);
  }

  /** A look that failed. @param reason - `fetch`, `status`, `unmanaged`, `unseal` or `update`. */
  failed(reason: string, namespace: string): void {
    this.#errors.add({ reason, namespace });
  }

  /** How long a key waited in the queue. */
  waited(seconds: number, priority: string): void {
    this.#wait.observe(seconds, { priority });
  }

  /** A write at the API server: `create`, `apply`, `hand over`, `status`, `event`, `delete`. */
  wrote(kind: string): void {
    this.#writes.add({ kind });
  }

  /** Somebody else changed a Secret. */
  drifted(namespace: string, action: "repaired" | "reported"): void {
    this.#drift.add({ namespace, action });
  }

  /** RSA private operations, which is what opening costs. */
  opened(operations: number): void {
    this.#rsa.add({}, operations);
  }

  renewalFailed(): void {
    this.#renewalFailures.add();
  }

  /** A backup that could not be written, proved or found again. */
  backupFailed(): void {
    this.#backupFailures.add();
  }

  /** One request that was answered. @param path - One of the known paths: whoever asks must not invent series. */
  answered(request: {
    readonly method: string;
    readonly path: string;
    readonly code: number;
    readonly seconds: number;
  }): void {
    const { method, path, code, seconds } = request;
    this.#http.add({ path, method, code: String(code) });
    this.#httpDuration.observe(seconds, { path, method });
  }

  /** The page at `/metrics`, in Prometheus' text format. */
  text(): string {
    return metricsText([...this.#upstreamMetrics(), ...this.#ownMetrics()]);
  }

  #upstreamMetrics(): readonly Metric[] {
    const { version, process } = this.#sources;
    const { cpuSeconds, residentBytes, startSeconds } = process();
    return [
      // Upstream never sets it, so its value is 0.
      gauge(`${upstream}build_info`, "Build information.", [{ labels: { revision: version }, value: 0 }]),
      counter(
        `${upstream}unseal_requests_total`,
        "Total number of sealed secret unseal requests",
        this.#requests,
      ),
      counter(
        `${upstream}unseal_errors_total`,
        "Total number of sealed secret unseal errors by reason",
        this.#errors,
      ),
      gauge(
        `${upstream}condition_info`,
        "Current SealedSecret condition status. Values are -1 (false), 0 (unknown or absent), 1 (true)",
        this.#conditions(),
      ),
      counter(`${upstream}http_requests_total`, "A counter for requests to the wrapped handler.", this.#http),
      histogram(
        `${upstream}http_request_duration_seconds`,
        "A histogram of latencies for requests.",
        this.#httpDuration,
      ),
      gauge("process_resident_memory_bytes", "Resident memory size in bytes.", [
        { labels: {}, value: residentBytes },
      ]),
      gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", [
        { labels: {}, value: startSeconds },
      ]),
      {
        ...gauge("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", [
          { labels: {}, value: cpuSeconds },
        ]),
        type: "counter",
      },
    ];
  }

  #ownMetrics(): readonly Metric[] {
    const { keys, queueDepth, isLeader } = this.#sources;
    const { keys: all, refused, sealing, closed } = keys();
    const objects = this.#objectsPerKey();
    const depth = Object.entries(queueDepth()).map(([state, value]) => ({ labels: { state }, value }));
    return [
      gauge(`${own}sealing_keys`, "Number of sealing keys that open values.", [
        { labels: {}, value: all.length },
      ]),
      gauge(`${own}refused_key_secrets`, "Secrets marked as sealing keys that cannot be used.", [
        { labels: {}, value: refused.length },
      ]),
      gauge(`${own}closed_sealing_keys`, "Sealing keys in envelopes that do not open.", [
        { labels: {}, value: closed.filter(({ error }) => error !== undefined).length },
      ]),
      ...backupMetrics(keys(), { ...this.#sources, failures: this.#backupFailures }),
      gauge(
        `${own}sealing_key_not_before_seconds`,
        "From when on the certificate of a sealing key is valid, in seconds since unix epoch.",
        all.flatMap(({ fingerprint, certificate }) =>
          certificate === undefined
            ? []
            : [
                {
                  labels: { fingerprint, seals: String(fingerprint === sealing?.fingerprint) },
                  value: certificate.notBefore / 1000,
                },
              ],
        ),
      ),
      gauge(
        `${own}sealing_key_objects`,
        "Number of SealedSecrets that a sealing key opened.",
        all.map(({ fingerprint }) => ({ labels: { fingerprint }, value: objects.get(fingerprint) ?? 0 })),
      ),
      gauge(`${own}queue_depth`, "Number of SealedSecrets that wait or are worked on.", depth),
      histogram(`${own}queue_wait_seconds`, "How long SealedSecrets waited to be worked on.", this.#wait),
      histogram(
        `${own}reconcile_duration_seconds`,
        "How long one look at a SealedSecret took.",
        this.#reconcile,
      ),
      counter(`${own}writes_total`, "Writes at the API server.", this.#writes),
      counter(`${own}drift_total`, "Secrets that somebody else changed.", this.#drift),
      counter(`${own}rsa_operations_total`, "RSA private operations.", this.#rsa),
      counter(
        `${own}key_renewal_failures_total`,
        "Failed attempts to make a sealing key.",
        this.#renewalFailures,
      ),
      gauge(`${own}leader`, "Whether this replica writes.", [{ labels: {}, value: isLeader() ? 1 : 0 }]),
    ];
  }

  #conditions(): readonly Series[] {
    const { objects, omitSecretLabels } = this.#sources;
    if (omitSecretLabels) return [];
    return [...objects()].map(({ namespace, name, instance, status }) => ({
      labels: { namespace, name, condition: "Synced", ss_app_kubernetes_io_instance: instance },
      value: { True: 1, False: -1, Unknown: 0 }[syncedCondition(status)?.status ?? "Unknown"],
    }));
  }

  #objectsPerKey(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { openedBy } of this.#sources.objects()) {
      for (const fingerprint of openedBy) counts.set(fingerprint, (counts.get(fingerprint) ?? 0) + 1);
    }
    return counts;
  }
}
