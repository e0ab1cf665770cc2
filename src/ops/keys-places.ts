import { KsealError } from "../errors.ts";
import type { S3Options } from "../keys/s3-address.ts";
import type { KubeApi } from "../kube/api.ts";
import type { OpContext } from "./context.ts";
import { type BackupPlace, folderBackups, namespaceBackups, s3Backups } from "./key-backup-place.ts";
import { keysFieldManager } from "./keys-secrets.ts";
import type { FileText } from "./load-file.ts";

/** The places for backups that the user names. */
export interface PlaceFlags {
  /** Made when it is missing. */
  readonly folder?: string | undefined;
  readonly namespace?: string | undefined;
  readonly s3?: S3Options | undefined;
}

/**
 * Opens the places that the user names.
 *
 * @param options.api - The cluster, for backups in a namespace.
 * @param options.keysNamespace - Where the keys are: a backup beside its key is lost with it.
 * @throws KsealError `USAGE`, `KEY_SOURCE_FAILED`.
 */
export async function openPlaces(
  { folder, namespace, s3 }: PlaceFlags,
  options: { readonly api: KubeApi; readonly keysNamespace: string; readonly dryRun?: boolean },
  context: OpContext,
): Promise<readonly BackupPlace[]> {
  const { host } = context;
  const { api, keysNamespace, dryRun = false } = options;
  if (namespace === keysNamespace) {
    throw new KsealError("USAGE", `the keys themselves are in the namespace ${namespace}`, {
      hint: "a backup beside its key is lost with it: name another namespace",
    });
  }
  if (folder !== undefined && !dryRun && (await host.stat(folder)) === undefined)
    await host.makeFolder(folder);
  return [
    ...(folder === undefined ? [] : [folderBackups(folder, host)]),
    ...(namespace === undefined
      ? []
      : [namespaceBackups(api, { namespace, fieldManager: keysFieldManager })]),
    ...(s3 === undefined ? [] : [await s3Place(s3, context)]),
  ];
}

/** A backup, and the place that it is in. */
export interface PlacedText extends FileText {
  readonly place: string;
}

/**
 * The backups in the places that are no folder, as texts. Those of folders are files like any other.
 *
 * @param api - Opens the cluster, when it is needed.
 */
export async function readPlaces(
  { namespace, s3 }: Omit<PlaceFlags, "folder">,
  api: () => Promise<KubeApi>,
  context: OpContext,
): Promise<readonly PlacedText[]> {
  const places = [
    ...(namespace === undefined
      ? []
      : [namespaceBackups(await api(), { namespace, fieldManager: keysFieldManager })]),
    ...(s3 === undefined ? [] : [await s3Place(s3, context)]),
  ];
  const texts: PlacedText[] = [];
  for (const place of places) {
    const files = await place.list();
    if (files.length === 0) {
      throw new KsealError("NO_FILE", `there is no backup in ${place.name}`);
    }
    for (const file of files) {
      const bytes = await place.get(file);
      if (bytes !== undefined)
        texts.push({ file: `${place.name}/${file}`, name: file, bytes, place: place.name });
    }
  }
  return texts;
}

async function s3Place(options: S3Options, { host, settings, signal }: OpContext): Promise<BackupPlace> {
  const { openS3Store } = await import("../keys/s3-store.ts");
  return s3Backups(openS3Store(options, { host, trust: settings.trust, signal }));
}
