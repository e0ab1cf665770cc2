import { KsealError } from "../errors.ts";
import type { Scope } from "../sealed/scope.ts";
import { readSealedSecret } from "../sealed/sealed-secret.ts";
import {
  type CertificateFinder,
  type CertificateFlags,
  certificateFinder,
  type SealingTarget,
  sealingTarget,
} from "./certificate.ts";
import type { ClusterFlags } from "./cluster-flags.ts";
import type { OpContext } from "./context.ts";
import { type FileText, readText } from "./load-file.ts";
import { mapFiles } from "./map-files.ts";
import { mayHoldSecrets } from "./seal-manifest.ts";
import { type SelectedFile, selectLike } from "./select-files.ts";
import { sealingKeysAtHand } from "./unseal-values.ts";
import { entriesAt } from "./verify-fields.ts";
import { type JudgedFile, type JudgedObject, judgeFile } from "./verify-file.ts";
import { defect, type Finding } from "./verify-finding.ts";
import { scopeOfObject } from "./verify-metadata.ts";
import { movedValues } from "./verify-moved.ts";
import { askClusters, type ObjectOpening, refusedByCluster, tryKeys } from "./verify-opening.ts";

export interface VerifyOptions {
  /** Files and folders; `-` for standard input. */
  readonly paths: readonly string[];
  /** Backups of sealing keys to open the values with. */
  readonly keys: readonly string[];
  /** Asks the cluster whether it can open them; of each file the one of its rule unless flags choose one. */
  readonly online: boolean;
  readonly cert?: string | undefined;
  readonly certFingerprint?: string | undefined;
  readonly cluster?: ClusterFlags | undefined;
  /** The name that decides format and rule, for standard input. */
  readonly nameOverride?: string | undefined;
}

/** A SealedSecret that was looked at. */
export interface VerifiedObject {
  readonly file: string;
  readonly line: number;
  /** `namespace/name`. */
  readonly object: string;
  readonly scope: Scope;
  /** Names of the sealed values. */
  readonly items: readonly string[];
  /** What opened them, when keys were given. */
  readonly keys: ObjectOpening["keys"] | undefined;
  /** Whether the cluster opens it, when it was asked. */
  readonly opensInCluster: boolean | undefined;
}

export interface VerifyResult {
  readonly files: number;
  readonly objects: readonly VerifiedObject[];
  /** By file and line. */
  readonly findings: readonly Finding[];
}

/**
 * Judges SealedSecrets: without a key what can be seen from outside, and with keys or a cluster whether they open. Of a
 * folder every file that may hold one, and Secrets in clear where a sealing rule says that SealedSecrets belong.
 *
 * @throws KsealError only for what keeps it from looking: files, keys or a certificate that cannot be read, `CLUSTER_*`.
 */
export async function verifyFiles(options: VerifyOptions, context: OpContext): Promise<VerifyResult> {
  const sources = await selectLike(
    options.paths,
    { looksRight: mayConcernSealed, missing: "no SealedSecret in this folder" },
    context,
  );
  const certificates = certificateFinder(certificateFlags(options), context);
  const judged = await mapFiles(
    sources,
    (source) => judgeSource(source, { options, certificates }, context),
    { signal: context.signal, onProgress: context.onProgress },
  );
  const files = judged.filter((one) => one !== undefined);
  const objects = files.flatMap(({ file, target }) =>
    file.objects.map((object): readonly [JudgedObject, SealingTarget | undefined] => [object, target]),
  );
  const all = objects.map(([object]) => object);
  const keys = await sealingKeysAtHand(options.keys, context);
  const openings = keys === undefined ? undefined : await tryKeys(all, keys, context);
  const answers =
    options.online || options.cluster !== undefined
      ? await askClusters(objects, options.cluster, context)
      : undefined;
  const findings = [
    ...files.flatMap(({ file }) => file.findings),
    ...movedValues(all),
    ...[...(openings?.values() ?? [])].flatMap((opening) => opening.findings),
    ...[...(answers ?? [])].filter(([, opens]) => !opens).map(([object]) => refusedByCluster(object)),
  ];
  return {
    files: files.length,
    objects: all.map((object) => ({
      file: object.file,
      line: object.line,
      object: object.place,
      scope: scopeOfObject(object.object),
      items: entriesAt(object.object, ["spec", "encryptedData"]).map(([name]) => name),
      keys: openings?.get(object)?.keys,
      opensInCluster: answers?.get(object),
    })),
    findings: inOrder(
      withUnreadable(all, findings),
      files.map(({ file }) => file.file),
    ),
  };
}

