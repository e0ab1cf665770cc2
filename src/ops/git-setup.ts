import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import { below } from "./file-path.ts";
import { git } from "./git.ts";

const decoder = new TextDecoder();

/** The lines of `.gitattributes`, for the formats of SOPS; kseal merges other files with these endings as Git does. */
export const gitLines: readonly string[] = ["yaml", "yml", "json", "env", "ini"].map(
  (ending) => `*.${ending} merge=kseal diff=kseal`,
);

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

/** The settings of this clone; they are not part of the repository, so every clone needs its own. */
const settings: readonly (readonly [name: string, value: string])[] = [
  ["merge.kseal.name", "kseal: encrypted files, by structure"],
  ["merge.kseal.driver", mergeDriver],
  // For the versions that Git makes up itself where branches were merged crosswise: one of the two, which has a MAC.
  ["merge.kseal.recursive", "binary"],
  ["diff.kseal.textconv", textconv],
];

/**
 * Sets up the clone that the working folder belongs to, for `init`.
 *
 * @returns What was done, or would be, a line each; none where nothing is missing.
 */
export async function initGit(
  { dryRun }: { readonly dryRun: boolean },
  { host, log }: Pick<OpContext, "host" | "log">,
): Promise<readonly string[]> {
  const missing = await missingGitSetup(host, host.cwd);
  if (missing === undefined) return [];
  const { attributes, missingLines, missingSettings } = missing;
  if (missingLines.length + missingSettings.length === 0) return [];
  if (!dryRun) await setUpGit(missing, host);
  if ((await host.which("kseal")) === undefined) {
    log.warn("kseal is not on PATH, so Git goes on merging and showing encrypted files as text");
  }
  const would = dryRun ? "would add" : "added";
  return [
    ...(missingLines.length === 0
      ? []
      : [`${would} lines to ${attributes}: which files Git merges and shows with kseal`]),
    ...(missingSettings.length === 0 ? [] : [`${would} the commands for it to the settings of this clone`]),
  ];
}

/** What is missing for Git to merge encrypted files by structure in a clone. */
interface GitSetup {
  /** The `.gitattributes` of the repository. */
  readonly attributes: string;
  /** Lines that it lacks. */
  readonly missingLines: readonly string[];
  /** Settings of the clone that are not there or say something else. */
  readonly missingSettings: readonly (readonly [name: string, value: string])[];
}

/**
 * Looks what the clone that a folder belongs to lacks.
 *
 * @returns `undefined` where there is no Git or no repository.
 */
export async function missingGitSetup(host: Host, folder: string): Promise<GitSetup | undefined> {
  const top = await textOf(host, folder, ["rev-parse", "--show-toplevel"]);
  if (top === "") return undefined;
  const attributes = below(top, ".gitattributes", host.platform);
  const lines = new Set(
    (await readLines(host, attributes)).map((line) => line.trim().replaceAll(/\s+/g, " ")),
  );
  const missingSettings: (readonly [string, string])[] = [];
  for (const [name, value] of settings) {
    const present = await textOf(host, top, ["config", "--get", name]);
    // A driver of the user's own, with another path to kseal, is as good.
    const isOwn = name === "merge.kseal.driver" ? present.includes("merge --path %P") : present !== "";
    if (!isOwn) missingSettings.push([name, value]);
  }
  return { attributes, missingLines: gitLines.filter((line) => !lines.has(line)), missingSettings };
}

/**
 * Sets up Git so that encrypted files merge by structure. What is there already stays.
 *
 * @throws KsealError `OUTPUT_UNWRITABLE` when Git does not take a setting.
 */
async function setUpGit({ attributes, missingLines, missingSettings }: GitSetup, host: Host): Promise<void> {
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
}

async function readLines(host: Host, path: string): Promise<readonly string[]> {
  if ((await host.stat(path))?.kind !== "file") return [];
  return decoder.decode(await host.readFile(path, { limit: 1024 * 1024 })).split("\n");
}

async function textOf(host: Host, folder: string, args: readonly string[]): Promise<string> {
  return decoder.decode((await git(host, folder, args)) ?? new Uint8Array()).trim();
}
