import type { Config } from "../config/rules.ts";
import type { KeyNames } from "../core/key-names.ts";
import { KsealError } from "../errors.ts";
import { formatOfName, storeFor } from "../formats/detect.ts";
import type { Format, Store } from "../formats/store.ts";
import type { OpContext } from "./context.ts";
import { type Repository, readBlobs } from "./git-history.ts";
import type { PresentFile } from "./who-file.ts";
import type { KeyTrail, Trails, Version } from "./who-trails.ts";
import { compareValues, type Known, type SealedValues, sealedValues } from "./who-values.ts";

/**
 * The keys that could read a file once and cannot now, with what tells them apart. None of a file that is damaged, of
 * which nobody can tell, or that everybody can read.
 */
export function lostKeys(
  { name, access, state }: PresentFile,
  trails: Trails | undefined,
): readonly (readonly [holder: string, trail: KeyTrail])[] {
  const trail = name === undefined ? undefined : trails?.files.get(name);
  if (trail === undefined || access.kind === "unreadable") return [];
  if (access.kind === "clear" && state !== "deleted") return [];
  return [...trail.keys].filter(([holder]) => !access.holders.has(holder));
}

/** Says of a key and a file what became of the values that the key could read. */
export type Comparison = (file: PresentFile, key: KeyTrail) => Known | undefined;

/**
 * Compares what lost keys could read last with what their files hold now, without a key: by ciphertext. All versions are
 * read in one run of Git, and of each only what tells its ciphertexts apart is kept.
 */
export async function compareFormer(
  files: readonly PresentFile[],
  { repository, trails }: { readonly repository: Repository; readonly trails: Trails },
  context: OpContext,
): Promise<Comparison> {
  const { host, signal } = context;
  const stores = new Map<Format, Store>();
  const concerned = files.filter((file) => file.state !== "deleted" && lostKeys(file, trails).length > 0);
  const wanted = new Map<string, string>();
  for (const file of concerned) {
    for (const [, key] of lostKeys(file, trails))
      for (const { id, name } of versionsOf(key)) wanted.set(id, name);
    if (file.state === "absent" && file.blob !== undefined) wanted.set(file.blob, file.path);
  }
  const formats = [...wanted.values(), ...concerned.map(({ path }) => path)].map(formatOfName);
  for (const format of new Set(formats)) stores.set(format, await storeFor(format));
  const read = (bytes: Uint8Array | undefined, name: string): SealedValues | undefined => {
    const store = stores.get(formatOfName(name));
    return bytes && store && sealedValues(bytes, store);
  };
  const versions = new Map<string, SealedValues | undefined>();
  const take = (id: string, bytes: Uint8Array | undefined): void => {
    versions.set(id, read(bytes, wanted.get(id) ?? ""));
  };
  await readBlobs(repository, [...wanted.keys()], take, { host, signal });
  const present = new Map<string, SealedValues | undefined>();
  for (const { path, blob = "", state } of concerned) {
    const isHere = state === "present";
    present.set(path, isHere ? read(await readAgain(path, context), path) : versions.get(blob));
  }
  return ({ path }, key) => {
    const [before, now] = [versions.get(key.last.id), present.get(path)];
    const between = key.removed.at(-1)?.after;
    return before && now && compareValues(before, now, between && versions.get(between.id));
  };
}

function versionsOf({ last, removed }: KeyTrail): readonly Version[] {
  const after = removed.at(-1)?.after;
  return after === undefined ? [last] : [last, after];
}

/** It was there a moment ago; when it is gone, nothing is said of it. */
async function readAgain(path: string, { host }: OpContext): Promise<Uint8Array | undefined> {
  try {
    return await host.readFile(path);
  } catch (error) {
    if (error instanceof KsealError) return undefined;
    throw error;
  }
}

/** Names that an earlier `.sops.yaml` gave to keys, the newest name of each: those of removed people are removed, too. */
export async function formerNames(
  repository: Repository,
  { configs }: Trails,
  { host, signal }: OpContext,
): Promise<KeyNames> {
  const { parseConfig } = await import("../config/rules.ts");
  const names = new Map<string, string>();
  const take = (_: string, bytes: Uint8Array | undefined): void => {
    for (const [key, name] of namesIn(bytes, parseConfig)) if (!names.has(key)) names.set(key, name);
  };
  await readBlobs(repository, configs, take, { host, signal });
  return names;
}

function namesIn(text: Uint8Array | undefined, parse: (text: Uint8Array, path: string) => Config): KeyNames {
  try {
    return text === undefined ? new Map() : parse(text, ".sops.yaml").names;
  } catch (error) {
    if (error instanceof KsealError) return new Map();
    throw error;
  }
}
