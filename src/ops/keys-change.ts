import type { KeyNames } from "../core/key-names.ts";
import { type KeyGroups, keyId, type MasterKey, matchesListed, sameHolder } from "../core/master-key.ts";
import { spelledThreshold } from "../core/metadata.ts";
import { printTreePath } from "../core/tree-path.ts";
import { KeyFailure } from "../keys/key-failure.ts";
import type { OpContext } from "./context.ts";
import type { OpenedFile } from "./load-file.ts";
import { flatKeys, keysWithout } from "./recipients.ts";
import { refuseUnknown } from "./rewrap.ts";
import type { MatchedRule } from "./rule-book.ts";
import { isHidden, walkLeaves } from "./walk-leaves.ts";

/** What `updatekeys` would do to one file. */
export interface KeysChange {
  readonly file: string;
  readonly rule: { readonly config: string; readonly line: number };
  /** Nothing to do when `false`. */
  readonly changed: boolean;
  readonly before: KeyGroups;
  readonly after: KeyGroups;
  readonly thresholdBefore: number;
  readonly thresholdAfter: number;
  readonly added: readonly MasterKey[];
  readonly removed: readonly MasterKey[];
  /**
   * Those of the removed keys whose holders can read the file no longer. Another version of an Azure key is in its old
   * holders' hands.
   */
  readonly shutOut: readonly MasterKey[];
  /** Whether the file gets a new data key, because somebody must not read it any more. */
  readonly rekey: boolean;
  /** Tree paths of the values that somebody who is shut out could read, and whose credentials should be changed. */
  readonly exposed: readonly string[];
  /** What `.sops.yaml` calls the keys. */
  readonly names: KeyNames;
}

export interface KeysChangeOptions {
  /** Keeps the data key although a recipient is removed, who can then still read what is in the file's history. */
  readonly keepDataKey?: boolean | undefined;
  readonly shamirThreshold?: number | undefined;
  /** Keeps the file's threshold, as far as there are groups for it, where the rule says another one: as SOPS does. */
  readonly keepThreshold?: boolean | undefined;
}

/**
 * Compares the recipients of a file with those of its creation rule.
 *
 * @throws KsealError `CHANGES_REFUSED` when the file needs a new data key and has a key that kseal cannot wrap for.
 */
export async function compareKeys(
  opened: OpenedFile,
  { config, rule }: MatchedRule,
  options: KeysChangeOptions,
  context: OpContext,
): Promise<KeysChange> {
  const before = opened.metadata.groups.map((group) => group.map(({ key }) => key));
  const after = keepUnknown(before, await resolveGroups(rule.groups, before, opened.file, context));
  const thresholdBefore = opened.metadata.shamirThreshold;
  const thresholdAfter = options.keepThreshold
    ? Math.min(thresholdBefore, after.length)
    : (options.shamirThreshold ?? rule.shamirThreshold);
  const [was, is] = [flatKeys(before), flatKeys(after)];
  const removed = keysWithout(was, is);
  const shutOut = removed.filter((key) => !is.some((other) => sameHolder(other, key)));
  const isNarrower = neededGroups(after, thresholdAfter) > neededGroups(before, thresholdBefore);
  const rekey = (shutOut.length > 0 || isNarrower) && !options.keepDataKey;
  if (rekey) refuseUnknown(is);
  return {
    file: opened.file,
    rule: { config: config.path, line: rule.line },
    changed:
      !sameGroups(before, after) ||
      (after.length > 1 &&
        spelledThreshold(before, thresholdBefore) !== spelledThreshold(after, thresholdAfter)),
    before,
    after,
    thresholdBefore,
    thresholdAfter,
    added: keysWithout(is, was),
    removed,
    shutOut,
    rekey,
    exposed: shutOut.length > 0 ? encryptedPaths(opened) : [],
    names: config.names,
  };
}

/** The keys of a rule as the file would have them. An Azure key without a version means the newest one, as in SOPS. */
async function resolveGroups(
  groups: KeyGroups,
  before: KeyGroups,
  file: string,
  { keyring, log }: OpContext,
): Promise<KeyGroups> {
  const resolve = async (key: MasterKey): Promise<MasterKey> => {
    // The context that a flag gave an entry is no business of the rule.
    const entry = key.type === "kms" && before.flat().find((other) => matchesListed(other, key));
    if (entry) return entry;
    try {
      return await keyring.resolve(key);
    } catch (error) {
      const present = before.flat().find((other) => sameHolder(other, key));
      if (!(error instanceof KeyFailure) || present === undefined) throw error;
      // Whoever adds a colleague need not be allowed into the vault.
      log.warn(`${file}: keeps its version of ${keyId(key)}; the newest is not known: ${error.message}`);
      return present;
    }
  };
  return Promise.all(groups.map((group) => Promise.all(group.map(resolve))));
}

// A rule has no words for a key of a type that kseal does not know, so its absence there does not mean removal.
function keepUnknown(before: KeyGroups, after: KeyGroups): KeyGroups {
  const unknown = before.flat().filter(({ type }) => type === "unknown");
  return unknown.length === 0
    ? after
    : after.map((group, index) => (index === 0 ? [...group, ...unknown] : group));
}

function sameGroups(a: KeyGroups, b: KeyGroups): boolean {
  const covers = (keys: readonly MasterKey[], others: readonly MasterKey[] = []): boolean =>
    keysWithout(keys, others).length === 0 && keysWithout(others, keys).length === 0;
  return a.length === b.length && a.every((group, index) => covers(group, b[index]));
}

/** How many groups have to come together. */
function neededGroups(groups: KeyGroups, threshold: number): number {
  return groups.length > 1 ? threshold || groups.length : 1;
}

function encryptedPaths(opened: OpenedFile): readonly string[] {
  const paths: string[] = [];
  for (const [index, branch] of opened.plain.branches.entries()) {
    const sealed = opened.parsed.document.branches[index];
    if (sealed === undefined) continue;
    walkLeaves(branch, sealed, (_, leaf, path) => {
      if (isHidden(leaf)) paths.push(printTreePath(path));
    });
  }
  return paths;
}
