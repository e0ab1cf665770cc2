import { KsealError } from "../errors.ts";
import { KeySearch } from "../sealed/key-search.ts";
import type { OpenedItems } from "../sealed/open-items.ts";
import type { SealingKey } from "../sealed/sealing-key.ts";
import { unwrapHere, unwrapOnCores } from "../sealed/unwrap-on-cores.ts";
import type { OpContext } from "./context.ts";
import { mapFiles } from "./map-files.ts";
import { type LoadedKey, loadSealingKeys } from "./sealing-keys.ts";
import type { FoundSealed } from "./unseal-objects.ts";

/** The keys that a command opens with. */
export interface KeysAtHand {
  /** Newest first. */
  readonly keys: readonly LoadedKey[];
  readonly newest: LoadedKey;
}

/** The variable that stands in for `--key`: files and folders, separated as in PATH. */
const keysVariable = "KSEAL_SEALING_KEYS";

/** Below, other threads would begin when the work is done. A value takes some milliseconds. */
const worthCores = 5;

/** The files and folders with sealing keys that the user names. */
export function sealingKeyPaths(
  flags: readonly string[],
  { host }: Pick<OpContext, "host">,
): readonly string[] {
  if (flags.length > 0) return flags;
  const separator = host.platform === "win32" ? ";" : ":";
  return (host.env[keysVariable] ?? "").split(separator).filter((path) => path !== "");
}

/**
 * The sealing keys that the user names: by flag, else by `KSEAL_SEALING_KEYS`. What is in these files and is no key is
 * told to the log.
 *
 * @returns `undefined` when none is named.
 */
export async function sealingKeysAtHand(
  flags: readonly string[],
  context: OpContext,
): Promise<KeysAtHand | undefined> {
  const paths = sealingKeyPaths(flags, context);
  if (paths.length === 0) return undefined;
  const { keys, refused } = await loadSealingKeys(paths, context);
  for (const { file, error } of refused)
    context.log.warn(`${file}: this is no sealing key: ${error.message}`);
  const [newest] = keys;
  return newest && { keys, newest };
}

/** {@link sealingKeysAtHand} for a command that cannot do without. @throws KsealError `USAGE` when none is named. */
export async function requireSealingKeys(flags: readonly string[], context: OpContext): Promise<KeysAtHand> {
  const atHand = await sealingKeysAtHand(flags, context);
  if (atHand !== undefined) return atHand;
  throw new KsealError("USAGE", "no sealing key is named", {
    hint: `name a backup of the cluster's keys with --key FILE, or in ${keysVariable}`,
  });
}

/**
 * Opens the values of SealedSecrets, on all cores where that is worth it, and makes something of each.
 *
 * @param use - Called when the values of an object were tried; those that did not open are among the failures.
 * @throws The failures of all objects together, each with file, line and object.
 */
export function openObjects<R>(
  objects: readonly FoundSealed[],
  keys: readonly SealingKey[],
  use: (object: FoundSealed, opened: OpenedItems) => R,
  context: OpContext,
): Promise<readonly R[]> {
  const values = objects.reduce((sum, { sealed }) => sum + Math.max(sealed.encryptedData.size, 1), 0);
  const unwrap = values < worthCores ? unwrapHere : unwrapOnCores(context.host.cores);
  const search = new KeySearch({ keys, unwrap });
  return mapFiles(
    objects,
    async (object) => {
      try {
        return use(object, await search.openItems(object.sealed));
      } catch (error) {
        throw error instanceof KsealError ? placed(error, object) : error;
      }
    },
    { signal: context.signal, onProgress: context.onProgress, noun: "SealedSecrets" },
  );
}

/** A failure with the object that it is about. */
export function placed(
  { code, message, hint, where, cause }: KsealError,
  { file, line, place }: Pick<FoundSealed, "file" | "line" | "place">,
): KsealError {
  // Several groups of items stand on lines of their own.
  const text = `${place}: ${message.replaceAll("\n", "; ")}`;
  const at = { file, ...(line === undefined ? {} : { line }), ...where };
  return new KsealError(code, text, { hint, cause, where: at });
}
