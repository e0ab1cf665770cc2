import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { readManifest } from "../formats/manifest.ts";
import { below } from "./file-path.ts";
import { textsAt, valueAt } from "./verify-fields.ts";

const names = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
const pluginFields = ["generators", "transformers", "validators"];
const functionAnnotation = "config.kubernetes.io/function";
// More folders have no kustomization of anybody.
const mostFolders = 500;
const sizeLimit = 4 * 1024 * 1024;

/**
 * A file of a kustomization, or of one that it is made of, that names a function to be run. Kustomize leaves such a generator
 * out when it may not run it, and says nothing: the Secrets it would have made are then missing from the build.
 *
 * @returns The file, as the folder is spelt; `undefined` when there is none. What cannot be read is for kustomize to refuse.
 */
export async function findPlugin(folder: string, host: Host): Promise<string | undefined> {
  const seen = new Set<string>();
  const waiting: Folder[] = [{ folder, ofPlugins: false }];
  for (let next = waiting.shift(); next !== undefined && seen.size < mostFolders; next = waiting.shift()) {
    const path = host.resolve(next.folder);
    if (seen.has(path)) continue;
    seen.add(path);
    const { plugin, folders } = await lookInto(next, host);
    if (plugin !== undefined) return plugin;
    waiting.push(...folders);
  }
  return undefined;
}

interface Folder {
  readonly folder: string;
  /** Whether its resources are generators themselves. */
  readonly ofPlugins: boolean;
}

async function lookInto(
  { folder, ofPlugins }: Folder,
  host: Host,
): Promise<{ readonly plugin?: string; readonly folders: readonly Folder[] }> {
  const file = await kustomizationIn(folder, host);
  if (file === undefined) return { folders: [] };
  const [kustomization] = await objectsOf(file, host);
  const folders: Folder[] = [];
  for (const field of ["resources", "bases", "components", ...pluginFields]) {
    const isPlugins = ofPlugins || pluginFields.includes(field);
    for (const entry of textsIn(kustomization, field)) {
      const own = below(folder, entry, host.platform);
      if (entry.includes("\n")) {
        if (isPlugins && entry.includes(functionAnnotation)) return { plugin: file, folders };
      } else if (await isFolder(own, host)) folders.push({ folder: own, ofPlugins: isPlugins });
      else if (isPlugins && (await objectsOf(own, host)).some(isFunction)) return { plugin: own, folders };
    }
  }
  return { folders };
}

/** The file of a folder's kustomization, as the folder is spelt; `undefined` when it is none. */
export async function kustomizationIn(folder: string, host: Host): Promise<string | undefined> {
  for (const name of names) {
    const file = below(folder, name, host.platform);
    if ((await host.stat(host.resolve(file)))?.kind === "file") return file;
  }
  return undefined;
}

async function objectsOf(file: string, host: Host): Promise<readonly unknown[]> {
  try {
    const bytes = await host.readFile(host.resolve(file), { limit: sizeLimit });
    return (await readManifest(bytes, { file, format: "yaml" })).documents.map(({ object }) => object);
  } catch (error) {
    if (error instanceof KsealError) return [];
    throw error;
  }
}

async function isFolder(path: string, host: Host): Promise<boolean> {
  try {
    return (await host.stat(host.resolve(path)))?.kind === "folder";
  } catch (error) {
    if (error instanceof KsealError) return false;
    throw error;
  }
}

function isFunction(object: unknown): boolean {
  return textsAt(object, ["metadata", "annotations"]).has(functionAnnotation);
}

function textsIn(object: unknown, field: string): readonly string[] {
  const value = valueAt(object, [field]);
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
