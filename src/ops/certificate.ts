import { isNetworkAddress } from "../config/certificate-place.ts";
import type { SealingCluster, SealingRule } from "../config/sealing.ts";
import { KsealError } from "../errors.ts";
import type { Certificate } from "../sealed/certificate.ts";
import type { Scope } from "../sealed/scope.ts";
import { type CertificateText, chosenFrom, pinOf, readPlace, refuseUnpinned } from "./certificate-source.ts";
import type { ClusterFlags } from "./cluster-flags.ts";
import type { OpContext } from "./context.ts";
import { seenFrom } from "./file-path.ts";
import { openRuleBook, type RuleBook } from "./rule-book.ts";

/** Which certificate is meant. */
export interface CertificateFlags {
  /** `--cert`: a file or an address (`file`, `https`, `http`). */
  readonly cert?: string | undefined;
  /** `--cert-fingerprint`: the certificate has to be this one. */
  readonly certFingerprint?: string | undefined;
  /** `--fetch`: the certificate that the cluster serves now, and not the one that the rule names. */
  readonly fetch?: boolean | undefined;
  /** Given only when a flag chose a cluster; it is then asked, as with `fetch`. */
  readonly cluster?: ClusterFlags | undefined;
}

/** A valid certificate, and what the rule for the file says besides. */
export interface FoundCertificate {
  readonly certificate: Certificate;
  /** The scope that the rule wants. */
  readonly scope?: Scope | undefined;
  /** Where it is from, for messages: a path, an address, `the cluster of context prod-admin`. */
  readonly origin: string;
  /** The name of the cluster in `.sops.yaml`. */
  readonly cluster?: string | undefined;
  /** What to tell the user, without the name of the file. */
  readonly warnings: readonly string[];
}

/** What the rules of `.sops.yaml` say about sealing one file. */
export interface SealingTarget {
  /** The folder that the certificate's path is relative to. */
  readonly folder: string;
  /** The path of the `.sops.yaml`. */
  readonly config: string;
  readonly rule: SealingRule;
}

/**
 * Finds the certificate to seal a file for: that of `--cert`, else the one the cluster serves when a flag asks for it
 * (`--fetch`, or any that chooses a cluster), else the one that the first matching rule of `.sops.yaml` names. Nothing is
 * asked of a cluster unless the user says so. A fingerprint that the rule pins holds for what the cluster serves, too.
 *
 * @param options.file - The path that decides the rule, absolute or relative to the working folder; `-` for standard
 *   input, which rules without `path_regex` match.
 * @throws KsealError `CERTIFICATE_INVALID` when it is unreadable, not RSA, expired, not yet valid or not the pinned one;
 *   `CONFIG_NOT_FOUND` when nothing says for which cluster; `CLUSTER_*`.
 */
export async function findCertificate(
  options: CertificateFlags & { readonly file: string },
  context: OpContext,
): Promise<FoundCertificate> {
  return certificateFinder(options, context).find(options.file);
}

/** What the rules of `.sops.yaml` say about sealing a file. */
export function sealingTarget(file: string, context: OpContext): Promise<SealingTarget | undefined> {
  return targetIn(openRuleBook(context), file, context);
}

async function targetIn(
  rules: RuleBook,
  file: string,
  { host }: OpContext,
): Promise<SealingTarget | undefined> {
  const path = host.resolve(file);
  const config = await rules.configFor(path);
  if (config === undefined) return undefined;
  const { matchSealingRule } = await import("../config/match.ts");
  const rule = matchSealingRule(config, path, host);
  return rule && { folder: host.resolve(config.path, ".."), config: config.path, rule };
}

/** Finds certificates for the files of a run. */
export interface CertificateFinder {
  /**
   * @param file - As that of {@link findCertificate}.
   * @param written - Where the SealedSecrets go, when that is elsewhere: the rule for that place holds, if there is one.
   */
  find(file: string, written?: string): Promise<FoundCertificate>;
}

