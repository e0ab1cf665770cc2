import { DataKey } from "../core/data-key.ts";
import { type KeyNames, shortKeyId } from "../core/key-names.ts";
import { type KeyGroups, keyId, type MasterKey } from "../core/master-key.ts";
import { spelledThreshold } from "../core/metadata.ts";
import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import type { Destination } from "./destination.ts";
import { shellWord } from "./file-path.ts";
import { keyLookup } from "./key-lookup.ts";
import type { LayoutOptions } from "./layout.ts";
import { describeUnlisted, refuseUnlisted, unlistedRecipients } from "./listed-recipients.ts";
import { type OpenedFile, type OpenOptions, openParsed, parseText, readText } from "./load-file.ts";
import { mapFiles } from "./map-files.ts";
import { flatKeys, type KeyFlags, keysOf, keysWithout } from "./recipients.ts";
import { type Removal, removalsOf } from "./removed-keys.ts";
import { resealFile } from "./reseal-file.ts";
import { refuseUnknown } from "./rewrap.ts";
import { openRuleBook, type RuleBook } from "./rule-book.ts";
import { type FileScope, type SelectedFile, selectEncrypted } from "./select-files.ts";
import { type Result, refuseSeveral, withLocks, writeResults } from "./write-result.ts";

export interface RotateOptions extends OpenOptions, LayoutOptions, FileScope {
  readonly destination: Destination;
  /** Recipients to add, to the first group. */
  readonly add?: KeyFlags | undefined;
  /** Recipients to remove, from all groups. */
  readonly remove?: KeyFlags | undefined;
  /**
   * What happens when a file has a recipient that the matching creation rule does not list (sops.md D8).
   * `refuse` when left out.
   */
  readonly unlisted?: "refuse" | "warn" | undefined;
  readonly nameOverride?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface RotatedFile {
  readonly file: string;
  readonly writtenTo: string | undefined;
  readonly content: Uint8Array;
  readonly groups: KeyGroups;
  readonly added: readonly MasterKey[];
  readonly removed: readonly MasterKey[];
  /** What `.sops.yaml` calls the keys. */
  readonly names: KeyNames;
}

interface Change {
  readonly add: readonly MasterKey[];
  readonly remove: readonly Removal[];
}

interface RotatedSource extends Result {
  readonly groups: KeyGroups;
  readonly added: readonly MasterKey[];
  readonly removed: readonly MasterKey[];
  readonly names: KeyNames;
}

/** Gives files a new data key: every value is encrypted anew, and the key wrapped for the recipients. */
export async function rotateFiles(
  options: RotateOptions,
  context: OpContext,
): Promise<readonly RotatedFile[]> {
  const { destination, dryRun } = options;
  const change = { add: await keysOf(options.add, context), remove: removalsOf(options.remove) };
  const rules = openRuleBook(context);
  const sources = await selectEncrypted(options, context);
  refuseSeveral(sources, destination);
  return withLocks(sources, destination.to === "in-place" && !dryRun, context, async () => {
    const work = (source: SelectedFile): Promise<readonly RotatedSource[]> =>
      rotateSource(source, change, options, rules, context);
    const results = (await mapFiles(sources, work, context)).flat();
    const targets = await writeResults(results, destination, { dryRun, plaintext: false }, context);
    return results.map(({ source, expect: _, ...result }, index) => ({
      file: source.file,
      writtenTo: targets[index],
      ...result,
    }));
  });
}

async function rotateSource(
  source: SelectedFile,
  change: Change,
  options: RotateOptions,
  rules: RuleBook,
  context: OpContext,
): Promise<readonly RotatedSource[]> {
  const text = await readText(source, options, context);
  const parsed = await parseText(text, options.inputType);
  if (parsed.metadata === undefined && source.found) return [];
  const opened = await openParsed(text, parsed, options, context);
  try {
    const before = opened.metadata.groups.map((group) => group.map(({ key }) => key));
    const after = changeGroups(before, change);
    refuseUnknown(after.flat());
    warnOfMissing(source.file, before, change, context);
    await checkUnlisted(opened, after, change, { options, rules, context });
    const shamirThreshold = spelledThreshold(after, opened.metadata.shamirThreshold);
    const dataKey = new DataKey(context.host.random(32));
    const lookup = keyLookup(text.name, context, change.add);
    const groups = await context.keyring.wrapAll(dataKey, after, shamirThreshold, lookup);
    const content = await resealFile(
      opened,
      { ...options, rekey: { dataKey, groups, shamirThreshold } },
      context,
    );
    const [was, is] = [flatKeys(before), flatKeys(after)];
    const result = { source, content, expect: text.bytes, groups: after, names: await lookup.names() };
    return [{ ...result, added: keysWithout(is, was), removed: keysWithout(was, is) }];
  } catch (error) {
    throw error instanceof KsealError ? error.at({ file: source.file }) : error;
  }
}

function changeGroups(before: KeyGroups, { add, remove }: Change): KeyGroups {
  const left = before.map((group) => group.filter((key) => !remove.some((removal) => removal.matches(key))));
  const after = left.map((group, index) => (index === 0 ? [...group, ...keysWithout(add, group)] : group));
  if (after.some((group) => group.length === 0)) {
    throw new KsealError("NO_MASTER_KEYS", "a key group would be left without a master key", {
      hint: "remove the group with: kseal groups delete",
    });
  }
  return after;
}

async function checkUnlisted(
  opened: OpenedFile,
  after: KeyGroups,
  change: Change,
  { options, rules, context }: { options: RotateOptions; rules: RuleBook; context: OpContext },
): Promise<void> {
  // Whoever is removed or added by flag was looked at by the user.
  const kept = keysWithout(flatKeys(after), change.add);
  const groups = opened.metadata.groups.map((group) =>
    group.filter(({ key }) => keysWithout([key], kept).length === 0),
  );
  const keeping = { ...opened, metadata: { ...opened.metadata, groups } };
  if (options.unlisted !== "warn") return refuseUnlisted(keeping, rules, context);
  const unlisted = await unlistedRecipients(keeping, rules, context);
  if (unlisted.length > 0)
    context.log.warn(`${opened.file}: ${await describeUnlisted(unlisted, opened, context)}`);
}

function warnOfMissing(file: string, before: KeyGroups, { remove }: Change, { log }: OpContext): void {
  const keys = flatKeys(before);
  for (const { text } of remove.filter((removal) => !keys.some((key) => removal.matches(key)))) {
    const missing = `${file}: ${shortKeyId(text)} is not among its recipients and cannot be removed`;
    const [used] = keys.filter((key) => keyId(key) === text).map(useOf);
    log.warn(used ? `${missing}; the file has it with ${used}` : missing);
  }
}

/** The flags that name an AWS KMS key as a file has it. */
function useOf(key: MasterKey): string | undefined {
  if (key.type !== "kms") return undefined;
  const context = Object.entries(key.context ?? {}).map((pair) => pair.join(":"));
  const flags = [
    ...(context.length > 0 ? [`--encryption-context ${shellWord(context.join(","))}`] : []),
    ...(key.awsProfile ? [`--aws-profile ${shellWord(key.awsProfile)}`] : []),
  ];
  return flags.join(" ");
}
