import { KsealError } from "../errors.ts";
import type { ManifestFormat } from "../formats/manifest.ts";
import { printObjects } from "../formats/manifest-print.ts";
import { labelOf } from "../sealed/open-items.ts";
import { type Scope, scopeOf } from "../sealed/scope.ts";
import { type SealedSecret, sealedSecretObject } from "../sealed/sealed-secret.ts";
import type { wrapping } from "../sealed/wrap-on-cores.ts";
import type { CertificateFinder, FoundCertificate } from "./certificate.ts";
import type { OpContext } from "./context.ts";
import type { Destination } from "./destination.ts";
import { type FileText, readText } from "./load-file.ts";
import { readObjects, type SecretFile, secretsIn } from "./seal-manifest.ts";
import { type SealingOptions, sealOne } from "./seal-object.ts";
import type { UnchangedItems } from "./seal-reuse.ts";
import type { SelectedFile } from "./select-files.ts";
import { type Result, targetOf } from "./write-result.ts";

/** One SealedSecret that was made. */
export interface SealedObject {
  readonly name: string;
  readonly namespace: string;
  readonly scope: Scope;
  readonly values: number;
  /** How many of them kept the ciphertext that they had. */
  readonly kept: number;
  /** Fields of the Secret that were left out because they hold values in clear, or only say where it came from. */
  readonly stripped: readonly string[];
}

/** The certificate that values were sealed for. */
export interface SealedFor {
  /** Of the certificate, SHA-256. */
  readonly fingerprint: string;
  /** Of its key, as OpenSSH prints it. */
  readonly keyFingerprint: string;
  /** Where it came from. */
  readonly origin: string;
  readonly cluster?: string;
}

/** Loads keys to open old values with, where the user names some. */
export async function unchangedItemsOf(
  keys: readonly string[] = [],
  context: OpContext,
): Promise<UnchangedItems | undefined> {
  if (keys.length === 0 && !context.host.env["KSEAL_SEALING_KEYS"]) return undefined;
  // Loaded when needed: sealing does without keys.
  return (await import("./seal-reuse.ts")).unchangedItemsWith(keys, context);
}

/** The certificate for a file, as a report has it. */
export function sealedFor({ certificate, origin, cluster }: FoundCertificate): SealedFor {
  const { fingerprint } = certificate;
  return {
    fingerprint,
    // Not worked out before a report has it.
    get keyFingerprint() {
      return certificate.keyFingerprint;
    },
    origin,
    ...(cluster === undefined ? {} : { cluster }),
  };
}

/** A file of Secrets that was read. */
export interface ReadSource {
  readonly file: string;
  readonly source: SelectedFile;
  readonly text: FileText;
  readonly secrets: SecretFile;
}

/** Reads one file. @throws KsealError as {@link secretsIn}. */
export async function readSource(
  source: SelectedFile,
  {
    nameOverride,
    inputType,
  }: { readonly nameOverride?: string | undefined; readonly inputType?: ManifestFormat | undefined },
  context: OpContext,
): Promise<ReadSource> {
  const text = await readText(source, source.path === undefined ? { nameOverride } : {}, context);
  const manifest = await readObjects(text, inputType, context);
  return { file: source.file, source, text, secrets: secretsIn(manifest, source.file) };
}

/** What all files of a run have in common. */
export interface Sealing extends SealingOptions {
  readonly destination: Destination;
  /** Missing when no keys are at hand. */
  readonly unchanged: UnchangedItems | undefined;
  /** That of every file; that of its name or input when missing. */
  readonly format: ManifestFormat | undefined;
  readonly certificates: CertificateFinder;
  readonly wrapFor: ReturnType<typeof wrapping>;
  /** What has been said once. */
  readonly warned: Set<string>;
}

/** The SealedSecrets of one file. */
export interface SealedSource extends Result {
  readonly objects: readonly SealedObject[];
  readonly certificate: SealedFor;
}

/** Seals the Secrets of one file. */
export async function sealSource(
  { source, text, secrets: file }: ReadSource,
  sealing: Sealing,
  context: OpContext,
): Promise<SealedSource> {
  const { destination } = sealing;
  // As the user named it: errors name it, too.
  const name = source.path === undefined ? text.name || "-" : source.file;
  const found = await sealing.certificates.find(name, targetOf(source, destination, context));
  for (const warning of found.warnings) warnOnce(warning, sealing, context);
  const old = await oldObjects(source, sealing, context);
  const random = (length: number) => context.host.random(length);
  const wrap = sealing.wrapFor(found.certificate.publicKey);
  const to = { certificate: found.certificate, scope: found.scope, random, wrap };
  const sealed = await Promise.all(
    file.secrets.map(async ({ secret, line }) => {
      try {
        const made = await sealOne(secret, sealing, to);
        return { ...made, ...(await keepUnchanged(made.sealed, secret.data, { ...sealing, old, found })) };
      } catch (error) {
        throw error instanceof KsealError && line !== undefined ? error.at({ line }) : error;
      }
    }),
  );
  return {
    source,
    expect: text.bytes,
    content: printObjects(
      sealed.map((one) => sealedSecretObject(one.sealed)),
      sealing.format ?? formatOfTarget(source, destination) ?? file.format,
    ),
    objects: sealed.map(({ sealed: { metadata, encryptedData }, kept, stripped }) => ({
      name: metadata.name,
      namespace: metadata.namespace,
      scope: scopeOf(metadata.annotations),
      values: encryptedData.size,
      kept,
      stripped,
    })),
    certificate: sealedFor(found),
  };
}

/** Puts the ciphertext of values that did not change in place of the new one. */
async function keepUnchanged(
  sealed: SealedSecret,
  values: ReadonlyMap<string, Uint8Array>,
  {
    old,
    unchanged,
    found,
  }: { old: readonly SealedSecret[]; unchanged: UnchangedItems | undefined; found: FoundCertificate },
): Promise<{ readonly sealed: SealedSecret; readonly kept: number }> {
  const { name, namespace } = sealed.metadata;
  const twin = old.find(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
  if (unchanged === undefined || twin === undefined || labelOf(twin) !== labelOf(sealed)) {
    return { sealed, kept: 0 };
  }
  const kept = await unchanged(twin, values, found.certificate);
  return {
    sealed: { ...sealed, encryptedData: new Map([...sealed.encryptedData, ...kept]) },
    kept: kept.size,
  };
}

/** What stands where the SealedSecrets go; asked only when keys are at hand. */
async function oldObjects(
  source: SelectedFile,
  { destination, unchanged }: Sealing,
  context: OpContext,
): Promise<readonly SealedSecret[]> {
  const { host } = context;
  const target = unchanged === undefined ? undefined : targetOf(source, destination, context);
  const path = target === undefined ? undefined : host.resolve(target);
  if (target === undefined || path === undefined || (await host.stat(path))?.kind !== "file") return [];
  const { sealedSecretsIn } = await import("./seal-reuse.ts");
  return sealedSecretsIn(await host.readFile(path), target);
}

function formatOfTarget(source: SelectedFile, destination: Destination): ManifestFormat | undefined {
  const name = destination.to === "file" ? destination.path : source.file;
  if (destination.to === "caller") return undefined;
  if (/\.ya?ml$/.test(name)) return "yaml";
  return name.endsWith(".json") ? "json" : undefined;
}

function warnOnce(text: string, { warned }: Sealing, { log }: OpContext): void {
  if (!warned.has(text)) log.warn(text);
  warned.add(text);
}
