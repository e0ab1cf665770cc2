import type { Config } from "../config/rules.ts";
import type { KeyNames } from "../core/key-names.ts";
import { type MasterKey, matchesListed } from "../core/master-key.ts";
import { KsealError } from "../errors.ts";
import type { Format } from "../formats/store.ts";
import { reasonOf } from "../keys/opened-keys.ts";
import { atHand } from "./at-hand.ts";
import { schemaWarning } from "./config-schema.ts";
import type { OpContext } from "./context.ts";
import { gitWarnings } from "./git-doctor.ts";
import { parseText, readText } from "./load-file.ts";
import { mapFiles } from "./map-files.ts";
import { type KeyCheck, type KeyedFile, keyedBy, probeKeys } from "./probe-keys.ts";
import { flatKeys } from "./recipients.ts";
import { quietFunctions } from "./render-doctor.ts";
import { openRuleBook, type RuleBook } from "./rule-book.ts";
import { type SelectedFile, selectEncrypted } from "./select-files.ts";

export interface DoctorOptions {
  /** Files or folders; the working folder, with what its rules list, when there are none. */
  readonly paths: readonly string[];
  readonly inputType?: Format | undefined;
}

/** Whether one file can be opened with what is at hand. */
export interface FileCheck {
  readonly file: string;
  readonly opens: boolean;
  /** Key groups of the file, those that have to open, and those that do. One group holds the data key itself. */
  readonly groups: { readonly all: number; readonly needed: number; readonly opened: number };
  /** Why it cannot even be looked into. */
  readonly problem?: string | undefined;
}

/** What `doctor` found out. */
export interface Diagnosis {
  readonly files: readonly FileCheck[];
  readonly keys: readonly KeyCheck[];
  /** Identities, programs and names of settings. */
  readonly atHand: readonly string[];
  /** What can be done about the files that cannot be opened, besides the hints of the keys. */
  readonly nextSteps: readonly string[];
  /** What is wrong with a configuration. */
  readonly problems: readonly string[];
  readonly names: KeyNames;
}

/**
 * Looks whether every key source that some files need is there, answers and lets the user in. Opens one wrapped key of
 * each distinct master key, and decrypts no value.
 */
export async function diagnose(options: DoctorOptions, context: OpContext): Promise<Diagnosis> {
  for (const warning of await gitWarnings(context)) context.log.warn(warning);
  const files = await readFiles(options, context);
  const checks = await probeKeys(files, (file, checks) => checkFile(file, checks).opens, context);
  const { configs, problems } = await configsOf(files, context);
  for (const { path } of configs) {
    const warning = await schemaWarning(context.host, path);
    if (warning !== undefined) context.log.warn(warning);
  }
  const checked = files.map((file) => checkFile(file, checks));
  const untried = options.paths.length > 0 ? [] : untriedKeys(configs, checks);
  const closed = new Set(checked.filter(({ opens }) => !opens).map(({ file }) => file));
  const failed = checks.filter(
    ({ state, files }) => state !== "opens" && files.some((file) => closed.has(file)),
  );
  const own = new Set(checks.map(({ hint }) => hint));
  const steps = await context.keyring.nextSteps(failed.map(({ key, hint }) => ({ key, hint })));
  return {
    files: checked,
    keys: [...checks, ...untried],
    atHand: await atHand(
      [...checks, ...untried].map(({ key }) => key),
      context,
    ),
    nextSteps: [
      ...steps.filter((step) => !own.has(step)),
      ...(options.paths.length > 0 ? [] : await quietFunctions(context)),
    ],
    problems,
    names: new Map(configs.flatMap(({ names }) => [...names])),
  };
}

async function readFiles(
  { paths, inputType }: DoctorOptions,
  context: OpContext,
): Promise<readonly KeyedFile[]> {
  const sources = await select(paths, context);
  const read = async (source: SelectedFile): Promise<readonly KeyedFile[]> => {
    const { file } = source;
    try {
      const text = await readText(source, {}, context);
      const { metadata } = await parseText(text, inputType);
      if (metadata === undefined && source.found) return [];
      if (metadata === undefined)
        throw new KsealError("NOT_ENCRYPTED", "not encrypted: it has no sops metadata");
      return [{ file, name: text.name, groups: metadata.groups, threshold: metadata.shamirThreshold }];
    } catch (error) {
      if (!(error instanceof KsealError) || error.code === "INTERRUPTED") throw error;
      return [{ file, name: "", groups: [], threshold: 0, problem: error.message }];
    }
  };
  return (await mapFiles(sources, read, context)).flat();
}

async function select(paths: readonly string[], context: OpContext): Promise<readonly SelectedFile[]> {
  if (paths.length > 0) return selectEncrypted({ paths }, context);
  try {
    return await selectEncrypted({ paths: ["."] }, context);
  } catch (error) {
    // A folder in which nothing is encrypted yet has rules to look at.
    if (error instanceof KsealError && error.code === "NO_FILE") return [];
    throw error;
  }
}

function checkFile({ file, groups, threshold, problem }: KeyedFile, checks: readonly KeyCheck[]): FileCheck {
  const opening = new Set(checks.filter(({ state }) => state === "opens").map(({ key }) => keyedBy(key)));
  const opened = groups.filter((group) => group.some(({ key }) => opening.has(keyedBy(key)))).length;
  const all = groups.length;
  const needed = all > 1 ? Math.max(threshold || all, 2) : 1;
  return { file, opens: problem === undefined && opened >= needed, groups: { all, needed, opened }, problem };
}

async function configsOf(
  files: readonly KeyedFile[],
  context: OpContext,
): Promise<{ configs: readonly Config[]; problems: readonly string[] }> {
  const { host } = context;
  const rules: RuleBook = openRuleBook(context);
  const configs = new Set<Config>();
  const problems = new Set<string>();
  for (const path of [host.resolve(host.cwd, "new.yaml"), ...files.map(({ name }) => host.resolve(name))]) {
    try {
      const config = await rules.configFor(path);
      if (config !== undefined) configs.add(config);
    } catch (error) {
      if (!(error instanceof KsealError)) throw error;
      problems.add(reasonOf(error));
    }
  }
  return { configs: [...configs], problems: [...problems] };
}

/** Keys that rules list and no file has yet, so that nothing says whether they work. */
function untriedKeys(configs: readonly Config[], checks: readonly KeyCheck[]): readonly KeyCheck[] {
  const listed: readonly MasterKey[] = flatKeys(
    configs.flatMap(({ rules = [] }) => rules.flatMap(({ groups }) => groups)),
  );
  return listed
    .filter((rule) => !checks.some(({ key }) => matchesListed(key, rule)))
    .map((key) => ({ key, state: "untried", files: [] }));
}
