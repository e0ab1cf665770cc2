import { KsealError } from "../src/errors.ts";
import type { KubeApi } from "../src/kube/api.ts";
import { type BackupNotes, type BackupState, readBackupState } from "../src/ops/key-backup-record.ts";
import { objectField } from "../src/sealed/object-fields.ts";
import { readMeta } from "../src/sealed/object-meta.ts";
import type { Secret } from "../src/sealed/secret.ts";
import type { ApplyContext } from "./apply-plan.ts";
import type { KeyBackup } from "./backup.ts";
import { CertificatePublisher } from "./certificate-publisher.ts";
import { EventRecorder } from "./event-recorder.ts";
import { answerRequest, countedPaths, type HttpServices } from "./http.ts";
import { type RunningServer, serveHttp } from "./http-server.ts";
import { KeyBackups } from "./key-backups.ts";
import type { KeyEnvelope } from "./key-envelope.ts";
import { KeyRenewal } from "./key-renewal.ts";
import type { KeySet } from "./key-set.ts";
import { KeyStore } from "./key-store.ts";
import { KeyWatch } from "./key-watch.ts";
import { LeaderElection } from "./leader.ts";
import { limitRequests } from "./limit-requests.ts";
import { listsFirst } from "./lists-first.ts";
import type { Logger } from "./logger.ts";
import { type MetricSources, Metrics } from "./metrics.ts";
import { Opener } from "./opener.ts";
import type { ControllerOptions } from "./options.ts";
import { RateLimit } from "./rate-limit.ts";
import { Reconciler } from "./reconciler.ts";
import { RefusedKeys } from "./refused-keys.ts";
import { logDrift, logReport } from "./report.ts";
import { opens, rotateSealed } from "./rotate.ts";
import { pause, systemTimer } from "./timer.ts";

export interface RunOptions {
  readonly options: ControllerOptions;
  readonly api: KubeApi;
  /** For the Lease, which no limit of requests may hold up. */
  readonly leaseApi: KubeApi;
  readonly log: Logger;
  /** Who this replica is. */
  readonly identity: string;
  readonly random: (length: number) => Uint8Array;
  readonly version: string;
  readonly process: MetricSources["process"];
  /** Stores backups of keys: of a new one before it is used. */
  readonly backup?: KeyBackup | undefined;
  /** Of sealing keys. What it needs is loaded when there is one. */
  readonly envelope: Pick<KeyEnvelope, "open" | "wrap">;
  /** Ends everything, in order. */
  readonly signal: AbortSignal;
}

/** How long a replica that begins only lists; milliseconds. Keys are followed even where SealedSecrets are not known. */
const longestQuiet = 1000;
/** Milliseconds in which whoever asks is told that it is ready, before it opens the other connections. */
const firstAnswer = 10;

/** A controller that runs. */
export interface RunningController {
  readonly port: number;
  readonly metricsPort: number;
  /** Makes another sealing key. */
  renewKey(): void;
  /** Resolves when all work has ended, after the signal. @throws whatever is a bug. */
  readonly done: Promise<void>;
}

/** Puts the parts of the controller together and starts them. @throws when it cannot listen. */
export async function runController(run: RunOptions): Promise<RunningController> {
  const { options, log } = run;
  const lease = new AbortController();
  const parts = assemble(run, lease.signal);
  // One that leads without an election may write at once, so it listens first. The others list meanwhile.
  const early = parts.election && work(parts, options);
  const servers = await listen(run, parts);
  const working = early ?? work(parts, options);
  const election = parts.election && parts.listed.then(() => parts.election?.run());
  const finish = async (): Promise<void> => {
    try {
      // The election ends only with an error before it is told to.
      await Promise.race(election === undefined ? [working] : [working, election]);
    } finally {
      // What was begun is written by now, so another replica may go on.
      lease.abort();
      await election;
      await Promise.all(servers.map((server) => server.close()));
    }
  };
  log.info("controller started", { version: run.version, namespace: options.namespace });
  return {
    port: servers[0]?.port ?? 0,
    metricsPort: servers[1]?.port ?? 0,
    renewKey: () => parts.renewal.demand(),
    done: finish(),
  };
}

function work(
  { keyWatch, renewal, keyBackups, reconciler }: Parts,
  { watchKeys }: ControllerOptions,
): Promise<unknown> {
  const keys = watchKeys ? keyWatch.run() : keyWatch.once();
  return Promise.all([keys, renewal.run(), keyBackups?.run(), reconciler.run()]);
}

interface Parts {
  /** Resolves when everything was listed; soon, where that takes long or fails. */
  readonly listed: Promise<void>;
  readonly services: HttpServices;
  readonly metrics: Metrics;
  readonly keyWatch: KeyWatch;
  readonly renewal: KeyRenewal;
  readonly keyBackups: KeyBackups | undefined;
  readonly reconciler: Reconciler;
  readonly election: LeaderElection | undefined;
}

