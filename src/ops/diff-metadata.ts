import { describeKey, type KeyNames } from "../core/key-names.ts";
import { pendingMac } from "../core/mac.ts";
import { type MasterKey, sameKey } from "../core/master-key.ts";
import { type Metadata, spelledThreshold } from "../core/metadata.ts";
import { defaultSelection } from "../core/selection.ts";
import { keysOf } from "./merge-metadata.ts";

/** What a reviewer should know about the `sops` block of a file, or about a `.sops.yaml`. */
export interface MetadataDiff {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** What must not be missed: a sentence each. */
  readonly warnings: readonly string[];
  /** The rest, a sentence each. */
  readonly notes: readonly string[];
}

/** Compares who can read two versions of a file, and what is encrypted in them. Nothing of that is authenticated. */
export function compareMetadata(
  before: Metadata | undefined,
  after: Metadata | undefined,
  names: KeyNames,
): MetadataDiff {
  const [old, now] = [before, after].map((metadata) => (metadata ? keysOf(metadata).flat() : []));
  const without = (some: readonly MasterKey[] = [], others: readonly MasterKey[] = []): readonly string[] =>
    some.filter((key) => !others.some((other) => sameKey(key, other))).map((key) => describeKey(key, names));
  const added = without(now, old);
  const removed = without(old, now);
  if (before === undefined || after === undefined) return { added, removed, warnings: [], notes: [] };
  const warnings = [
    ...added.map((key) => `new recipient: ${key} can read every value of this file`),
    ...changedRule(before, after),
    ...(after.macOnlyEncrypted && !before.macOnlyEncrypted
      ? ["the MAC covers encrypted values only now: those in clear can be changed by anybody"]
      : []),
    ...changedThreshold(before, after),
    ...brokenMac(after),
    ...olderVersion(before, after),
  ];
  const notes = removed.map((key) => `removed recipient: ${key}; they keep what they could read before`);
  return { added, removed, warnings, notes };
}

function changedRule(before: Metadata, after: Metadata): readonly string[] {
  const [old, now] = [before, after].map(
    ({ selection = defaultSelection }) => `${selection.rule} ${selection.pattern}`,
  );
  return old === now ? [] : [`the rule that says what is encrypted changed: ${old} -> ${now}`];
}

function changedThreshold(before: Metadata, after: Metadata): readonly string[] {
  const needed = ({ groups, shamirThreshold }: Metadata): number =>
    groups.length > 1 ? spelledThreshold(groups, shamirThreshold) : 1;
  const [old, now] = [needed(before), needed(after)];
  const groups =
    before.groups.length === after.groups.length
      ? []
      : [`${before.groups.length} -> ${after.groups.length} key groups`];
  const threshold = old === now ? [] : [`${old} -> ${now} groups needed to open the file`];
  return [...groups, ...threshold];
}

/** The MAC covers the date, so that an old version that was put back has its old date. */
function olderVersion(before: Metadata, after: Metadata): readonly string[] {
  const [old, now] = [before, after].map(({ lastModified }) => Date.parse(lastModified));
  if (old === undefined || now === undefined || !(now < old)) return [];
  return [`an older version came back: it was changed last ${dateOf(now)}, the one before it ${dateOf(old)}`];
}

function dateOf(time: number): string {
  return new Date(time).toISOString().replace(/\.\d*Z$/, "Z");
}

function brokenMac({ mac }: Metadata): readonly string[] {
  if (mac === pendingMac) return ["a merge of it is not finished: kseal resolve"];
  return mac === "" ? ["it has no MAC, so nobody can tell whether values were changed"] : [];
}
