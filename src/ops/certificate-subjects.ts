import { nearest } from "../config/did-you-mean.ts";
import type { Config } from "../config/rules.ts";
import type { SealingCluster } from "../config/sealing.ts";
import { KsealError } from "../errors.ts";
import { type CertificateFlags, placeOf, sealingTarget } from "./certificate.ts";
import { certificateOfCluster } from "./certificate-of-cluster.ts";
import { type CertificateText, pinOf, readPlace } from "./certificate-source.ts";
import type { OpContext } from "./context.ts";
import { openRuleBook } from "./rule-book.ts";

/** Which certificates `kseal cert` is about. */
export interface SubjectOptions extends Omit<CertificateFlags, "cert"> {
  /** A file, or an address with `file`, `https` or `http`. */
  readonly place?: string | undefined;
  /** A cluster of `.sops.yaml`. */
  readonly name?: string | undefined;
  /** A file whose sealing rule decides. */
  readonly forFile?: string | undefined;
}

/** One certificate to look at, before it is read. */
export interface CertificateSubject {
  /** How it is called in reports: `prod`, `certs/prod.pem`. */
  readonly title: string;
  readonly cluster: SealingCluster | undefined;
  /** What it has to be, in the spelling of `Certificate.fingerprint`. */
  readonly pin: string | undefined;
  /** Reads the certificate that is kept; `undefined` when none is. */
  readonly kept: (() => Promise<CertificateText>) | undefined;
  /** Asks the cluster for the one that it serves now. */
  readonly served: () => Promise<CertificateText>;
}

/**
 * The certificates that a command line means: that of a place, of a cluster, of the rule for a file, or, when it names
 * nothing, of every cluster in the `.sops.yaml` of the working folder.
 *
 * @throws KsealError `CONFIG_NOT_FOUND` when there is none; `USAGE` for two answers to the same question.
 */
export async function certificateSubjects(
  options: SubjectOptions,
  context: OpContext,
): Promise<readonly [CertificateSubject, ...CertificateSubject[]]> {
  const { place, name, forFile } = options;
  if ([place, name, forFile].filter((one) => one !== undefined).length > 1) {
    throw new KsealError("USAGE", "a certificate, --name and --for exclude each other");
  }
  const pin = pinOf(options.certFingerprint);
  if (place !== undefined) {
    const kept = () => readPlace(place, context);
    return [{ title: place, cluster: undefined, pin, kept, served: servedBy(undefined, options, context) }];
  }
  if (forFile !== undefined) {
    const target = await sealingTarget(forFile, context);
    const cluster = target?.rule.cluster;
    if (target === undefined || cluster === undefined) throw noRule(forFile);
    return [subjectOf(cluster, target.folder, { options, pin }, context)];
  }
  const config = await configHere(context);
  const folder = config && context.host.resolve(config.path, "..");
  const clusters = config?.sealing.clusters ?? [];
  const wanted = name === undefined ? clusters : [clusterNamed(name, clusters)];
  const [first, ...rest] = wanted.map((one) => subjectOf(one, folder ?? "", { options, pin }, context));
  // A cluster that a flag names is the subject itself, unless .sops.yaml has several to compare with.
  if (first !== undefined && (name !== undefined || options.cluster === undefined)) return [first, ...rest];
  if (options.cluster === undefined && options.fetch !== true) throw noCluster();
  const title = options.cluster?.options.context ?? "the cluster";
  return [{ title, cluster: undefined, pin, kept: undefined, served: servedBy(undefined, options, context) }];
}

/** The `.sops.yaml` of the working folder. */
export function configHere(context: OpContext): Promise<Config | undefined> {
  const { host } = context;
  return openRuleBook(context).configFor(host.resolve(host.cwd, "any"));
}

function subjectOf(
  cluster: SealingCluster,
  folder: string,
  { options, pin }: { options: SubjectOptions; pin: string | undefined },
  context: OpContext,
): CertificateSubject {
  const place = placeOf({ folder, rule: { cluster } }, context);
  return {
    title: cluster.name,
    cluster,
    pin: pin ?? cluster.fingerprint,
    kept: place === undefined ? undefined : () => readPlace(place, context),
    served: servedBy(cluster, options, context),
  };
}

function servedBy(
  cluster: SealingCluster | undefined,
  { cluster: flags }: SubjectOptions,
  context: OpContext,
): () => Promise<CertificateText> {
  return () => certificateOfCluster({ flags, cluster }, context);
}

function clusterNamed(name: string, clusters: readonly SealingCluster[]): SealingCluster {
  const found = clusters.find((cluster) => cluster.name === name);
  if (found !== undefined) return found;
  const names = clusters.map((cluster) => cluster.name);
  const meant = nearest(name, names);
  throw new KsealError("CONFIG_NOT_FOUND", `.sops.yaml has no cluster ${JSON.stringify(name)}`, {
    hint:
      meant !== undefined
        ? `did you mean ${meant}?`
        : names.length > 0
          ? `it names ${names.join(", ")}`
          : `add it: kseal cert pin --name ${name} --context CONTEXT`,
  });
}

function noRule(file: string): KsealError {
  return new KsealError("CONFIG_NOT_FOUND", "no sealing rule of .sops.yaml names a cluster for this file", {
    hint: "add one: kseal cert pin --name NAME --path-regex PATTERN",
    where: { file },
  });
}

function noCluster(): KsealError {
  return new KsealError("CONFIG_NOT_FOUND", "no certificate is named, and .sops.yaml has no clusters", {
    hint: "name a file or an address, ask a cluster: --context NAME,\nor keep the certificate of one: kseal cert pin --name NAME --context NAME",
  });
}
