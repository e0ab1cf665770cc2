import type { KeyOrder } from "../src/sealed/sealing-key.ts";
import {
  address,
  choice,
  decimal,
  duration,
  moment,
  pairs,
  text,
  truth,
  whole,
  words,
} from "./flag-values.ts";
import { type Flag, parseFlags, refuse } from "./flags.ts";
import type { LogLevel } from "./logger.ts";
import { keyLabel } from "./names.ts";

const hour = 3_600_000;
const minute = 60_000;
const second = 1000;
/** What is served, of the Kubernetes that refuses longer names; a name of a Secret ends with five characters more. */
const longestPrefix = 245;

function flag<T>(name: string, standard: T, read: Flag<T>["read"], alias?: string): Flag<T> {
  return { name, standard, read, ...(alias === undefined ? {} : { alias }) };
}

function toggle(name: string, standard: boolean): Flag<boolean> {
  return { name, standard, read: truth, isSwitch: true };
}

/** Every flag. Those of the Bitnami controller have its names and, where nothing is said, its standards. */
const flags = {
  keyPrefix: flag("key-prefix", "sealed-secrets-key", text),
  keySize: flag("key-size", 4096, whole(2048, 16_384)),
  keyTtl: flag("key-ttl", 10 * 365 * 24 * hour, duration(hour)),
  commonName: flag("my-cn", "", text),
  keyRenewPeriod: flag("key-renew-period", 720 * hour, duration(), "rotate-period"),
  keyOrder: flag<KeyOrder>(
    "key-order-priority",
    "CertNotBefore",
    choice("CertNotBefore", "SecretCreationTimestamp"),
  ),
  keyCutoff: flag<number | undefined>("key-cutoff-time", undefined, moment),
  acceptV1: toggle("accept-deprecated-v1-data", true),
  allNamespaces: toggle("all-namespaces", true),
  additionalNamespaces: flag<readonly string[]>("additional-namespaces", [], words),
  labelSelector: flag("label-selector", "", text),
  rateLimit: flag("rate-limit", 2, whole(1, 1_000_000)),
  rateLimitBurst: flag("rate-limit-burst", 2, whole(0, 1_000_000)),
  keyAnnotations: flag<ReadonlyMap<string, string>>("privatekey-annotations", new Map(), pairs),
  keyLabels: flag<ReadonlyMap<string, string>>("privatekey-labels", new Map(), pairs),
  oldGarbageCollection: toggle("old-gc-behavior", false),
  updateStatus: toggle("update-status", true),
  // Upstream's standard is false: there it is young, and sees new keys alone (S20).
  watchKeys: toggle("watch-for-secrets", true),
  skipRecreate: toggle("skip-recreate", false),
  logInfoToStdout: toggle("log-info-stdout", true),
  logLevel: flag<LogLevel>("log-level", "INFO", choice("DEBUG", "INFO", "WARN", "ERROR")),
  logFormat: flag<"text" | "json">("log-format", "text", choice("text", "json")),
  // Taken for compatibility: there is no last retry (S3).
  maxUnsealRetries: flag("max-unseal-retries", 5, whole(-1, 1_000_000)),
  // Upstream's standards are 5 and 10, which make a start with 4,000 objects last half an hour (#1833).
  requestsPerSecond: flag("kubeclient-qps", -1, decimal),
  requestBurst: flag("kubeclient-burst", 10, whole(1, 1_000_000)),
  listen: flag("listen-addr", { host: "", port: 8080 }, address),
  listenMetrics: flag("listen-metrics-addr", { host: "", port: 8081 }, address),
  readTimeout: flag("read-timeout", 2 * minute, duration(second)),
  writeTimeout: flag("write-timeout", 2 * minute, duration(second)),
  version: toggle("version", false),
  help: toggle("help", false),

  dryRun: toggle("dry-run", false),
  drift: flag<"repair" | "report">("drift", "repair", choice("repair", "report")),
  annotate: toggle("annotate-secrets", true),
  kubesealEndpoints: toggle("kubeseal-endpoints", false),
  largestBody: flag("max-body-bytes", 4 * 1024 * 1024, whole(1024, 64 * 1024 * 1024)),
  certificateConfigMap: flag("certificate-configmap", "sealed-secrets-certificate", text),
  omitSecretLabels: toggle("metrics-omit-secret-labels", false),
  leaderElection: toggle("leader-election", true),
  leaseName: flag("lease-name", "sealed-secrets-controller", text),
  leaseDuration: flag("lease-duration", 15 * second, duration(3 * second)),
  concurrency: flag("concurrency", 8, whole(1, 256)),
  workers: flag("workers", 2, whole(0, 64)),
  resyncPeriod: flag("resync-period", 10 * minute, duration(10 * second)),
  verifyPeriod: flag("full-verification-period", 0, duration()),
  kubeconfig: flag("kubeconfig", "", text),
  keyWrapRecipients: flag<readonly string[]>("key-wrap-recipients", [], words),
  backupRecipients: flag<readonly string[]>("backup-recipients", [], words),
  backupTo: flag<readonly string[]>("backup-to", [], words),
} as const;

