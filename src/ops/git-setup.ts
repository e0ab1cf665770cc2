import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import { below } from "./file-path.ts";
import { git, gitText } from "./git.ts";
import { type CommitHook, findCommitHook, writeCommitHook } from "./git-hook.ts";

const decoder = new TextDecoder();

/** The lines of `.gitattributes`, for the formats of SOPS; kseal merges other files with these endings as Git does. */
const gitLines: readonly string[] = linesWith("merge=kseal diff=kseal");

/** The lines that make Git refuse files in clear. */
const filterLines: readonly string[] = linesWith("filter=kseal");

function linesWith(attributes: string): readonly string[] {
  return ["yaml", "yml", "json", "env", "ini"].map((ending) => `*.${ending} ${attributes}`);
}

/**
 * Runs kseal where it is installed, and what Git would do itself where it is not: a driver that is missing would leave
 * one side's version in the working tree.
 */
const mergeDriver =
  "if command -v kseal >/dev/null 2>&1; then kseal merge --path %P --marker-size %L %O %A %B; else git merge-file --marker-size=%L %A %O %B; fi";

/**
 * Files that are not encrypted are shown as they are, and without starting anything. There is no `cachetextconv`: Git
 * would keep what it was shown in the repository.
 */
const textconv =
  'f() { if grep -qi lastmodified -- "$1" && command -v kseal >/dev/null 2>&1; then kseal diff --textconv -- "$1"; else cat -- "$1"; fi; }; f';

/**
 * Refuses what a rule covers and is in clear. Without kseal everything passes, with a word about it: a filter that fails
 * would stop `git status`, too.
 */
const clean =
  "if command -v kseal >/dev/null 2>&1; then kseal check --clean=%f; else echo kseal is not on PATH, so nothing has looked whether this is in clear: %f >&2; cat; fi";

/** A setting of a clone. They are not part of the repository, so every clone needs its own. */
type Setting = readonly [name: string, value: string];

const settings: readonly Setting[] = [
  ["merge.kseal.name", "kseal: encrypted files, by structure"],
  ["merge.kseal.driver", mergeDriver],
  // For the versions that Git makes up itself where branches were merged crosswise: one of the two, which has a MAC.
  ["merge.kseal.recursive", "binary"],
  ["diff.kseal.textconv", textconv],
  ["difftool.kseal.cmd", 'kseal diff --path "$MERGED" "$LOCAL" "$REMOTE"'],
];

const filterSettings: readonly Setting[] = [
  ["filter.kseal.clean", clean],
  ["filter.kseal.smudge", "cat"],
  ["filter.kseal.required", "true"],
];

/**
 * Sets up the clone that the working folder belongs to, for `init`.
 *
 * @param options.filter - Also the filter that refuses files in clear; where the repository names it, it is set up anyway.
 * @returns What was done, or would be, a line each; none where nothing is missing.
 */
export async function initGit(
  { dryRun, filter }: { readonly dryRun: boolean; readonly filter: boolean },
  { host, log }: Pick<OpContext, "host" | "log">,
): Promise<readonly string[]> {
  const missing = await missingGitSetup(host, host.cwd, { filter });
  if (missing === undefined) return [];
  const { attributes, missingLines, missingSettings, hook } = missing;
  if (hook.advice !== "") log.warn(hook.advice);
  const isComplete = missingLines.length + missingSettings.length === 0 && hook.state !== "free";
  if (isComplete) return [];
  if (!dryRun) await setUpGit(missing, host);
  if ((await host.which("kseal")) === undefined) {
    log.warn("kseal is not on PATH, so Git goes on merging and showing encrypted files as text");
  }
  const [wouldAdd, wouldWrite] = dryRun ? ["would add", "would write"] : ["added", "wrote"];
  return [
    ...(missingLines.length === 0
      ? []
      : [
          `${wouldAdd} lines to ${attributes}: which files Git merges and shows with kseal${filter ? ", and refuses in clear" : ""}`,
        ]),
    ...(missingSettings.length === 0
      ? []
      : [`${wouldAdd} the commands for it to the settings of this clone`]),
    ...(hook.state === "free" ? [`${wouldWrite} ${hook.path}: it stops commits with secrets in clear`] : []),
  ];
}

