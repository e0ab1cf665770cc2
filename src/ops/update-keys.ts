import { DataKey } from "../core/data-key.ts";
import { spelledThreshold } from "../core/metadata.ts";
import { KsealError } from "../errors.ts";
import { storeFor } from "../formats/detect.ts";
import type { Format } from "../formats/store.ts";
import type { OpContext } from "./context.ts";
import { shellWord } from "./file-path.ts";
import { keyLookup } from "./key-lookup.ts";
import { compareKeys, type KeysChange, type KeysChangeOptions } from "./keys-change.ts";
import { layoutLike } from "./layout.ts";
import { type OpenedFile, openParsed, parseText, readText } from "./load-file.ts";
import { mapFiles } from "./map-files.ts";
import { resealFile } from "./reseal-file.ts";
import { rewrap } from "./rewrap.ts";
import { openRuleBook, type RuleBook } from "./rule-book.ts";
import { type FileScope, type SelectedFile, selectEncrypted } from "./select-files.ts";
import { type Result, withLocks, writeResults } from "./write-result.ts";

export interface UpdateKeysOptions extends KeysChangeOptions, FileScope {
  readonly inputType?: Format | undefined;
  /** The plan is not meant to be applied. */
  readonly dryRun?: boolean | undefined;
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
  const sources = await selectEncrypted(options, context);
  // Taking a lock puts right what an interrupted run has left, which must not change the files after they were read.
  await withLocks(sources.slice(0, 1), options.dryRun !== true, context, async () => undefined);
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
  try {
    return [{ source, opened, change: await compareKeys(opened, matched, options, context) }];
  } catch (error) {
    throw error instanceof KsealError ? error.at({ file }) : error;
  }
}

async function applyTo({ source, opened, change }: Planned, context: OpContext): Promise<Result> {
  const { after: groups } = change;
  const shamirThreshold = spelledThreshold(groups, change.thresholdAfter);
  const base = opened.parsed;
  const expect = opened.bytes;
  if (change.rekey) {
    const dataKey = new DataKey(context.host.random(32));
    const lookup = keyLookup(opened.name, context);
    const wrapped = await context.keyring.wrapAll(dataKey, groups, shamirThreshold, lookup);
    const rekey = { dataKey, groups: wrapped, shamirThreshold };
    return { source, content: await resealFile(opened, { rekey }, context), expect };
  }
  const wrapped = await rewrap(opened, { groups, shamirThreshold }, context);
  if (change.shutOut.length > 0) {
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
