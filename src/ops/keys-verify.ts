import { KsealError } from "../errors.ts";
import type { KubeApi } from "../kube/api.ts";
import { rfc3339 } from "./certificate-facts.ts";
import { clusterApi } from "./certificate-of-cluster.ts";
import { type ClusterFlags, controllerOf } from "./cluster-flags.ts";
import type { OpContext } from "./context.ts";
import { backupOfAnnotation, noteVerification } from "./key-backup-record.ts";
import { annotateKey } from "./keys-backup.ts";
import { type PlaceFlags, readPlaces } from "./keys-places.ts";
import { clusterKeys } from "./keys-secrets.ts";
import { keyUses, type SealedPlace } from "./keys-use.ts";
import { type FileText, readText } from "./load-file.ts";
import { looksEncrypted } from "./looks-encrypted.ts";
import { keysOfText, type LoadedKey } from "./sealing-keys.ts";
import { selectLike } from "./select-files.ts";

export interface VerifyBackupOptions {
  /** Files and folders with backups. */
  readonly paths: readonly string[];
  readonly places: Omit<PlaceFlags, "folder">;
  /** Files and folders with SealedSecrets that the keys in the backups have to open. */
  readonly sealed: readonly string[];
  /** A cluster, of which every key has to have a backup, and where the date of this drill is noted. */
  readonly cluster?: ClusterFlags | undefined;
  readonly dryRun: boolean;
}

/** One backup that was tried. */
interface VerifiedBackup {
  readonly file: string;
  readonly keys: readonly { readonly name: string; readonly fingerprint: string }[];
  readonly problems: readonly string[];
}

export interface VerifiedBackups {
  readonly backups: readonly VerifiedBackup[];
  /** How many SealedSecrets were tried, and those that no key of the backups opens. */
  readonly objects: number;
  readonly closed: readonly SealedPlace[];
  /** Keys of the cluster that none of the backups holds, as `namespace/name`. */
  readonly missing: readonly string[];
  /** The keys of the cluster at which the date of this drill was noted, as `namespace/name`. */
  readonly noted: readonly string[];
}

/**
 * A recovery drill: opens backups with the keys of whoever runs it, as after the loss of the cluster, which is not asked
 * for that. Each must be encrypted, open, hold a key with the certificate that belongs to it, and be what it says it is.
 *
 * @throws KsealError `USAGE` without a backup, `NO_FILE`. A backup that is not good is a problem in the result.
 */
export async function verifyBackups(
  options: VerifyBackupOptions,
  context: OpContext,
): Promise<VerifiedBackups> {
  const { paths, places, sealed, cluster, dryRun } = options;
  let api: KubeApi | undefined;
  const open = async (): Promise<KubeApi> => {
    api ??= await clusterApi({ flags: cluster, cluster: undefined }, context);
    return api;
  };
  try {
    const texts = [...(await filesOf(paths, context)), ...(await readPlaces(places, open, context))];
    if (texts.length === 0) {
      throw new KsealError("USAGE", "no backup is named", {
        hint: "name files or folders, --backup-namespace NAMESPACE or --s3 s3://BUCKET",
      });
    }
    const tried: TriedBackup[] = [];
    for (const text of texts) tried.push(await tryBackup(text, context));
    const keys = tried.flatMap(({ good }) => good);
    const { objects, closed } =
      sealed.length === 0 ? { objects: 0, closed: [] } : await keyUses({ keys, paths: sealed }, context);
    const held = new Set(keys.map(({ fingerprint }) => fingerprint));
    const compared =
      cluster === undefined
        ? { missing: [], noted: [] }
        : await compare(held, { api: await open(), cluster, dryRun, isProved: closed.length === 0 }, context);
    return { backups: tried.map(({ backup }) => backup), objects, closed, ...compared };
  } finally {
    api?.close();
  }
}

interface TriedBackup {
  readonly backup: VerifiedBackup;
  /** The keys that count: of a backup with a problem none does. */
  readonly good: readonly LoadedKey[];
}

async function tryBackup(text: FileText, context: OpContext): Promise<TriedBackup> {
  const { file } = text;
  try {
    const { keys, refused } = await keysOfText(text, context);
    const isEncrypted = looksEncrypted(text.bytes);
    // A dump of the cluster's Secrets holds keys in the envelopes that the cluster keeps them in.
    const isInClear = !isEncrypted && keys.some(({ wasWrapped }) => !wasWrapped);
    const isCut = !isEncrypted && new TextDecoder("latin1").decode(text.bytes).includes("ENC[AES256_GCM,");
    const problems = [
      ...(isInClear ? ["it is not encrypted: whoever reads it has the key"] : []),
      ...(isCut ? ["its sops block is missing"] : refused.map(({ error }) => error.message)),
      ...keys.flatMap(problemsOf),
      ...(keys.length === 0 && refused.length === 0 ? ["there is no sealing key in it"] : []),
    ];
    const found = keys.map(({ name, fingerprint }) => ({ name, fingerprint }));
    return { backup: { file, keys: found, problems }, good: problems.length === 0 ? keys : [] };
  } catch (error) {
    if (!(error instanceof KsealError) || error.code === "INTERRUPTED") throw error;
    return { backup: { file, keys: [], problems: [error.message] }, good: [] };
  }
}

function problemsOf({ certificate, fingerprint, secret }: LoadedKey): readonly string[] {
  const said = secret?.metadata.annotations.get(backupOfAnnotation);
  return [
    ...(certificate === undefined ? ["the key has no certificate with it"] : []),
    ...(said === undefined || said === fingerprint ? [] : ["it says that it is the backup of another key"]),
  ];
}

async function filesOf(paths: readonly string[], context: OpContext): Promise<readonly FileText[]> {
  if (paths.length === 0) return [];
  const files = await selectLike(
    paths,
    { looksRight: looksLikeBackup, missing: "no backup of a sealing key in this folder" },
    context,
  );
  const texts: FileText[] = [];
  for (const file of files) texts.push(await readText(file, {}, context));
  return texts;
}

/** A cheap look, for folders that hold other files of SOPS, too. */
function looksLikeBackup(bytes: Uint8Array): boolean {
  const text = new TextDecoder("latin1").decode(bytes);
  return /sealed-secrets-key|kseal\.dev\/backup-of/.test(text) && /tls\.key/.test(text);
}

async function compare(
  held: ReadonlySet<string>,
  options: {
    readonly api: KubeApi;
    readonly cluster: ClusterFlags;
    readonly dryRun: boolean;
    /** Whether the drill went well otherwise. */
    readonly isProved: boolean;
  },
  context: OpContext,
): Promise<Pick<VerifiedBackups, "missing" | "noted">> {
  const { api, cluster, dryRun, isProved } = options;
  const { namespace } = controllerOf(cluster);
  const keys = await clusterKeys(api, namespace, context);
  const [safe, missing] = [true, false].map((isHeld) =>
    keys.filter(({ fingerprint = "" }) => held.has(fingerprint) === isHeld),
  );
  const at = rfc3339(context.host.now());
  const noted = isProved ? (safe ?? []) : [];
  if (!dryRun) {
    for (const { name } of noted) await annotateKey({ api, namespace, name }, noteVerification(at), context);
  }
  const place = ({ name }: { readonly name: string }) => `${namespace}/${name}`;
  return { missing: (missing ?? []).map(place), noted: dryRun ? [] : noted.map(place) };
}
