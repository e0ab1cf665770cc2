import { KsealError } from "../errors.ts";
import { type ManifestFormat, readManifest } from "../formats/manifest.ts";
import { expandList } from "../sealed/secret.ts";
import { hiddenIn } from "./apply-hidden.ts";
import { kustomizationIn } from "./apply-kustomize-plugins.ts";
import { type ApplyObject, toApplyObject } from "./apply-object.ts";
import { splitStream } from "./apply-stream.ts";
import type { OpContext } from "./context.ts";
import { renderPlain } from "./decrypt-text.ts";
import { folderOf, shellWord } from "./file-path.ts";
import { type FileText, openParsed, parseText, readText } from "./load-file.ts";
import { looksEncrypted } from "./looks-encrypted.ts";
import { mapFiles } from "./map-files.ts";
import { readObjects } from "./seal-manifest.ts";
import { type SelectedFile, selectLike } from "./select-files.ts";
import { textAt } from "./verify-fields.ts";

interface ReadOptions {
  readonly ignoreMac?: boolean | undefined;
}

/**
 * The objects of files and folders, decrypted. Below a folder those files count that end as manifests do.
 *
 * @throws KsealError Of several failures all are told: nothing is returned when anything does not open.
 */
export async function readApplyFiles(
  paths: readonly string[],
  options: ReadOptions,
  context: OpContext,
): Promise<readonly ApplyObject[]> {
  const kind = { looksRight: mayHoldObjects, missing: "no manifest in this folder" };
  const sources = (await selectLike(paths, kind, context)).filter(
    ({ found, relative }) => !found || /\.(?:ya?ml|json)$/.test(relative),
  );
  if (sources.length === 0) {
    throw new KsealError("NO_FILE", "no manifest among these files", {
      hint: "manifests end in .yaml, .yml or .json",
    });
  }
  await refuseKustomizations(sources, context);
  const read = (source: SelectedFile) => readSource(source, options, context);
  return (await mapFiles(sources, read, context)).flat();
}

/** The objects of a stream of documents, some of which may be encrypted, each on its own. */
export async function readApplyStream(
  text: FileText,
  options: ReadOptions,
  context: OpContext,
): Promise<readonly ApplyObject[]> {
  const parts = splitStream(text);
  const read = (part: FileText) => readOne(part, options, context);
  return (await mapFiles(parts, read, { signal: context.signal, noun: "parts" })).flat();
}

async function readSource(
  source: SelectedFile,
  options: ReadOptions,
  context: OpContext,
): Promise<readonly ApplyObject[]> {
  const text = await readText(source, {}, context);
  if (text.file === "-") return await readApplyStream(text, options, context);
  return await readOne(text, options, context, source.found);
}

/** Files that a kustomization puts together are no manifests by themselves, and it may change each of them. */
async function refuseKustomizations(files: readonly SelectedFile[], context: OpContext): Promise<void> {
  const { host } = context;
  const folders = new Set(files.flatMap(({ found, file }) => (found ? [folderOf(file, host.platform)] : [])));
  for (const folder of folders) {
    const file = await kustomizationIn(folder, host);
    if (file === undefined) continue;
    throw new KsealError("USAGE", "this is a kustomization, whose files are no manifests by themselves", {
      hint: `build it: kseal apply -k ${shellWord(folder)}`,
      where: { file },
    });
  }
}

async function readOne(
  text: FileText,
  options: ReadOptions,
  context: OpContext,
  found = false,
): Promise<readonly ApplyObject[]> {
  const format = formatOf(text);
  const plain = looksEncrypted(text.bytes) ? await decrypted(text, format, options, context) : undefined;
  const { documents } = await readObjects({ ...text, bytes: plain ?? text.bytes }, format, context);
  const sealed =
    plain === undefined ? undefined : await readManifest(text.bytes, { file: text.file, format });
  return documents.flatMap(({ object, index, line }) => {
    if (object === undefined) return [];
    // The lines of what was decrypted are not those of the file.
    const where = { file: text.file, line: plain === undefined ? line : undefined };
    return located(where, () => {
      const twins = sealed === undefined ? [] : expandList(sealed.documents[index]?.object ?? {});
      return expandList(object).flatMap((item, at) => {
        if (found && isOther(item)) {
          context.log.info(`${text.file}: no object of Kubernetes; it is left out`);
          return [];
        }
        const hidden = sealed === undefined ? undefined : hiddenIn(item, twins[at]);
        return [toApplyObject({ object: item, ...where, hidden })];
      });
    });
  });
}

/** The text of an encrypted file in clear; `undefined` when it only speaks of SOPS. */
async function decrypted(
  text: FileText,
  format: ManifestFormat,
  options: ReadOptions,
  context: OpContext,
): Promise<Uint8Array | undefined> {
  const parsed = await parseText(text, format);
  if (parsed.metadata === undefined) return undefined;
  const opened = await openParsed(text, parsed, { ignoreMac: options.ignoreMac }, context);
  return (await renderPlain(opened, {}, context)).content;
}

function formatOf({ name, bytes }: FileText): ManifestFormat {
  if (name.endsWith(".json")) return "json";
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 100)).trimStart();
  return start.startsWith("{") && !/\.ya?ml$/.test(name) ? "json" : "yaml";
}

// Whole files may be encrypted, the kind of their objects included.
function mayHoldObjects(bytes: Uint8Array): boolean {
  const text = new TextDecoder("latin1").decode(bytes);
  return looksEncrypted(bytes) || (/["']?kind["']?\s*:/.test(text) && /["']?apiVersion["']?\s*:/.test(text));
}

function isOther(object: unknown): boolean {
  return textAt(object, ["kind"]) === "" || textAt(object, ["apiVersion"]) === "";
}

function located<T>(where: { readonly file: string; readonly line: number | undefined }, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    const { file, line } = where;
    throw error.at({ file, ...(line === undefined ? {} : { line }) });
  }
}
