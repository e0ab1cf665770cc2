import { type KeyGroups, type MasterKey, sameKey, type WrappedKey } from "../core/master-key.ts";
import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import { keyLookup } from "./key-lookup.ts";
import type { OpenedFile } from "./load-file.ts";

/** For whom the data key of a file is wrapped. */
interface Recipients {
  readonly groups: KeyGroups;
  readonly shamirThreshold: number;
  /** Keys that the user's own words name besides the matching rule: those of flags. */
  readonly named?: readonly MasterKey[] | undefined;
}

/**
 * Wraps the data key of a file for new groups. Without Shamir shares, who had the key already keeps what was wrapped
 * for them, so that a changed list of recipients changes only the lines it must.
 */
export async function rewrap(
  { dataKey, metadata: { groups: before }, name }: Pick<OpenedFile, "dataKey" | "metadata" | "name">,
  after: Recipients,
  context: OpContext,
): Promise<readonly (readonly WrappedKey[])[]> {
  const lookup = keyLookup(name, context, after.named);
  const [old, ...others] = before;
  const [group, ...more] = after.groups;
  if (old === undefined || group === undefined || others.length > 0 || more.length > 0) {
    refuseUnknown(after.groups.flat());
    return context.keyring.wrapAll(dataKey, after.groups, after.shamirThreshold, lookup);
  }
  // Two keys of an unknown type cannot be told apart but by being the very same entry.
  const keptFor = (key: MasterKey): WrappedKey | undefined =>
    old.find((wrapped) => wrapped.key === key) ?? old.find((wrapped) => sameKey(wrapped.key, key));
  const kept = new Map(group.map((key) => [key, keptFor(key)]));
  const added = group.filter((key) => kept.get(key) === undefined);
  refuseUnknown(added);
  const [wrapped = []] = added.length === 0 ? [] : await context.keyring.wrapAll(dataKey, [added], 0, lookup);
  return [group.map((key) => kept.get(key) ?? wrapped[added.indexOf(key)]).filter(isPresent)];
}

/**
 * Refuses to make new wraps for keys of a type that kseal does not know: they can be carried along, and nothing else
 * (sops.md D16).
 */
export function refuseUnknown(keys: readonly MasterKey[]): void {
  const unknown = keys.find(({ type }) => type === "unknown");
  if (unknown?.type !== "unknown") return;
  throw new KsealError(
    "CHANGES_REFUSED",
    `cannot wrap a data key for a key of the unknown type ${unknown.name}`,
    {
      hint: "a newer version of kseal or sops may know it",
    },
  );
}

function isPresent<T>(value: T | undefined): value is T {
  return value !== undefined;
}
