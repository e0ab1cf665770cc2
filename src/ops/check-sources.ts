import type { FolderEntry } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { changedSince, isRegular, type Skipped } from "./changed-files.ts";
import type { OpContext } from "./context.ts";
import { below, seenFrom } from "./file-path.ts";
import { git, splitBatch } from "./git.ts";
import { askStaged, type StagedFiles } from "./staged-files.ts";

/** A file to check. */
export interface CheckSource {
  /** For messages. */
  readonly file: string;
  /** Absolute. */
  readonly path: string;
  /** `undefined` for what is no text to look at: too large, or gone meanwhile. */
  readonly read: () => Promise<Uint8Array | undefined>;
}

/** What to check: files and folders, what is staged, or what differs from a revision. */
export interface CheckScope {
  readonly paths: readonly string[];
  readonly staged: boolean;
  /** What is staged, when Git was asked before. */
  readonly asked?: StagedFiles | undefined;
  readonly since: string | undefined;
}

const decoder = new TextDecoder();
// Larger files are no manifests; a file of secrets that somebody edits is far below.
const largest = 8 * 1024 * 1024;
// So many staged files are in memory at a time.
const batchLength = 64;

/**
 * The files to check, one after the other, so that no list of them is kept. Of a folder all that Git would take: what it
 * ignores, symbolic links, submodules and Git's own files are left out.
 *
 * @throws KsealError `NO_FILE`, and `USAGE` where there is no repository or no such revision.
 */
export function checkSources(
  scope: CheckScope,
  skipped: Skipped,
  context: OpContext,
): AsyncGenerator<CheckSource, void, undefined> {
  if (scope.staged) {
    return stagedFiles(scope, skipped, context);
  }
  if (scope.since !== undefined) return changedFiles(scope.since, scope.paths, skipped, context);
  return namedFiles(scope.paths, skipped, context);
}

async function* namedFiles(
  paths: readonly string[],
  skipped: Skipped,
  context: OpContext,
): AsyncGenerator<CheckSource, void, undefined> {
  const { host } = context;
  for (const named of paths) {
    const path = host.resolve(named);
    const stat = await host.stat(path);
    if (stat === undefined) throw new KsealError("NO_FILE", "no such file", { where: { file: named } });
    if (stat.kind === "folder") yield* filesBelow(named, skipped, context);
    else yield worktreeFile(seenFrom(host.cwd, path, host.platform), path, skipped, context);
  }
}

async function* filesBelow(
  folder: string,
  skipped: Skipped,
  { host, signal }: OpContext,
): AsyncGenerator<CheckSource, void, undefined> {
  const root = host.resolve(folder);
  const shown = seenFrom(host.cwd, root, host.platform);
  const ignored = await ignoredBelow(root, { host });
  const waiting = [""];
  for (let inside = waiting.pop(); inside !== undefined; inside = waiting.pop()) {
    if (signal?.aborted) throw new KsealError("INTERRUPTED", "interrupted");
    const entries = await host.list(host.resolve(root, inside));
    const { files, folders } = sortEntries(entries, inside, { ignored, skipped });
    waiting.push(...folders);
    for (const relative of files) {
      const file = root === host.cwd ? relative : below(shown, relative, host.platform);
      yield worktreeFile(file, host.resolve(root, relative), skipped, { host });
    }
  }
}

/** The files and folders of a folder that are looked at, by their paths below the root. */
function sortEntries(
  entries: readonly FolderEntry[],
  inside: string,
  { ignored, skipped }: { readonly ignored: ReadonlySet<string>; readonly skipped: Skipped },
): { readonly files: readonly string[]; readonly folders: readonly string[] } {
  const [files, folders]: [string[], string[]] = [[], []];
  // A submodule has a `.git` of its own, and so has a repository inside of another one.
  if (inside !== "" && entries.some(({ name }) => name === ".git")) {
    skipped.submodules += 1;
    return { files, folders };
  }
  for (const entry of entries) {
    const relative = inside === "" ? entry.name : `${inside}/${entry.name}`;
    const kind = kindOf(entry, relative, ignored);
    if (kind === "link") skipped.links += 1;
    if (kind === "folder") folders.push(relative);
    if (kind === "file") files.push(relative);
  }
  return { files, folders };
}

function kindOf(
  { name, kind, isSymbolicLink }: FolderEntry,
  relative: string,
  ignored: ReadonlySet<string>,
): "file" | "folder" | "link" | "other" {
  if (name === ".git" || name.startsWith(".kseal-")) return "other";
  if (isSymbolicLink) return "link";
  return ignored.has(kind === "folder" ? `${relative}/` : relative) ? "other" : kind;
}

/** What Git ignores below a folder; folders that are ignored as a whole end in a slash. */
async function ignoredBelow(root: string, { host }: Pick<OpContext, "host">): Promise<ReadonlySet<string>> {
  const flags = ["--others", "--ignored", "--exclude-standard", "--directory"];
  const output = await git(host, root, ["ls-files", "-z", ...flags]);
  return new Set(output === undefined ? [] : decoder.decode(output).split("\0"));
}

function worktreeFile(
  file: string,
  path: string,
  skipped: Skipped,
  { host }: Pick<OpContext, "host">,
): CheckSource {
  const read = async (): Promise<Uint8Array | undefined> => {
    try {
      return await host.readFile(path, { limit: largest });
    } catch (error) {
      if (!(error instanceof KsealError)) throw error;
      // Gone since the folder was listed.
      if (error.code === "NO_FILE") return undefined;
      if (error.code !== "LIMIT_EXCEEDED") throw error;
      skipped.large += 1;
      return undefined;
    }
  };
  return { file, path, read };
}

async function* stagedFiles(
  { paths, asked }: CheckScope,
  skipped: Skipped,
  { host }: OpContext,
): AsyncGenerator<CheckSource, void, undefined> {
  const { top, changes } = asked ?? (await askStaged(paths, host));
  const files = (await changes).filter((change) => isRegular(change, skipped));
  for (let start = 0; start < files.length; start += batchLength) {
    const batch = files.slice(start, start + batchLength);
    const asked = batch.map(({ blob }) => `${blob}\n`).join("");
    const output = await git(host, host.cwd, ["cat-file", "--batch"], asked);
    const contents = output === undefined ? [] : splitBatch(output);
    for (const [index, { name }] of batch.entries()) {
      const path = host.resolve(top, name);
      const bytes = contents[index];
      if (bytes === undefined || bytes.length > largest) skipped.large += 1;
      else yield { file: seenFrom(host.cwd, path, host.platform), path, read: async () => bytes };
    }
  }
}

async function* changedFiles(
  revision: string,
  paths: readonly string[],
  skipped: Skipped,
  context: OpContext,
): AsyncGenerator<CheckSource, void, undefined> {
  for await (const { file, path } of changedSince(revision, paths, skipped, context)) {
    yield worktreeFile(file, path, skipped, context);
  }
}
