import { type KeyGroups, type MasterKey, sameKey } from "./master-key.ts";

/** The recipients of a file in three versions of it. */
export interface GroupVersions {
  readonly base: KeyGroups;
  readonly ours: KeyGroups;
  readonly theirs: KeyGroups;
}

/**
 * Merges the recipients of two versions of a file, group by group: whom either side removed is gone, whom either side
 * added is there.
 *
 * @returns `undefined` when both sides changed the groups themselves, each in its own way, or a group would be left
 *   without a key: a person has to decide then.
 */
export function mergeGroups({ base, ours, theirs }: GroupVersions): KeyGroups | undefined {
  if (sameGroups(ours, theirs) || sameGroups(base, theirs)) return ours;
  if (sameGroups(base, ours)) return theirs;
  if (base.length !== ours.length || base.length !== theirs.length) return undefined;
  const merged = base.map((group, at) => mergeGroup(group, ours[at] ?? [], theirs[at] ?? []));
  return merged.some((group) => group.length === 0) ? undefined : merged;
}

function mergeGroup(
  base: readonly MasterKey[],
  ours: readonly MasterKey[],
  theirs: readonly MasterKey[],
): readonly MasterKey[] {
  const kept = ours.filter((key) => !has(base, key) || has(theirs, key));
  const added = theirs.filter((key) => !has(base, key) && !has(ours, key));
  return [...kept, ...added];
}

/** Whether two versions have the same recipients in the same groups, in whatever order. */
export function sameGroups(a: KeyGroups, b: KeyGroups): boolean {
  return (
    a.length === b.length &&
    a.every((group, at) => {
      const other = b[at] ?? [];
      return group.length === other.length && group.every((key) => has(other, key));
    })
  );
}

function has(group: readonly MasterKey[], key: MasterKey): boolean {
  return group.some((other) => sameKey(other, key));
}
