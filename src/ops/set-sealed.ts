import { parseTreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import { editManifest } from "../formats/manifest.ts";
import type { CertificateFlags } from "./certificate.ts";
import type { OpContext } from "./context.ts";
import { editOf } from "./reseal-object.ts";
import { type ItemValue, sealInto } from "./seal-into.ts";
import { selectOne } from "./select-files.ts";
import type { NewValue, SetResult } from "./set.ts";
import { isNamed, noSuchObject } from "./unseal.ts";
import { readSealedFiles } from "./unseal-objects.ts";
import { sealingKeyPaths } from "./unseal-values.ts";
import { withLocks, writeResults } from "./write-result.ts";

export interface SealedItemOptions {
  readonly path: string;
  /** The item: its name, `["stringData"]["NAME"]` or `["spec"]["encryptedData"]["NAME"]`. */
  readonly item: string;
  /** Which SealedSecret of the file: `db` or `prod/db`; needless where there is but one. */
  readonly object?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface SetSealedOptions extends SealedItemOptions, CertificateFlags {
  readonly value: NewValue;
  /** With sealing keys a value that is there already keeps its ciphertext; they are not needed. */
  readonly keys: readonly string[];
}

/**
 * Seals one value into a SealedSecret: for its own name, namespace and scope, with nothing but the certificate. No other
 * byte of the file changes.
 *
 * @throws KsealError `SET_INVALID` for a value that is no text, and what `sealInto` throws.
 */
export async function setSealedItem(
  options: SetSealedOptions,
  context: OpContext,
): Promise<Pick<SetResult, "file" | "changed" | "publicKey">> {
  const { path, value, object, keys, ...flags } = options;
  const at = object?.lastIndexOf("/") ?? -1;
  const { file, objects, publicKey } = await sealInto(
    {
      ...flags,
      target: path,
      source: { item: itemOf(options.item), value: itemValueOf(value) },
      keys: sealingKeyPaths(keys, context),
      name: object?.slice(at + 1),
      namespace: at < 0 ? undefined : object?.slice(0, at),
    },
    context,
  );
  const changed = objects.some(({ added, replaced }) => added.length + replaced.length > 0);
  return { file, changed, publicKey };
}

/**
 * Removes one item of a SealedSecret, without any key.
 *
 * @param options.idempotent - Succeeds when there is nothing to remove.
 * @throws KsealError `NOT_FOUND` when there is no such item.
 */
export async function unsetSealedItem(
  options: SealedItemOptions & { readonly idempotent: boolean },
  context: OpContext,
): Promise<{ readonly file: string; readonly changed: boolean }> {
  const item = itemOf(options.item);
  const source = await selectOne(options.path, context);
  return withLocks([source], options.dryRun !== true, context, async () => {
    const [read] = await readSealedFiles([source], undefined, context);
    const named = read?.objects.filter(isNamed(options.object)) ?? [];
    if (read === undefined || named.length === 0) throw noSuchObject(source.file, options.object);
    const having = named.filter(({ sealed }) => sealed.encryptedData.has(item));
    const [found, ...more] = having;
    if (more.length > 0)
      throw ambiguous(
        source.file,
        item,
        having.map(({ place }) => place),
      );
    if (found === undefined) {
      if (options.idempotent) return { file: source.file, changed: false };
      throw new KsealError("NOT_FOUND", `there is no item ${JSON.stringify(item)}`, {
        where: { file: source.file },
      });
    }
    const edits = [editOf(found, ["spec", "encryptedData", item], undefined)];
    const content = await editManifest(read.manifest, edits);
    const results = [{ source, content, expect: read.text.bytes }];
    await writeResults(results, { to: "in-place" }, { dryRun: options.dryRun, plaintext: false }, context);
    return { file: source.file, changed: true };
  });
}

/**
 * The item that a path into a SealedSecret means; a text without brackets is its name.
 *
 * @throws KsealError `PATH_INVALID` for a path to anything else: the rest of a SealedSecret is in clear.
 */
export function itemOf(path: string): string {
  if (!path.startsWith("[")) return path;
  const steps = parseTreePath(path);
  const item = steps.at(-1);
  const above = steps.slice(0, -1).join(" ");
  if (typeof item === "string" && ["stringData", "data", "spec encryptedData"].includes(above)) return item;
  throw new KsealError("PATH_INVALID", "this is no value of a SealedSecret", {
    hint: `name the item, as in: password, or '["spec"]["encryptedData"]["password"]'; everything else is in clear, for any editor`,
    where: { path },
  });
}

function itemValueOf(value: NewValue): ItemValue {
  if (!("json" in value)) return value;
  const parsed = jsonText(value.json);
  if (parsed !== undefined) return { bytes: new TextEncoder().encode(parsed) };
  throw new KsealError("SET_INVALID", "the value of a Secret is text, and this is no text in JSON", {
    hint: "put it in double quotes, or add --string to take it as it is",
  });
}

function jsonText(json: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(json);
    return typeof parsed === "string" ? parsed : undefined;
  } catch {
    // The reason would quote the value.
    return undefined;
  }
}

function ambiguous(file: string, item: string, places: readonly string[]): KsealError {
  return new KsealError(
    "USAGE",
    `${places.length} SealedSecrets have an item ${JSON.stringify(item)}: ${places.slice(0, 5).join(", ")}`,
    { hint: "name the one that is meant with --object NAMESPACE/NAME", where: { file } },
  );
}