type ValueOf<F> = F extends Flag<infer T> ? T : never;

/** How the controller works, read once at the start. Durations and times are milliseconds. */
export type ControllerOptions = Readonly<{ [K in keyof typeof flags]: ValueOf<(typeof flags)[K]> }> & {
  /** The namespace in which the controller runs, with its keys. */
  readonly namespace: string;
  /** Where SealedSecrets are looked for; `undefined` for everywhere. */
  readonly namespaces: readonly string[] | undefined;
};

/** What the controller is started with. */
export interface OptionSources {
  /** Without the program. */
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What the file of the service account says; `undefined` when there is none. */
  readonly serviceAccountNamespace: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * Reads the options of the controller and checks that they make sense, so that nothing has to be checked later.
 *
 * @throws KsealError `USAGE`, in one line.
 */
export function readOptions(sources: OptionSources): ControllerOptions {
  const values = parseFlags(Object.values(flags), sources.arguments, sources.environment);
  const options = Object.fromEntries(
    Object.entries(flags).map(([key, flag]) => [key, values.get<unknown>(flag)]),
  ) as Omit<ControllerOptions, "namespace" | "namespaces">;
  refuse(contradictions(options, sources.now));
  // As upstream looks for it.
  const namespace =
    nonEmpty(sources.environment["POD_NAMESPACE"]) ?? nonEmpty(sources.serviceAccountNamespace) ?? "default";
  return Object.freeze({ ...options, namespace, namespaces: namespacesOf(options, namespace) });
}

/** The names of all flags, for the manifests, the chart and the documentation. */
export const flagNames: readonly string[] = Object.values(flags).map(({ name }) => name);

function contradictions(
  options: Omit<ControllerOptions, "namespace" | "namespaces">,
  now: number,
): readonly string[] {
  const problems: string[] = [];
  const { keyPrefix, keyCutoff, keyLabels, keyTtl, keyRenewPeriod } = options;
  if (!/^[a-z0-9][a-z0-9-]*$/.test(keyPrefix) || keyPrefix.length > longestPrefix) {
    problems.push(`--key-prefix may hold a-z, 0-9 and -, and at most ${longestPrefix} characters`);
  }
  if (keyCutoff !== undefined && keyCutoff > now) {
    problems.push("--key-cutoff-time lies in the future: every start would make a new key");
  }
  if (keyLabels.has(keyLabel)) problems.push(`--privatekey-labels cannot set ${keyLabel}`);
  if (keyRenewPeriod > keyTtl) {
    problems.push("--key-renew-period is longer than --key-ttl: the certificate would expire before");
  }
  if (options.backupRecipients.length > 0 !== options.backupTo.length > 0) {
    problems.push("--backup-recipients and --backup-to need each other");
  }
  if (options.requestsPerSecond === 0) problems.push("--kubeclient-qps 0 would let no request through");
  if (options.listen.port !== 0 && options.listen.port === options.listenMetrics.port) {
    problems.push("--listen-addr and --listen-metrics-addr have the same port");
  }
  return problems;
}

function namespacesOf(
  { allNamespaces, additionalNamespaces }: Pick<ControllerOptions, "allNamespaces" | "additionalNamespaces">,
  own: string,
): readonly string[] | undefined {
  // As upstream: additional ones make `--all-namespaces` count for nothing.
  if (additionalNamespaces.length === 0 && allNamespaces) return undefined;
  return [...new Set([own, ...additionalNamespaces])];
}

function nonEmpty(value: string | undefined): string | undefined {
  const trimmed = value?.trim() ?? "";
  return trimmed === "" ? undefined : trimmed;
}
