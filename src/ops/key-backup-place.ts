import { decodeBase64, encodeBase64 } from "../core/base64.ts";
import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import type { S3Store } from "../keys/s3-store.ts";
import { type JsonObject, type KubeApi, KubeError, type ObjectPath } from "../kube/api.ts";
import { field, objectField } from "../sealed/object-fields.ts";
import { below } from "./file-path.ts";

/** A place where backups of sealing keys are kept. Nothing in it is ever replaced. */
export interface BackupPlace {
  /** For messages, and as it is noted at the key: `folder /backups`, `namespace backups`, `s3://bucket/prod`. */
  readonly name: string;
  /** Puts a backup there, whole or not at all. @returns Whether it did: `false` when something has that name already. */
  put(file: string, content: Uint8Array): Promise<boolean>;
  get(file: string): Promise<Uint8Array | undefined>;
  /** The names of the backups that are there. */
  list(): Promise<readonly string[]>;
}

/** What the names of backups end in, so that `sops` and kseal take them for what they are. */
export const backupSuffix = ".sops.yaml";

const sizeLimit = 1024 * 1024;

/** Backups as files with mode 0600 in a folder: a mounted volume, or a part of a Git repository. */
export function folderBackups(
  path: string,
  host: Pick<Host, "createFile" | "readFile" | "stat" | "list" | "platform">,
): BackupPlace {
  const pathOf = (file: string): string => below(path, file, host.platform);
  const isThere = async (file: string): Promise<boolean> => (await host.stat(pathOf(file))) !== undefined;
  return {
    name: folderPlace(path),
    async put(file, content) {
      if (await isThere(file)) return false;
      try {
        await host.createFile(pathOf(file), content);
        return true;
      } catch (error) {
        // Somebody else may have made it meanwhile.
        if (error instanceof KsealError && /exists already$/.test(error.message)) return false;
        throw error;
      }
    },
    get: async (file) =>
      (await isThere(file)) ? await host.readFile(pathOf(file), { limit: sizeLimit }) : undefined,
    list: async () =>
      (await host.list(path))
        .filter(({ name, kind }) => kind === "file" && name.endsWith(backupSuffix))
        .map(({ name }) => name),
  };
}

/** How a folder is called as a place: the same with and without a slash at its end. */
export function folderPlace(path: string): string {
  return `folder ${path.replace(/(?<=.)[/\\]+$/, "")}`;
}

const backupLabel = "kseal.dev/sealing-key-backup";
const dataKey = "backup.sops.yaml";

/**
 * Backups as immutable Secrets of another namespace than the keys': what deletes one need not delete the other.
 *
 * @param options.fieldManager - Who writes, as the API server notes it.
 */
export function namespaceBackups(
  api: Pick<KubeApi, "create" | "get" | "list">,
  options: { readonly namespace: string; readonly fieldManager: string },
): BackupPlace {
  const { namespace, fieldManager } = options;
  const secrets: ObjectPath = { group: "", version: "v1", plural: "secrets", namespace };
  return {
    name: `namespace ${namespace}`,
    async put(file, content) {
      const object: JsonObject = {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: file, namespace, labels: { [backupLabel]: "true" } },
        type: backupLabel,
        immutable: true,
        data: { [dataKey]: encodeBase64(content) },
      };
      try {
        await api.create(secrets, object, { fieldManager });
        return true;
      } catch (error) {
        if (error instanceof KubeError && error.reason === "AlreadyExists") return false;
        throw error;
      }
    },
    async get(file) {
      const object = await api.get({ ...secrets, name: file });
      if (object === undefined) return undefined;
      const text = field(objectField(object, "data", ""), dataKey);
      const bytes = typeof text === "string" ? decodeBase64(text) : undefined;
      // Another Secret that has its name is no backup either, but it is there.
      return bytes ?? new Uint8Array();
    },
    async list() {
      const { items } = await api.list(secrets, { labelSelector: `${backupLabel}=true`, metadataOnly: true });
      const names = items.map((item) => field(objectField(item, "metadata", ""), "name"));
      return names.filter((name) => typeof name === "string").toSorted();
    },
  };
}

/** Backups as objects of an S3-compatible store. */
export function s3Backups(store: S3Store): BackupPlace {
  return {
    name: store.url,
    put: (file, content) => store.put(file, new TextDecoder().decode(content)),
    get: (file) => store.get(file),
    list: async () => (await store.list()).filter((name) => name.endsWith(backupSuffix)),
  };
}
