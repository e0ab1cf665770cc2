import type { MapNode, TreeNode } from "../core/tree.ts";
import { printTreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import { readManifest } from "../formats/manifest.ts";
import { spellScalar } from "../formats/scalar-spelling.ts";
import type { Format } from "../formats/store.ts";
import { expandList, readSecret } from "../sealed/secret.ts";
import { unsealOpened } from "../sealed/unseal-secret.ts";
import type { OpContext } from "./context.ts";
import { isKind } from "./convert-documents.ts";
import { isObject } from "./convert-layout.ts";
import { renderPlain } from "./decrypt-text.ts";
import { baseName } from "./file-path.ts";
import { type FileText, type OpenedFile, openText, readText } from "./load-file.ts";
import { looksEncrypted } from "./looks-encrypted.ts";
import { mapFiles } from "./map-files.ts";
import { templateRenderer } from "./render-template.ts";
import { type SelectedFile, selectLike } from "./select-files.ts";
import { isNamed, noSuchObject } from "./unseal.ts";
import { mayHoldSealed } from "./unseal-detect.ts";
import { readSealedFiles } from "./unseal-objects.ts";
import { openObjects, requireSealingKeys } from "./unseal-values.ts";

export interface ValueOptions {
  /** Files and folders of SOPS files and SealedSecrets; a folder means every one below it. */
  readonly paths: readonly string[];
  /** Files and folders with sealing keys, for SealedSecrets; those of the environment when empty. */
  readonly sealingKeys: readonly string[];
  /** Only these values; all of them when empty. */
  readonly items: readonly string[];
  /** Only the Secret or SealedSecret of this name: `db` or `prod/db`. */
  readonly object?: string | undefined;
  readonly inputType?: Format | undefined;
  readonly ignoreMac?: boolean | undefined;
}

/** A value, and where it is from, for messages. */
interface FoundValue {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly file: string;
}

/**
 * The values of files in clear, by their names: the items of Secrets and SealedSecrets, the top level of other files, and
 * a binary file as a whole, named as the file.
 *
 * @throws KsealError `USAGE` for two values of one name, `NOT_FOUND` for one that was asked for and is not there,
 *   `FORMAT_CANNOT_HOLD` for a file with values below values; and what opening throws.
 */
export async function valuesOf(
  options: ValueOptions,
  context: OpContext,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const sources = await exportSources(options.paths, context);
  const found = (
    await mapFiles(sources, (source) => valuesIn(source, options, context), { signal: context.signal })
  ).flat();
  if (found.length === 0) throw noSuchObject(undefined, options.object);
  const { items } = options;
  const values = new Map<string, FoundValue>();
  for (const value of found) {
    if (items.length > 0 && !items.includes(value.name)) continue;
    const twin = values.get(value.name);
    if (twin !== undefined) throw twice(value, twin);
    values.set(value.name, value);
  }
  for (const item of items) {
    if (!values.has(item)) throw new KsealError("NOT_FOUND", `there is no value ${JSON.stringify(item)}`);
  }
  return new Map([...values].map(([name, { bytes }]) => [name, bytes]));
}

/** The files that values come from. */
function exportSources(paths: readonly string[], context: OpContext): Promise<readonly SelectedFile[]> {
  return selectLike(
    paths,
    {
      looksRight: (bytes) => looksEncrypted(bytes) || mayHoldSealed(bytes),
      missing: "no SOPS file and no SealedSecret in this folder",
    },
    context,
  );
}

async function valuesIn(
  source: SelectedFile,
  options: ValueOptions,
  context: OpContext,
): Promise<readonly FoundValue[]> {
  const text = await readText(source, {}, context);
  if (mayHoldSealed(text.bytes)) return sealedValues(source, options, context);
  const opened = await openText(text, options, context);
  const { file, parsed } = opened;
  if (parsed.format === "binary") {
    const { content } = await renderPlain(opened, {}, context);
    const name = baseName(source.file, context.host.platform);
    return options.object === undefined ? [{ name, bytes: content, file }] : [];
  }
  const secrets = await secretValues(opened, options, context);
  if (secrets !== undefined) return secrets;
  return options.object === undefined ? topLevel(opened) : [];
}

async function sealedValues(
  source: SelectedFile,
  { object, sealingKeys }: ValueOptions,
  context: OpContext,
): Promise<readonly FoundValue[]> {
  const { keys } = await requireSealingKeys(sealingKeys, context);
  const [file] = await readSealedFiles([source], undefined, context);
  const opened = await openObjects(
    (file?.objects ?? []).filter(isNamed(object)),
    keys,
    ({ sealed, file: name }, items) => {
      const render = templateRenderer(context.host);
      const { secret } = unsealOpened(sealed, items, { render, acceptV1: true });
      return namedValues(secret.data, name);
    },
    context,
  );
  return opened.flat();
}

/** The items of the Secrets of a file; `undefined` for a file without any object of Kubernetes. */
async function secretValues(
  opened: OpenedFile,
  { object: wanted }: ValueOptions,
  context: OpContext,
): Promise<readonly FoundValue[] | undefined> {
  const { file, parsed } = opened;
  if (parsed.format !== "yaml" && parsed.format !== "json") return undefined;
  const { content } = await renderPlain(opened, {}, context);
  const { documents } = await readManifest(content, { file, format: parsed.format });
  const objects = documents.flatMap(({ object }) => (isObject(object) ? expandList(object) : []));
  const secrets = objects.filter((object) => isKind(object, "Secret", /^v1$/));
  if (secrets.length === 0) return undefined;
  return secrets.flatMap((object) => {
    const { metadata, data } = located(file, () => readSecret(object));
    const { namespace, name } = metadata;
    const isMeant = wanted === undefined || wanted === name || wanted === `${namespace}/${name}`;
    return isMeant ? namedValues(data, file) : [];
  });
}

function topLevel({ plain, file }: OpenedFile): readonly FoundValue[] {
  const [document] = plain.branches;
  return entriesOf(document).map(({ key, value }) => ({ name: key, file, bytes: bytesOf(value, key, file) }));
}

function entriesOf(document: MapNode | undefined): readonly { key: string; value: TreeNode }[] {
  return document?.items.flatMap((item) => (item.kind === "entry" ? [item] : [])) ?? [];
}

function bytesOf(value: TreeNode, key: string, file: string): Uint8Array {
  if (value.kind === "bytes") return value.value;
  return located(file, () =>
    new TextEncoder().encode(spellScalar(value, { format: "a file of its own", path: [key] })),
  );
}

function namedValues(data: ReadonlyMap<string, Uint8Array>, file: string): readonly FoundValue[] {
  return [...data].map(([name, bytes]) => ({ name, bytes, file }));
}

function twice({ name, file }: FoundValue, twin: FoundValue): KsealError {
  const where = file === twin.file ? "" : `, in ${twin.file} and in ${file}`;
  return new KsealError("USAGE", `two values are called ${JSON.stringify(name)}${where}`, {
    hint: "choose one Secret with --object NAMESPACE/NAME, or single values with --item",
    where: { file, path: printTreePath([name]) },
  });
}

function located<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof KsealError ? error.at({ file }) : error;
  }
}

/** The contents of the files that values come from, to see whether they changed. */
export async function sourceTexts(
  paths: readonly string[],
  context: OpContext,
): Promise<readonly FileText[]> {
  const sources = await exportSources(paths, context);
  return Promise.all(sources.map((source) => readText(source, {}, context)));
}