function assemble(run: RunOptions, leaseSignal: AbortSignal): Parts {
  const { options, log, random, signal, leaseApi } = run;
  const timer = systemTimer;
  const chance = Math.random;
  const { requestsPerSecond, requestBurst, namespace } = options;
  const limited = limitRequests(run.api, {
    perSecond: requestsPerSecond,
    burst: requestBurst,
    timer,
    signal,
  });
  const listed = Promise.withResolvers<void>();
  const api = listsFirst(limited, listed.promise);
  const events = new EventRecorder(api);
  const store = new KeyStore({
    namespace,
    keyPrefix: options.keyPrefix,
    order: options.keyOrder,
    onChange: (set, before) => onKeys(set, before),
    envelopes: { open: run.envelope.open, timer, chance, signal },
  });
  const watching = {
    timer,
    chance,
    signal,
    onError: (error: unknown) => log.warn("the API server did not answer", { error: textOf(error) }),
  };
  let fed = false;
  const keyWatch: KeyWatch = new KeyWatch({
    ...{ api, store, namespace, legacyName: options.keyPrefix, ...watching },
    // The first key is due when the list turns out to be empty.
    onFed: () => {
      renewal.wake();
      // Nothing was worked on before.
      if (!fed) reconciler.resync();
      fed = true;
    },
  });
  const opener = new Opener({ workers: options.workers, acceptV1: options.acceptV1, now: timer.now, random });
  const mayWrite = (): boolean => election?.isLeader ?? true;
  const mayKeep = (): boolean => mayWrite() && !options.dryRun;
  const metrics: Metrics = new Metrics({
    version: run.version,
    keys: () => store.current,
    objects: () => reconciler.objects(),
    queueDepth: () => reconciler.queue.depth,
    isLeader: mayWrite,
    backups: (key) => backupStateOf(keyWatch, key),
    waitsForBackup: () => renewal.waitsForBackup,
    backupsSeenAt: () => keyBackups?.completeAt,
    process: run.process,
    omitSecretLabels: options.omitSecretLabels,
  });
  const refused = new RefusedKeys({ events, keyWatch, log, mayWrite: mayKeep, now: timer.now });
  const publisher = new CertificatePublisher({
    api,
    namespace,
    name: options.certificateConfigMap,
    certificate: () => store.current.sealing?.certificate,
    mayWrite: mayKeep,
    ...watching,
  });
  const renewal: KeyRenewal = new KeyRenewal({
    api,
    namespace,
    options,
    keys: () => store.current,
    isReady: () => keyWatch.isReady,
    refresh: () => keyWatch.refresh(),
    add: (secret) => keyWatch.add(secret),
    mayWrite: mayKeep,
    backUp: run.backup && newKeyBackup(run.backup, () => metrics.backupFailed()),
    wrap: run.envelope.wrap,
    timer,
    now: timer.now,
    random,
    chance,
    signal,
    onMade: (key) => log.info("new sealing key", { key: `${namespace}/${key}` }),
    onFailure: (error, retryIn) => {
      metrics.renewalFailed();
      log.error("no new sealing key", { error: textOf(error), retryInSeconds: Math.ceil(retryIn / 1000) });
    },
  });
  const keyBackups =
    run.backup === undefined
      ? undefined
      : new KeyBackups({
          api,
          backup: run.backup,
          keys: () => store.current,
          secretOf: (place) => keyWatch.secretOf(place),
          open: run.envelope.open,
          mayWrite: mayKeep,
          ...{ timer, chance, signal },
          onBackedUp: (key) => log.info("sealing key backed up", { key }),
          onFailure: (key, error, retryIn) => {
            metrics.backupFailed();
            const retryInSeconds = Math.ceil(retryIn / 1000);
            log.error("sealing key not backed up", { key, error: textOf(error), retryInSeconds });
          },
        });
  const writer: ApplyContext = {
    api,
    events,
    now: timer.now,
    mayWrite,
    updateStatus: options.updateStatus,
    dryRun: options.dryRun,
    onWrite: (kind) => metrics.wrote(kind),
    onWarning: (error) => log.warn("an event was not written", { error: textOf(error) }),
  };
  const reconciler: Reconciler = new Reconciler({
    api,
    options,
    keys: () => store.current,
    keysListed: () => keyWatch.isReady && store.isSettled,
    unseal: (sealed, keys, first) => opener.unseal(sealed, keys, first),
    writer,
    timer,
    chance,
    metrics,
    onError: (key, error) => log.warn("to be tried again", { object: key, error: textOf(error) }),
    onReconciled: (report) => logReport(report, log),
    onDrift: (subject, fields, action) =>
      logDrift({ subject, fields, action }, { log, events, now: timer.now, mayWrite: mayKeep }),
    signal,
  });
  const onLeading = (): void => {
    reconciler.resync();
    renewal.wake();
    keyBackups?.wake();
    refused.tell(store.current);
    if (options.certificateConfigMap !== "") void publisher.publish();
  };
  const onKeys = (set: KeySet, before: KeySet): void => {
    log.info("sealing keys", {
      keys: set.keys.length,
      refused: set.refused.length,
      sealing: set.sealing?.fingerprint,
      added: set.keys.filter(({ fingerprint }) => !before.byFingerprint.has(fingerprint)).length,
      removed: before.keys.filter(({ fingerprint }) => !set.byFingerprint.has(fingerprint)).length,
    });
    onLeading();
  };
  const election = options.leaderElection && !options.dryRun ? electionOf() : undefined;
  function electionOf(): LeaderElection {
    return new LeaderElection({
      api: leaseApi,
      namespace,
      name: options.leaseName,
      identity: run.identity,
      duration: options.leaseDuration,
      timer,
      signal: leaseSignal,
      onChange: (leads) => {
        log.info(leads ? "this replica writes" : "this replica no longer writes", { identity: run.identity });
        if (leads) onLeading();
      },
      onError: (error) => log.warn("the lease was not renewed", { error: textOf(error) }),
    });
  }
  void Promise.race([reconciler.ready, pause(longestQuiet, { timer, signal })])
    .then(() => pause(firstAnswer, { timer, signal }))
    .then(listed.resolve);
  const services: HttpServices = {
    certificate: () => {
      const pem = store.current.sealing?.certificate?.pem;
      return pem === undefined ? { missing: whyNoKey({ keyWatch, renewal, store }) } : { pem };
    },
    notReady: () => {
      if (store.current.sealing === undefined) return whyNoKey({ keyWatch, renewal, store });
      return reconciler.isReady ? undefined : "the objects are not listed yet";
    },
    kubesealEndpoints: options.kubesealEndpoints,
    readDocuments: async (bytes) => {
      // Nobody waits for it at the start.
      const { readManifest } = await import("../src/formats/manifest.ts");
      const { documents } = await readManifest(bytes, { file: "the request" });
      return documents.map(({ object }) => object);
    },
    opens: (sealed) => opens(sealed, (each) => opener.open(each, store.current.keys)),
    rotate: (sealed) => {
      const { keys, sealing } = store.current;
      if (sealing?.certificate === undefined)
        throw new KsealError("SEALED_NO_KEY", "there is no sealing key");
      const { publicKey } = sealing.certificate;
      return rotateSealed(sealed, { open: (each) => opener.open(each, keys), publicKey, random });
    },
    limit: new RateLimit({ perSecond: options.rateLimit, burst: options.rateLimitBurst, timer }),
    largestBody: options.largestBody,
  };
  return { listed: listed.promise, services, metrics, keyWatch, renewal, keyBackups, reconciler, election };
}