/** What is missing in a clone for Git to merge encrypted files by structure and to stop commits in clear. */
interface GitSetup {
  /** The `.gitattributes` of the repository. */
  readonly attributes: string;
  /** Whether it names kseal already. */
  readonly isAdopted: boolean;
  /** Whether Git starts kseal by its name in this clone. */
  readonly isSetUp: boolean;
  /** Lines that it lacks. */
  readonly missingLines: readonly string[];
  /** Settings of the clone that are not there or say something else. */
  readonly missingSettings: readonly Setting[];
  readonly hook: CommitHook;
}

/**
 * Looks what the clone that a folder belongs to lacks.
 *
 * @returns `undefined` where there is no Git or no repository.
 */
export async function missingGitSetup(
  host: Host,
  folder: string,
  { filter }: { readonly filter: boolean },
): Promise<GitSetup | undefined> {
  const top = await gitText(host, folder, ["rev-parse", "--show-toplevel"]);
  if (top === "") return undefined;
  const attributes = below(top, ".gitattributes", host.platform);
  const lines = new Set(
    (await readLines(host, attributes)).map((line) => line.trim().replaceAll(/\s+/g, " ")),
  );
  const filters = filter || [...lines].some((line) => /\sfilter=kseal\b/.test(line));
  const missingSettings: Setting[] = [];
  let isSetUp = false;
  for (const [name, value] of filters ? [...settings, ...filterSettings] : settings) {
    const present = await gitText(host, top, ["config", "--get", name]);
    // A command of the user's own, with another path to kseal, is as good.
    isSetUp ||= present.startsWith("if command -v kseal ");
    const own = ownCommands.find(([command]) => command === name)?.[1];
    if (own === undefined ? present === "" : !present.includes(own)) missingSettings.push([name, value]);
  }
  return {
    attributes,
    isAdopted: filters || gitLines.some((line) => lines.has(line)),
    isSetUp,
    missingLines: [...gitLines, ...(filter ? filterLines : [])].filter((line) => !lines.has(line)),
    missingSettings,
    hook: await findCommitHook(host, top),
  };
}

const ownCommands: readonly (readonly [name: string, part: string])[] = [
  ["merge.kseal.driver", "merge --path %P"],
  ["filter.kseal.clean", "check --clean=%f"],
];

/**
 * Sets up Git so that encrypted files merge by structure. What is there already stays.
 *
 * @throws KsealError `OUTPUT_UNWRITABLE` when Git does not take a setting.
 */
async function setUpGit(
  { attributes, missingLines, missingSettings, hook }: GitSetup,
  host: Host,
): Promise<void> {
  if (missingLines.length > 0) {
    const before =
      (await host.stat(attributes)) === undefined ? new Uint8Array() : await host.readFile(attributes);
    const text = decoder.decode(before);
    const gap = text === "" || text.endsWith("\n") ? "" : "\n";
    const bytes = new TextEncoder().encode(`${text}${gap}${missingLines.join("\n")}\n`);
    if (before.length === 0) await host.createFile(attributes, bytes, { mode: 0o644, overwrite: true });
    else await host.replaceFiles([{ path: attributes, bytes, expect: before }]);
  }
  const folder = attributes.slice(0, -".gitattributes".length);
  for (const [name, value] of missingSettings) {
    if ((await git(host, folder, ["config", "--local", name, value])) !== undefined) continue;
    throw new KsealError("OUTPUT_UNWRITABLE", `Git does not take the setting ${name}`, {
      hint: `see why: git config --local ${name} ''`,
    });
  }
  if (hook.state === "free") await writeCommitHook(hook, { host });
}

async function readLines(host: Host, path: string): Promise<readonly string[]> {
  if ((await host.stat(path))?.kind !== "file") return [];
  return decoder.decode(await host.readFile(path, { limit: 1024 * 1024 })).split("\n");
}
