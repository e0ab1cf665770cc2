import { DataKey } from "../core/data-key.ts";
import type { KeyGroups, MasterKey } from "../core/master-key.ts";
import { spelledThreshold } from "../core/metadata.ts";
import { printTreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import { storeFor } from "../formats/detect.ts";
import type { Format } from "../formats/store.ts";
import type { OpContext } from "./context.ts";
import { shellWord } from "./file-path.ts";
import { layoutLike } from "./layout.ts";
import { type OpenedFile, openParsed, parseText, readText } from "./load-file.ts";
import { mapFiles } from "./map-files.ts";
import { flatKeys, keysWithout } from "./recipients.ts";
import { resealFile } from "./reseal-file.ts";
import { refuseUnknown, rewrap } from "./rewrap.ts";
import { type MatchedRule, openRuleBook, type RuleBook } from "./rule-book.ts";
import { type SelectedFile, selectEncrypted } from "./select-files.ts";
import { isHidden, walkLeaves } from "./walk-leaves.ts";
import { type Result, withLocks, writeResults } from "./write-result.ts";

export interface UpdateKeysOptions {
  /** Files or folders. */
  readonly paths: readonly string[];
  readonly inputType?: Format | undefined;
  /** Keeps the data key although a recipient is removed, who can then still read what is in the file's history. */
  readonly keepDataKey?: boolean | undefined;
  readonly shamirThreshold?: number | undefined;
  /** Keeps the file's threshold, as far as there are groups for it, where the rule says another one: as SOPS does. */
  readonly keepThreshold?: boolean | undefined;
}

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
  /** Whether the file gets a new data key, because somebody must not read it any more. */
  readonly rekey: boolean;
  /** Tree paths of the values that a removed recipient could read, and whose credentials should be changed. */
  readonly exposed: readonly string[];
}

export interface UpdateKeysPlan {
  readonly files: readonly KeysChange[];
  /** Writes all changed files, or none; a file that has changed meanwhile is `FILE_CHANGED`. */
  apply(): Promise<void>;
}

interface Planned {
  readonly source: SelectedFile;
  readonly opened: OpenedFile;
  readonly change: KeysChange;
}

/**
 * Plans how files get the recipients of their creation rules. Every file is opened and its MAC checked first; nothing is
 * written before {@link UpdateKeysPlan.apply}.
 */
export async function planUpdateKeys(
  options: UpdateKeysOptions,
  context: OpContext,
): Promise<UpdateKeysPlan> {
  const rules = openRuleBook(context);
  const sources = await selectEncrypted(options.paths, context);
  const plan = (source: SelectedFile): Promise<readonly Planned[]> =>
    planFile(source, options, rules, context);
  const planned = (await mapFiles(sources, plan, context)).flat();
  return {
    files: planned.map(({ change }) => change),
    async apply() {
      const changed = planned.filter(({ change }) => change.changed);
      const files = changed.map(({ source }) => source);
      await withLocks(files, true, context, async () => {
        const jobs = changed.map((job) => ({ ...job, file: job.change.file }));
        const results = await mapFiles(jobs, (job) => applyTo(job, context), context);
        await writeResults(results, { to: "in-place" }, { plaintext: false }, context);
      });
    },
  };
}

async function planFile(
  source: SelectedFile,
  options: UpdateKeysOptions,
  rules: RuleBook,
  context: OpContext,
): Promise<readonly Planned[]> {
  const { file, path } = source;
  if (path === undefined)
    throw new KsealError("USAGE", "updatekeys changes files in place; standard input is none");
  const text = await readText(source, {}, context);
  const parsed = await parseText(text, options.inputType);
  if (parsed.metadata === undefined && source.found) return [];
  const opened = await openParsed(text, parsed, {}, context);
  const matched = await rules.ruleFor(path);
  if (matched === undefined) {
    throw new KsealError(
      "CONFIG_NOT_FOUND",
      "no creation rule matches it, so nothing says who its recipients are",
      {
        hint: "add a rule with a path_regex that matches to .sops.yaml",
        where: { file },
      },
    );
  }
  if (matched.rule.groups.flat().length === 0) {
    const place = `${matched.config.path}:${matched.rule.line}`;
    throw new KsealError("NO_MASTER_KEYS", `the creation rule ${place} names no master key`, {
      where: { file },
    });
  }
  return [{ source, opened, change: compare(opened, matched, options) }];
}

function compare(opened: OpenedFile, { config, rule }: MatchedRule, options: UpdateKeysOptions): KeysChange {
  const before = opened.metadata.groups.map((group) => group.map(({ key }) => key));
  const after = keepUnknown(before, rule.groups);
  const thresholdBefore = opened.metadata.shamirThreshold;
  const thresholdAfter = options.keepThreshold
    ? Math.min(thresholdBefore, after.length)
    : (options.shamirThreshold ?? rule.shamirThreshold);
  const [was, is] = [flatKeys(before), flatKeys(after)];
  const removed = keysWithout(was, is);
  const rekey = removed.length > 0 && !options.keepDataKey;
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
    rekey,
    exposed: removed.length > 0 ? encryptedPaths(opened) : [],
  };
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

async function applyTo({ source, opened, change }: Planned, context: OpContext): Promise<Result> {
  const { after: groups } = change;
  const shamirThreshold = spelledThreshold(groups, change.thresholdAfter);
  const base = opened.parsed;
  const expect = opened.bytes;
  if (change.rekey) {
    const dataKey = new DataKey(context.host.random(32));
    const wrapped = await context.keyring.wrapAll(dataKey, groups, shamirThreshold);
    const rekey = { dataKey, groups: wrapped, shamirThreshold };
    return { source, content: await resealFile(opened, { rekey }, context), expect };
  }
  const wrapped = await rewrap(opened.dataKey, opened.metadata.groups, { groups, shamirThreshold }, context);
  if (change.removed.length > 0) {
    const { file } = source;
    context.log.warn(
      `${file}: it keeps its data key, which the removed recipients know; kseal rotate -i ${shellWord(file)}`,
    );
  }
  const store = await storeFor(base.format);
  const metadata = { ...opened.metadata, groups: wrapped, shamirThreshold };
  return {
    source,
    content: store.render(
      { document: base.document, metadata },
      await layoutLike(base, { name: opened.name, format: base.format }, context),
    ),
    expect,
  };
}