/** {@link findCertificate} for several files: every certificate and every `.sops.yaml` is read once. */
export function certificateFinder(flags: CertificateFlags, context: OpContext): CertificateFinder {
  const rules = openRuleBook(context);
  const read = new Map<string, Promise<CertificateText>>();
  const pin = pinOf(flags.certFingerprint);

  const once = (key: string, load: () => Promise<CertificateText>): Promise<CertificateText> => {
    const known = read.get(key) ?? load();
    read.set(key, known);
    return known;
  };

  const ofFlag = async (place: string): Promise<FoundCertificate> => {
    refuseUnpinned(place, pin);
    return found(await once(place, () => readPlace(place, context)), pin, context);
  };

  const ofRule = async (file: string, target: SealingTarget | undefined): Promise<FoundCertificate> => {
    const cluster = target?.rule.cluster;
    const asksCluster = flags.fetch === true || flags.cluster !== undefined;
    const wanted = pin ?? cluster?.fingerprint;
    if (asksCluster) {
      const text = await once(`cluster ${cluster?.name ?? ""}`, async () => {
        const { certificateOfCluster } = await import("./certificate-of-cluster.ts");
        return certificateOfCluster({ flags: flags.cluster, cluster }, context);
      });
      return { ...found(text, wanted, context), cluster: cluster?.name };
    }
    const place = target && placeOf(target, context);
    if (place === undefined) throw noCertificate(file, cluster);
    refuseUnpinned(place, wanted);
    const text = await once(place, () => readPlace(place, context));
    return { ...found(text, wanted, context), cluster: cluster?.name };
  };

  return {
    async find(file, written) {
      const there = written === undefined ? undefined : await targetIn(rules, written, context);
      const target = there ?? (await targetIn(rules, file, context));
      const result = await (flags.cert === undefined ? ofRule(file, target) : ofFlag(flags.cert));
      return { ...result, scope: target?.rule.scope };
    },
  };
}

/** The place of a rule's certificate as a path or address; `undefined` when the rule names none. */
export function placeOf(
  { folder, rule }: Pick<SealingTarget, "folder"> & { readonly rule: Pick<SealingRule, "cluster"> },
  { host }: Pick<OpContext, "host">,
): string | undefined {
  const place = rule.cluster?.certificate;
  if (place === undefined) return undefined;
  return isNetworkAddress(place) || /^file:/i.test(place)
    ? place
    : seenFrom(host.cwd, host.resolve(folder, place), host.platform);
}

function found(text: CertificateText, pin: string | undefined, context: OpContext): FoundCertificate {
  const certificate = chosenFrom(text, pin, context);
  return { certificate, origin: text.origin, warnings: expiryWarning(certificate, context.host.now()) };
}

const day = 24 * 60 * 60 * 1000;
const soon = 30 * day;

/** Tells in time. That a certificate is not the newest is said by `cert check`: older ones seal as well. */
function expiryWarning({ notAfter }: Certificate, now: number): readonly string[] {
  if (notAfter - now > soon) return [];
  const days = Math.floor((notAfter - now) / day);
  const when = days === 0 ? "within a day" : days === 1 ? "in 1 day" : `in ${days} days`;
  return [`the certificate expires ${when}`];
}

function noCertificate(file: string, cluster: SealingCluster | undefined): KsealError {
  if (cluster !== undefined) {
    return new KsealError(
      "CONFIG_NOT_FOUND",
      `the cluster ${cluster.name} has no certificate in .sops.yaml`,
      {
        hint: "ask the cluster itself with --fetch, or keep its certificate: kseal cert pin",
        where: { file },
      },
    );
  }
  return new KsealError("CONFIG_NOT_FOUND", "nothing says for which cluster to seal", {
    hint: "name its certificate: --cert FILE, ask the cluster: --fetch,\nor add a rule to .sops.yaml: kseal cert pin",
    where: { file },
  });
}
