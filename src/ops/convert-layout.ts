import { KsealError } from "../errors.ts";
import { type Manifest, readManifest } from "../formats/manifest.ts";
import { field, type JsonObject } from "../sealed/object-fields.ts";
import type { OpContext } from "./context.ts";
import { isKind } from "./convert-documents.ts";
import { baseName, folderOf } from "./file-path.ts";
import { type FileText, readText } from "./load-file.ts";
import { type SelectedFile, selectLike } from "./select-files.ts";

/** A `kustomization.yaml`. */
export interface Kustomization {
  readonly source: SelectedFile;
  readonly text: FileText;
  readonly manifest: Manifest;
  /** The position of its document. */
  readonly document: number;
  readonly object: JsonObject;
  /** The absolute path of its folder. */
  readonly folder: string;
}

/** A Kustomization of Flux, which is an object of the cluster that names a folder. */
export interface FluxKustomization extends Kustomization {
  readonly name: string;
  /** The absolute path of the folder that it applies. */
  readonly applies: string;
}

/** What Kustomize and Flux do with the files of some folders. */
export interface Layout {
  readonly kustomizations: readonly Kustomization[];
  readonly flux: readonly FluxKustomization[];
}

/** Reads what Kustomize and Flux will make of the files below some folders. What is broken in it says so elsewhere. */
export async function readLayout(folders: readonly string[], context: OpContext): Promise<Layout> {
  const sources = await selectLike(
    folders,
    { looksRight: mayBeKustomization, missing: "no kustomization" },
    context,
  ).catch((error: unknown) => {
    if (error instanceof KsealError && error.code === "NO_FILE") return [];
    throw error;
  });
  const kustomizations: Kustomization[] = [];
  const flux: FluxKustomization[] = [];
  for (const source of sources) {
    const text = await readText(source, {}, context);
    const manifest = await readQuietly(text);
    const folder = folderOf(source.path ?? "", context.host.platform);
    for (const { object, index: document } of manifest?.documents ?? []) {
      if (manifest === undefined || !isObject(object)) continue;
      const found = { source, text, manifest, document, object, folder };
      if (isKustomizationName(baseName(source.file, context.host.platform))) kustomizations.push(found);
      else if (isKind(object, "Kustomization", /^kustomize\.toolkit\.fluxcd\.io\//)) {
        flux.push({ ...found, ...(await placeOfFlux(found, folders, context)) });
      }
    }
  }
  return { kustomizations, flux };
}

/** The namespaces that Kustomize and Flux put in place of that of a file's objects, and who changes their names. */
export function overridesOf(
  path: string,
  layout: Layout,
  { host }: Pick<OpContext, "host">,
  seen: readonly string[] = [],
): { readonly namespaces: readonly string[]; readonly renaming: readonly string[] } {
  const namespaces = new Set<string>();
  const renaming = new Set<string>();
  const take = (own: string | undefined, outer: ReturnType<typeof overridesOf>): void => {
    for (const file of outer.renaming) renaming.add(file);
    // The outermost one is applied last.
    for (const name of outer.namespaces) namespaces.add(name);
    if (outer.namespaces.length === 0 && own !== undefined) namespaces.add(own);
  };
  for (const one of layout.kustomizations) {
    const isListed = listed(one.object).some((name) => host.resolve(one.folder, name) === path);
    if (!isListed || seen.includes(one.folder)) continue;
    take(textOf(one.object, "namespace"), overridesOf(one.folder, layout, { host }, [...seen, one.folder]));
    if (textOf(one.object, "namePrefix") ?? textOf(one.object, "nameSuffix")) renaming.add(one.source.file);
  }
  for (const one of layout.flux) {
    const isGenerated = !layout.kustomizations.some(({ folder }) => folder === one.applies);
    if (one.applies !== path && !(isGenerated && isBelow(path, one.applies))) continue;
    take(textOf(specOf(one), "targetNamespace"), { namespaces: [], renaming: [] });
  }
  return { namespaces: [...namespaces], renaming: [...renaming] };
}

/** Whether a path lies in a folder. */
export function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

/** The `spec` of a Kustomization of Flux. */
export function specOf({ object }: Pick<Kustomization, "object">): JsonObject {
  const spec = field(object, "spec");
  return isObject(spec) ? spec : {};
}

/** A field that is a text; empty ones count for nothing. */
export function textOf(object: JsonObject, key: string): string | undefined {
  const value = field(object, key);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The items of a field that is a list. */
export function listOf(object: JsonObject, key: string): readonly unknown[] {
  const value = field(object, key);
  return Array.isArray(value) ? value : [];
}

/** Whether a value is a mapping. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function listed(object: JsonObject): readonly string[] {
  const names = ["resources", "bases", "components"].flatMap((key) => listOf(object, key));
  return names.filter((name) => typeof name === "string");
}

function isKustomizationName(name: string): boolean {
  return /^(kustomization\.ya?ml|Kustomization)$/.test(name);
}

function mayBeKustomization(bytes: Uint8Array): boolean {
  return /^(resources|bases|components|namespace|secretGenerator|kind):/m.test(
    new TextDecoder("latin1").decode(bytes),
  );
}

async function readQuietly(text: FileText): Promise<Manifest | undefined> {
  try {
    return await readManifest(text.bytes, { file: text.file, format: "yaml" });
  } catch (error) {
    if (error instanceof KsealError) return undefined;
    throw error;
  }
}

/** `spec.path` counts from the root of the repository. */
async function placeOfFlux(
  one: Kustomization,
  folders: readonly string[],
  { host }: OpContext,
): Promise<{ readonly name: string; readonly applies: string }> {
  const root =
    (await repositoryOf(one.folder, host)) ??
    (isBelow(one.folder, host.cwd) ? host.cwd : host.resolve(folders[0] ?? "."));
  const path = (textOf(specOf(one), "path") ?? ".").replace(/^\/+/, "");
  const metadata = field(one.object, "metadata");
  return {
    name: isObject(metadata) ? (textOf(metadata, "name") ?? "") : "",
    applies: host.resolve(root, path === "" ? "." : path),
  };
}

/** The folder above that Git calls a repository. */
async function repositoryOf(folder: string, host: OpContext["host"]): Promise<string | undefined> {
  if ((await host.stat(host.resolve(folder, ".git"))) !== undefined) return folder;
  const above = host.resolve(folder, "..");
  return above === folder ? undefined : repositoryOf(above, host);
}