// A certificate of the cluster is not asked for: what is compared is the one at hand.
function certificateFlags({ cert, certFingerprint }: VerifyOptions): CertificateFlags {
  return { cert, certFingerprint };
}

interface SourceJudging {
  readonly options: VerifyOptions;
  readonly certificates: CertificateFinder;
}

async function judgeSource(
  source: SelectedFile,
  { options, certificates }: SourceJudging,
  context: OpContext,
): Promise<{ readonly file: JudgedFile; readonly target: SealingTarget | undefined } | undefined> {
  if (source.found && !/\.(ya?ml|json)$/i.test(source.file)) return undefined;
  const nameOverride = source.path === undefined ? options.nameOverride : undefined;
  const text = await readText(source, { nameOverride }, context);
  if (source.found && isHelmTemplate(text.bytes)) {
    context.log.warn(
      `${source.file}: it is a template of Helm and was not looked at; check what it renders to`,
    );
    return undefined;
  }
  const ruled = source.path ?? nameOverride ?? "-";
  const target = await sealingTarget(ruled, context);
  const file = await judgeFile(text, {
    scope: target?.rule.scope,
    modulusLength: await modulusLengthFor(ruled, text, { options, certificates }, context),
    isForSealed: !source.found || target !== undefined,
    wasNamed: !source.found,
  });
  const isMeant = file.objects.length > 0 || file.findings.length > 0 || !source.found;
  return isMeant ? { file, target } : undefined;
}

/** The length of the modulus of the certificate for a file. Without one nothing is compared. */
async function modulusLengthFor(
  ruled: string,
  { file }: FileText,
  { options, certificates }: SourceJudging,
  { log }: OpContext,
): Promise<number | undefined> {
  try {
    const { certificate } = await certificates.find(ruled);
    return certificate.modulusLength;
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    if (options.cert !== undefined || error.code === "CONFIG_INVALID") throw error;
    if (error.code === "CONFIG_NOT_FOUND") return undefined;
    log.warn(`${file}: not compared with the certificate of its rule: ${error.message}`);
    return undefined;
  }
}

/** A cheap look, for folders: whether a file may hold a SealedSecret, also a misspelt one, or a Secret in clear. */
function mayConcernSealed(bytes: Uint8Array): boolean {
  const text = new TextDecoder("latin1").decode(bytes);
  return /SealedSecret|bitnami\.com\/|encryptedData/.test(text) || mayHoldSecrets(bytes);
}

function isHelmTemplate(bytes: Uint8Array): boolean {
  const text = new TextDecoder().decode(bytes);
  return /^[^\S\n]*\{\{-?\s|\{\{-?\s*(?:\.Values|\.Release|\.Chart|include)\b/m.test(text);
}

/** What nobody can read must not pass for sound, whatever the reason. */
function withUnreadable(objects: readonly JudgedObject[], findings: readonly Finding[]): readonly Finding[] {
  const broken = objects.flatMap((object) => {
    try {
      readSealedSecret(object.object);
      return [];
    } catch (error) {
      if (!(error instanceof KsealError)) throw error;
      const isKnown = findings.some(
        ({ file, line, severity }) =>
          file === object.file && (line ?? 0) >= object.line && severity === "error",
      );
      return isKnown ? [] : [object.find(defect("type", [], error.message, error.hint))];
    }
  });
  return [...findings, ...broken];
}

function inOrder(findings: readonly Finding[], files: readonly string[]): readonly Finding[] {
  const rank = new Map(files.map((file, at) => [file, at]));
  return findings.toSorted(
    (a, b) => (rank.get(a.file) ?? 0) - (rank.get(b.file) ?? 0) || (a.line ?? 0) - (b.line ?? 0),
  );
}
