import { KsealError } from "../errors.ts";
import { editManifest, type ManifestFormat } from "../formats/manifest.ts";
import type { Certificate } from "../sealed/certificate.ts";
import type { Scope } from "../sealed/scope.ts";
import { type CertificateFlags, certificateFinder, sealingTarget } from "./certificate.ts";
import { type ClusterFlags, controllerOf } from "./cluster-flags.ts";
import type { OpContext } from "./context.ts";
import { mapFiles } from "./map-files.ts";
import { resealInCluster } from "./reseal-in-cluster.ts";
import { type ResealedItem, type ResealedObject, resealObject } from "./reseal-object.ts";
import type { LoadedKey } from "./sealing-keys.ts";
import type { FileScope } from "./select-files.ts";
import { type FoundSealed, readSealedFiles, type SealedFile, selectSealed } from "./unseal-objects.ts";
import { type KeysAtHand, openObjects, placed, sealingKeysAtHand } from "./unseal-values.ts";
import { withLocks, writeResults } from "./write-result.ts";

export interface ResealOptions extends CertificateFlags, FileScope {
  /** Files and folders with sealing keys; those of the environment when empty. Without any the cluster is asked. */
  readonly keys: readonly string[];
  /** A narrower scope than the objects have; one that is wider is refused. */
  readonly scope?: Scope | undefined;
  /** Also values that are sealed for the certificate already. */
  readonly force?: boolean | undefined;
  readonly inputType?: ManifestFormat | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface ResealedFile {
  readonly file: string;
  readonly changed: boolean;
  readonly objects: readonly ResealReport[];
}

export interface ResealReport {
  readonly namespace: string;
  readonly name: string;
  readonly items: readonly (ResealedItem & {
    /** The key it was sealed for: its Secret, or the file that it came from. */
    readonly key?: string | undefined;
  })[];
  /** It was from before version 0.7. */
  readonly upgraded: boolean;
}

/**
 * Seals the values of SealedSecrets anew for a cluster's newest key. Nothing else of the files changes, and values that
 * are sealed for that key keep their ciphertext. All files are prepared before any is replaced.
 *
 * Values are opened with sealing keys, and then sealed for the certificate that flags or rules name, else for the newest
 * of these keys. Without keys the controller of a cluster does both, when a flag chooses one.
 *
 * @throws KsealError `SEALED_NO_KEY`, `SEALED_INVALID`, `CERTIFICATE_INVALID`, `CLUSTER_*`, ...; no file is touched then.
 */
export async function resealFiles(
  options: ResealOptions,
  context: OpContext,
): Promise<readonly ResealedFile[]> {
  const atHand = await sealingKeysAtHand(options.keys, context);
  const { cluster } = options;
  if (atHand === undefined && cluster === undefined) throw nothingOpens();
  const sources = await selectSealed(options, context);
  return withLocks(sources, options.dryRun !== true, context, async () => {
    const files = await readSealedFiles(sources, options.inputType, context);
    const resealed =
      atHand === undefined
        ? await throughCluster(files, options, cluster, context)
        : await withKeys(files, atHand, options, context);
    return await write(files, { resealed, keys: atHand?.keys ?? [] }, options, context);
  });
}

function nothingOpens(): KsealError {
  return new KsealError("USAGE", "nothing is named that opens the values", {
    hint: "name a backup of the cluster's keys: --key FILE, or in KSEAL_SEALING_KEYS;\nor a cluster whose controller does it: --context NAME",
  });
}

type Resealed = ReadonlyMap<FoundSealed, ResealedObject>;

async function withKeys(
  files: readonly SealedFile[],
  atHand: KeysAtHand,
  options: ResealOptions,
  context: OpContext,
): Promise<Resealed> {
  const certificates = await targetsOf(files, atHand, options, context);
  const all = files.flatMap((file) => file.objects);
  const { random } = context.host;
  const resealed = await openObjects(
    all,
    atHand.keys,
    (found, opened) => {
      const certificate = certificates.get(found.file) ?? atHand.newest.certificate;
      if (certificate === undefined) throw new TypeError("a file has no certificate");
      return resealObject(found, opened, {
        certificate,
        random,
        scope: options.scope,
        force: options.force ?? false,
      });
    },
    context,
  );
  return new Map(all.flatMap((found, at) => (resealed[at] === undefined ? [] : [[found, resealed[at]]])));
}

/** The certificate of each file: as flags and rules say, else that of the newest key at hand. */
async function targetsOf(
  files: readonly SealedFile[],
  { newest }: KeysAtHand,
  options: ResealOptions,
  context: OpContext,
): Promise<ReadonlyMap<string, Certificate>> {
  const finder = certificateFinder(options, context);
  const said = new Set<string>();
  const say = (text: string, how: "info" | "warn"): void => {
    if (!said.has(text)) context.log[how](text);
    said.add(text);
  };
  const found = await mapFiles(
    files.map(({ source: { file } }) => ({ file })),
    async ({ file }) => {
      try {
        const { certificate, warnings } = await finder.find(file);
        for (const warning of warnings) say(warning, "warn");
        return [file, certificate] as const;
      } catch (error) {
        const { certificate } = newest;
        const isUnknown = error instanceof KsealError && error.code === "CONFIG_NOT_FOUND";
        if (!isUnknown || certificate === undefined) throw error;
        say(`sealing for the newest key at hand, ${newest.name === "" ? newest.file : newest.name}`, "info");
        return [file, certificate] as const;
      }
    },
    { signal: context.signal },
  );
  return new Map(found);
}

async function throughCluster(
  files: readonly SealedFile[],
  options: ResealOptions,
  cluster: ClusterFlags | undefined,
  context: OpContext,
): Promise<Resealed> {
  if (options.scope !== undefined || options.dryRun === true) {
    throw new KsealError("USAGE", "only with keys can a scope change, or be said what would", {
      hint: "name a backup of the cluster's keys: --key FILE",
    });
  }
  if (context.kube === undefined) throw nothingOpens();
  const api = await context.kube(cluster?.options ?? {});
  const all = files.flatMap((file) => file.objects);
  const resealed = await mapFiles(
    all,
    async (found) => {
      const target = await sealingTarget(found.file, context);
      const controller = controllerOf(cluster, target?.rule.cluster?.controller);
      try {
        return await resealInCluster(found, api, controller);
      } catch (error) {
        throw error instanceof KsealError ? placed(error, found) : error;
      }
    },
    { signal: context.signal, onProgress: context.onProgress, noun: "SealedSecrets" },
  );
  return new Map(all.flatMap((found, at) => (resealed[at] === undefined ? [] : [[found, resealed[at]]])));
}

async function write(
  files: readonly SealedFile[],
  { resealed, keys }: { readonly resealed: Resealed; readonly keys: readonly LoadedKey[] },
  { dryRun }: ResealOptions,
  context: OpContext,
): Promise<readonly ResealedFile[]> {
  const prepared = await mapFiles(
    files.map((file) => ({ file: file.source.file, of: file })),
    async ({ of: { manifest, objects, source, text } }) => {
      const edits = objects.flatMap((found) => resealed.get(found)?.edits ?? []);
      const content = edits.length === 0 ? undefined : await editManifest(manifest, edits);
      return {
        source,
        content,
        expect: text.bytes,
        reports: objects.map((found) => report(found, resealed.get(found), keys)),
      };
    },
    { signal: context.signal },
  );
  const results = prepared.flatMap(({ content, ...rest }) =>
    content === undefined ? [] : [{ ...rest, content }],
  );
  await writeResults(results, { to: "in-place" }, { dryRun, plaintext: false }, context);
  return prepared.map(({ source, content, reports }) => ({
    file: source.file,
    changed: content !== undefined,
    objects: reports,
  }));
}

function report(
  found: FoundSealed,
  resealed: ResealedObject | undefined,
  keys: readonly LoadedKey[],
): ResealReport {
  const { namespace, name } = found.sealed.metadata;
  const { items = [], upgraded = false } = resealed ?? {};
  const keyOf = (fingerprint: string | undefined): { readonly key?: string } => {
    const key = keys.find((one) => one.fingerprint === fingerprint);
    return key === undefined ? {} : { key: key.name === "" ? key.file : key.name };
  };
  return { namespace, name, items: items.map((item) => ({ ...item, ...keyOf(item.fingerprint) })), upgraded };
}
