import { type Config, type CreationRule, parseConfig } from "../config/rules.ts";
import type { SealingCluster, SealingRule } from "../config/sealing.ts";
import { describeKey, type KeyNames } from "../core/key-names.ts";
import { type MasterKey, sameKey } from "../core/master-key.ts";
import { spelledThreshold } from "../core/metadata.ts";
import { defaultSelection } from "../core/selection.ts";
import { KsealError } from "../errors.ts";
import type { MetadataDiff } from "./diff-metadata.ts";
import { flatKeys } from "./recipients.ts";

/**
 * Compares what two versions of a `.sops.yaml` say about who can read, and about what is encrypted. Whoever is added here
 * can read every file of the rule as soon as somebody runs `updatekeys` or encrypts one, which is not to be seen in the
 * files themselves.
 *
 * @param path - For messages.
 */
export function compareConfigs(
  before: Uint8Array | undefined,
  after: Uint8Array | undefined,
  path: string,
): MetadataDiff {
  const nothing = { added: [], removed: [], warnings: [], notes: [] };
  if (after === undefined)
    return { ...nothing, warnings: ["it is gone: no rule says who can read the files"] };
  const [old, now] = [before && read(before, path), read(after, path)];
  if (now instanceof KsealError) return { ...nothing, warnings: [`it cannot be used: ${now.message}`] };
  // What could not be used before had no rules.
  const was = old instanceof KsealError ? undefined : old;
  const pairs = pairRules(was?.rules ?? [], now.rules ?? []);
  const changes = pairs.map((pair) => compareRules(pair, { now: now.names, old: was?.names ?? now.names }));
  const kept = pairs.flatMap(({ old: one, now: other }) => (one && other ? [one.line] : []));
  const isReordered = kept.some((line, at) => line < (kept[at - 1] ?? 0));
  return {
    added: unique(changes.flatMap(({ added }) => added)),
    removed: unique(changes.flatMap(({ removed }) => removed)),
    warnings: [
      ...changes.flatMap(({ warnings }) => warnings),
      ...(isReordered ? ["the rules come in another order: the first one that matches a file counts"] : []),
      ...compareNames(was?.names, now.names),
      ...compareSealing(was, now),
    ],
    notes: changes.flatMap(({ notes }) => notes),
  };
}

function read(bytes: Uint8Array, path: string): Config | KsealError {
  try {
    return parseConfig(bytes, path);
  } catch (error) {
    if (error instanceof KsealError) return error;
    throw error;
  }
}

interface RulePair {
  readonly old: CreationRule | undefined;
  readonly now: CreationRule | undefined;
}

/** Rules are the same when they are for the same files; of several such in their order. */
function pairRules(old: readonly CreationRule[], now: readonly CreationRule[]): readonly RulePair[] {
  const left = [...old];
  const pairs = now.map((rule): RulePair => {
    const at = left.findIndex(({ pathRegex }) => pathRegex === rule.pathRegex);
    return { old: at < 0 ? undefined : left.splice(at, 1)[0], now: rule };
  });
  return [...pairs, ...left.map((rule) => ({ old: rule, now: undefined }))];
}

function compareRules(
  { old, now }: RulePair,
  names: { readonly old: KeyNames; readonly now: KeyNames },
): MetadataDiff {
  const keys = (rule: CreationRule | undefined): readonly MasterKey[] => flatKeys(rule?.groups ?? []);
  const without = (
    some: readonly MasterKey[],
    others: readonly MasterKey[],
    by: KeyNames,
  ): readonly string[] =>
    some.filter((key) => !others.some((other) => sameKey(key, other))).map((key) => describeKey(key, by));
  const added = without(keys(now), keys(old), names.now);
  const removed = without(keys(old), keys(now), names.old);
  if (now === undefined) {
    const warning = `${nameOf(old)} is gone: its files fall to the next rule that matches`;
    return { added, removed, warnings: [warning], notes: [] };
  }
  const name = `${nameOf(now)} (line ${now.line})`;
  if (old === undefined) {
    const readers = added.length === 0 ? "" : `: ${added.join(", ")} can read its files`;
    return { added, removed, warnings: [`new: ${name}${readers}`], notes: [] };
  }
  return {
    added,
    removed,
    warnings: [
      ...added.map((key) => `${name}: new recipient ${key}: updatekeys and encrypt let them read its files`),
      ...differences(old, now).map((change) => `${name}: ${change}`),
    ],
    notes: removed.map(
      (key) => `${name}: removed recipient ${key}: kseal updatekeys takes them out of the files`,
    ),
  };
}

function differences(old: CreationRule, now: CreationRule): readonly string[] {
  const facts = (rule: CreationRule): readonly (readonly [string, string])[] => {
    const { rule: kind, pattern } = rule.selection ?? defaultSelection;
    const groups = rule.groups.length;
    const needed = groups > 1 ? spelledThreshold(rule.groups, rule.shamirThreshold) : 1;
    return [
      ["what is encrypted", `${kind} ${pattern}`],
      ["groups needed to open a file", `${needed} of ${Math.max(1, groups)}`],
      ["what the MAC covers", rule.macOnlyEncrypted ? "encrypted values only" : "all values"],
    ];
  };
  const before = new Map(facts(old));
  return facts(now).flatMap(([what, text]) =>
    before.get(what) === text ? [] : [`${what} changed: ${before.get(what)} -> ${text}`],
  );
}

function nameOf(rule: CreationRule | undefined): string {
  return rule?.pathRegex === undefined ? "the rule for every file" : `the rule for ${rule.pathRegex}`;
}

/** A name that stands for another key hides who that is in every message. */
function compareNames(old: KeyNames | undefined, now: KeyNames): readonly string[] {
  if (old === undefined) return [];
  const known = new Set(old.values());
  return [...now].flatMap(([id, name]) =>
    known.has(name) && old.get(id) !== name ? [`the name ${name} stands for ${id} now`] : [],
  );
}

/** Whoever has the private key of a certificate reads what is sealed with it. */
function compareSealing(old: Config | undefined, { sealing }: Config): readonly string[] {
  if (old === undefined) return [];
  const certificateOf = ({ certificate, fingerprint, context, controller }: SealingCluster): string =>
    JSON.stringify([certificate, fingerprint, context, controller]);
  const scopeOf = ({ scope, cluster }: SealingRule): string =>
    [scope ?? "any scope", ...(cluster === undefined ? [] : [`cluster ${cluster.name}`])].join(", ");
  return [
    ...sealing.clusters.flatMap((cluster) => {
      const was = old.sealing.clusters.find(({ name }) => name === cluster.name);
      const isOther = was !== undefined && certificateOf(was) !== certificateOf(cluster);
      return isOther
        ? [`cluster ${cluster.name} (line ${cluster.line}): its certificate comes from elsewhere now`]
        : [];
    }),
    ...sealing.rules.flatMap((rule) => {
      const was = old.sealing.rules.find(({ pathRegex }) => pathRegex === rule.pathRegex);
      const isOther = was !== undefined && scopeOf(was) !== scopeOf(rule);
      return isOther
        ? [
            `sealing rule for ${rule.pathRegex ?? "every file"} (line ${rule.line}): ${scopeOf(was)} -> ${scopeOf(rule)}`,
          ]
        : [];
    }),
  ];
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}
