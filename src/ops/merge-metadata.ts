import { type KeyGroups, type MasterKey, sameKey, type WrappedKey } from "../core/master-key.ts";
import { mergeGroups, sameGroups } from "../core/merge-groups.ts";
import { type Metadata, spelledThreshold } from "../core/metadata.ts";
import type { Side } from "../core/tree-merge.ts";

/** What both sides changed in the `sops` block, each in its own way. */
export type MetadataConflict = "the key groups" | "the rule that says what is encrypted" | "the threshold";

/** The `sops` block of a merged file, before it is wrapped and sealed. */
export interface MergedMetadata {
  readonly groups: KeyGroups;
  readonly settings: Pick<Metadata, "selection" | "macOnlyEncrypted" | "shamirThreshold">;
  readonly conflicts: readonly MetadataConflict[];
}

interface MetadataVersions {
  /** Without one the sides have to agree. */
  readonly base: Metadata | undefined;
  readonly ours: Metadata;
  readonly theirs: Metadata;
}

/**
 * Merges what the `sops` block says about recipients and rule. A removal wins: who was removed by either side is gone.
 *
 * @param choose - Decides what both sides changed; `undefined` leaves it undecided, and ours stands.
 */
export function mergeMetadata(
  { base, ours, theirs }: MetadataVersions,
  choose: (what: MetadataConflict) => Side | undefined,
): MergedMetadata {
  const conflicts: MetadataConflict[] = [];
  const merge = <T>(what: MetadataConflict, read: (metadata: Metadata) => T): T => {
    const [a, b] = [read(ours), read(theirs)];
    const before = base === undefined ? undefined : JSON.stringify(read(base));
    if (JSON.stringify(a) === JSON.stringify(b) || JSON.stringify(b) === before) return a;
    if (JSON.stringify(a) === before) return b;
    const side = choose(what);
    if (side === undefined) conflicts.push(what);
    return side === "theirs" ? b : a;
  };
  const rule = merge("the rule that says what is encrypted", ({ selection, macOnlyEncrypted }) => ({
    selection,
    macOnlyEncrypted,
  }));
  const threshold = merge("the threshold", ({ groups, shamirThreshold }) =>
    spelledThreshold(groups, shamirThreshold),
  );
  const sides = { ours: keysOf(ours), theirs: keysOf(theirs) };
  const groups = mergeGroups({ base: base === undefined ? [] : keysOf(base), ...sides });
  const side = groups === undefined ? choose("the key groups") : undefined;
  if (groups === undefined && side === undefined) conflicts.push("the key groups");
  return {
    groups: groups ?? sides[side ?? "ours"],
    settings: { ...rule, shamirThreshold: threshold },
    conflicts,
  };
}

/** The recipients of a file, group by group. */
export function keysOf({ groups }: Pick<Metadata, "groups">): KeyGroups {
  return groups.map((group) => group.map(({ key }) => key));
}

/** Whether two files have one data key, as far as that can be seen without opening it: somebody has the same wrap. */
export function sharesDataKey(a: Metadata, b: Metadata): boolean {
  const wraps = new Set(a.groups.flat().map(({ enc }) => enc));
  return b.groups.flat().some(({ enc }) => wraps.has(enc));
}

/** Wraps that exist already, for keys that stay where they are. */
export interface KnownWraps {
  readonly groups: readonly (readonly WrappedKey[])[];
  /** Keys that have no wrap yet, or whose share of a split data key has to be made anew. */
  readonly missing: readonly MasterKey[];
}

/**
 * Finds the wraps of a data key for merged recipients.
 *
 * @param sources - The `sops` blocks of files with this data key; the first decides where several have a wrap.
 */
export function findWraps(
  groups: KeyGroups,
  { shamirThreshold }: Pick<Metadata, "shamirThreshold">,
  sources: readonly Metadata[],
): KnownWraps {
  const same = sources.find(
    (source) =>
      sameGroups(groups, keysOf(source)) &&
      spelledThreshold(source.groups, source.shamirThreshold) === shamirThreshold,
  );
  if (same !== undefined) return { groups: same.groups, missing: [] };
  if (groups.length > 1 || sources.some((source) => source.groups.length > 1)) {
    return { groups: [], missing: groups.flat() };
  }
  const wraps = sources.flatMap((source) => source.groups.flat());
  const found = groups.map((group) =>
    group.flatMap((key) => wraps.find((wrapped) => sameKey(wrapped.key, key)) ?? []),
  );
  const missing = groups.flat().filter((key) => !wraps.some((wrapped) => sameKey(wrapped.key, key)));
  return { groups: found, missing };
}
