import { KsealError } from "../errors.ts";
import { type JsonObject, type KubeApi, KubeError } from "../kube/api.ts";
import { KeySearch } from "../sealed/key-search.ts";
import { field, objectField } from "../sealed/object-fields.ts";
import { readSealedSecret, type SealedSecret } from "../sealed/sealed-secret.ts";
import type { SealingKey } from "../sealed/sealing-key.ts";
import { placeOf } from "../sealed/secret.ts";
import { unwrapOnCores } from "../sealed/unwrap-on-cores.ts";
import type { OpContext } from "./context.ts";
import { mapFiles } from "./map-files.ts";
import { readSealedFiles, selectSealed } from "./unseal-objects.ts";

/** Where a SealedSecret was found. */
export interface SealedPlace {
  /** `the cluster`, or the file. */
  readonly file: string;
  /** `namespace/name`. */
  readonly place: string;
}

/** What a key opens. */
export interface KeyUse {
  /** With the number of values that the key opens in each. */
  readonly objects: readonly (SealedPlace & { readonly values: number })[];
}

/** Which keys are needed for what. */
export interface KeyUses {
  /** By fingerprint; keys that open nothing are not in it. */
  readonly byKey: ReadonlyMap<string, KeyUse>;
  /** How many SealedSecrets were looked at. */
  readonly objects: number;
  /** Those with a value that none of the keys opens. */
  readonly closed: readonly SealedPlace[];
  /** What could not be looked at, in words: then a key may be needed for more. */
  readonly unseen: readonly string[];
  /** The objects of the cluster that were looked at, each at its version. */
  readonly seen: ReadonlySet<string>;
}

interface Sealed extends SealedPlace {
  readonly sealed: SealedSecret;
}

/**
 * Tries keys on every SealedSecret of a cluster and of files. Values are not opened: which key unwraps their session
 * key is all that is asked.
 *
 * @param options.keys - Newest first.
 * @param options.api - The cluster; only files are looked at without it.
 * @param options.paths - Files and folders.
 * @param options.except - Objects of the cluster that were looked at before, and have not changed since.
 */
export async function keyUses(
  options: {
    readonly keys: readonly SealingKey[];
    readonly api?: Pick<KubeApi, "list"> | undefined;
    readonly paths: readonly string[];
    readonly except?: ReadonlySet<string> | undefined;
  },
  context: OpContext,
): Promise<KeyUses> {
  const { keys, api, paths, except = new Set() } = options;
  const inCluster =
    api === undefined ? { found: [], unseen: [], seen: except } : await sealedInCluster(api, except);
  const inFiles = await sealedInFiles(paths, context);
  const all = [...inCluster.found, ...inFiles];
  const search = new KeySearch({ keys, unwrap: unwrapOnCores(context.host.cores) });
  const closed: SealedPlace[] = [];
  const uses = new Map<string, { objects: (SealedPlace & { values: number })[] }>();
  const opened = await mapFiles(all, async ({ sealed }) => await search.openItems(sealed), {
    signal: context.signal,
    onProgress: context.onProgress,
    noun: "SealedSecrets",
  });
  for (const [at, { file, place }] of all.entries()) {
    const { openers, failures } = opened[at] ?? { openers: new Map(), failures: [] };
    if (failures.length > 0) closed.push({ file, place });
    for (const [fingerprint, values] of Map.groupBy(openers.values(), (key) => key.fingerprint)) {
      const use = uses.get(fingerprint) ?? { objects: [] };
      use.objects.push({ file, place, values: values.length });
      uses.set(fingerprint, use);
    }
  }
  return { byKey: uses, objects: all.length, closed, unseen: inCluster.unseen, seen: inCluster.seen };
}

async function sealedInCluster(
  api: Pick<KubeApi, "list">,
  except: ReadonlySet<string>,
): Promise<Pick<KeyUses, "unseen" | "seen"> & { readonly found: readonly Sealed[] }> {
  const seen = new Set<string>();
  try {
    const { items } = await api.list({ group: "bitnami.com", version: "v1alpha1", plural: "sealedsecrets" });
    const unseen: string[] = [];
    const found = items.flatMap((item): readonly Sealed[] => {
      const version = versionOf(item);
      seen.add(version);
      if (except.has(version)) return [];
      try {
        const sealed = readSealedSecret(item);
        return [{ file: inTheCluster, place: placeOf(sealed.metadata), sealed }];
      } catch (error) {
        if (!(error instanceof KsealError)) throw error;
        unseen.push(`a SealedSecret of the cluster is broken: ${error.message}`);
        return [];
      }
    });
    return { found, unseen, seen };
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    // Without the definition there is no SealedSecret.
    if (error.status === 404) return { found: [], unseen: [], seen };
    if (error.code !== "CLUSTER_FORBIDDEN") throw error;
    return { found: [], unseen: ["the SealedSecrets of the cluster may not be listed"], seen };
  }
}

/** What stands for the file of an object of the cluster. */
export const inTheCluster = "the cluster";

function versionOf(object: JsonObject): string {
  const metadata = objectField(object, "metadata", "");
  return `${String(field(metadata, "uid"))}/${String(field(metadata, "resourceVersion"))}`;
}

async function sealedInFiles(paths: readonly string[], context: OpContext): Promise<readonly Sealed[]> {
  if (paths.length === 0) return [];
  const files = await readSealedFiles(await selectSealed({ paths }, context), undefined, context);
  return files.flatMap(({ objects }) => objects.map(({ file, place, sealed }) => ({ file, place, sealed })));
}