function backupStateOf(keyWatch: KeyWatch, key: string): BackupState {
  const metadata = objectField(keyWatch.secretOf(key) ?? {}, "metadata", "");
  return readBackupState(readMeta(metadata, "metadata").annotations);
}

function newKeyBackup(backup: KeyBackup, onFailure: () => void): (secret: Secret) => Promise<BackupNotes> {
  return async (secret) => {
    try {
      return await backup.newKey(secret);
    } catch (error) {
      onFailure();
      throw error;
    }
  };
}

function whyNoKey({
  keyWatch,
  renewal,
  store,
}: {
  readonly keyWatch: KeyWatch;
  readonly renewal: KeyRenewal;
  readonly store: KeyStore;
}): string {
  if (!keyWatch.isReady) return "the sealing keys are not listed yet";
  const { problem } = renewal;
  const [closed] = store.current.closed;
  const reason = problem ?? (closed && (closed.error?.message ?? `${closed.name} is being opened`));
  return `there is no sealing key yet${reason === undefined ? "" : `: ${reason}`}`;
}

function listen(run: RunOptions, { services, metrics }: Parts): Promise<readonly RunningServer[]> {
  const { readTimeout, writeTimeout, listen: address, listenMetrics } = run.options;
  const both = {
    readTimeout,
    writeTimeout,
    onError: (error: unknown) => run.log.error("a request failed", { error: textOf(error) }),
  };
  const page = { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" };
  return Promise.all([
    serveHttp({
      ...both,
      listen: address,
      countedPaths,
      answer: (question) => answerRequest(question, services),
      onAnswer: (answered) => metrics.answered(answered),
    }),
    serveHttp({
      ...both,
      listen: listenMetrics,
      countedPaths: [],
      answer: async ({ path, method }) => {
        if (path !== "/metrics") return { status: 404, headers: {}, body: "" };
        if (method !== "GET" && method !== "HEAD")
          return { status: 405, headers: { Allow: "GET, HEAD" }, body: "" };
        return { status: 200, headers: page, body: method === "HEAD" ? "" : metrics.text() };
      },
    }),
  ]);
}

/** Without its hint: nobody types anything into a log. */
function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
