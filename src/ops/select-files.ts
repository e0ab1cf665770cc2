import { KsealError } from "../errors.ts";
import { changedSince } from "./changed-files.ts";
import type { OpContext } from "./context.ts";
import { baseName, below } from "./file-path.ts";
import { ignoredByGit } from "./git.ts";
import { looksEncrypted } from "./looks-encrypted.ts";
import { mapFiles } from "./map-files.ts";
import type { RuleBook } from "./rule-book.ts";

/** Larger files are refused. */
export const sizeLimit: number = 256 * 1024 * 1024;

/** One file to work on. */
export interface SelectedFile {
  /** As the user named it, or as found below the named folder; `-` for standard input. For messages. */
  readonly file: string;
  /** The absolute path; `undefined` for standard input. */
  readonly path: string | undefined;
  /** The path below the named folder, with slashes; the bare name of a file that was named itself. */
  readonly relative: string;
  /** Whether it was found below a folder, and may turn out not to be meant. */
  readonly found: boolean;
}

/** What a command is told to work on. */
export interface FileScope {
  /** Files and folders; `-` is standard input. */
  readonly paths: readonly string[];
  /**
   * A revision: only those of the files that differ from it, new ones included, and of the whole repository when no path
   * is given. As below a folder, files that are not meant are passed over; that none is left is no error.
   */
  readonly since?: string | undefined;
}

/** The files to encrypt: below a folder those that a rule with a `path_regex` matches and Git does not ignore. */
export async function selectForEncryption(
  scope: FileScope,
  rules: RuleBook,
  context: OpContext,
): Promise<readonly SelectedFile[]> {
  return select(scope, context, async (folder, files) => {
    const ruled = await filterFiles(files, context, async ({ path }) => {
      const matched = path === undefined ? undefined : await rules.ruleFor(path);
      return Boolean(matched?.rule.pathRegex);
    });
    if (folder === undefined) return ruled;
    if (ruled.length === 0) {
      throw new KsealError("NO_FILE", "no file in this folder matches a rule with a path_regex", {
        hint: "add a rule to .sops.yaml, or name the files",
        where: { file: folder },
      });
    }
    const ignored = await ignoredByGit(
      context.host,
      context.host.resolve(folder),
      ruled.map(({ relative }) => relative),
    );
    return ruled.filter(({ relative }) => !ignored.has(relative));
  });
}

/** The files of all other commands: below a folder those that carry SOPS metadata. */
export async function selectEncrypted(
  scope: FileScope,
  context: OpContext,
): Promise<readonly SelectedFile[]> {
  return select(scope, context, async (folder, files) => {
    const encrypted = await filterFiles(files, context, async ({ path = "" }) => {
      const { size = 0 } = (await context.host.stat(path)) ?? {};
      return size <= sizeLimit && looksEncrypted(await context.host.readFile(path));
    });
    if (encrypted.length > 0 || folder === undefined) return encrypted;
    throw new KsealError("NO_FILE", "no encrypted file in this folder", { where: { file: folder } });
  });
}

/** Files of another kind: below a folder those whose bytes look like one. */
export async function selectLike(
  paths: readonly string[],
  kind: {
    readonly looksRight: (bytes: Uint8Array) => boolean;
    readonly missing: string;
    /** As {@link FileScope.since}. */
    readonly since?: string | undefined;
  },
  context: OpContext,
): Promise<readonly SelectedFile[]> {
  return select({ paths, since: kind.since }, context, async (folder, files) => {
    const chosen = await filterFiles(files, context, async ({ path = "" }) => {
      const { size = 0 } = (await context.host.stat(path)) ?? {};
      return size <= sizeLimit && kind.looksRight(await context.host.readFile(path));
    });
    if (chosen.length > 0 || folder === undefined) return chosen;
    throw new KsealError("NO_FILE", kind.missing, { where: { file: folder } });
  });
}

/** The one file of a command that takes no folder. */
export async function selectOne(path: string, context: OpContext): Promise<SelectedFile> {
  const [file] = await select({ paths: [path] }, context, () => {
    throw new KsealError("USAGE", "this is a folder, and one file is needed", { where: { file: path } });
  });
  if (file === undefined) throw new KsealError("NO_FILE", "no file named");
  return file;
}

/** @param choose - Tells which files are meant, of a folder or, without one, of those that have changed. */
async function select(
  { paths, since }: FileScope,
  context: OpContext,
  choose: (folder: string | undefined, files: readonly SelectedFile[]) => Promise<readonly SelectedFile[]>,
): Promise<readonly SelectedFile[]> {
  if (since !== undefined) return choose(undefined, await filesSince(since, paths, context));
  if (paths.length === 0) throw new KsealError("NO_FILE", "no file named");
  const { host } = context;
  const selected = new Map<string, SelectedFile>();
  for (const named of paths) {
    if (named === "-") {
      selected.set("-", { file: "-", path: undefined, relative: "stdin", found: false });
      continue;
    }
    const path = host.resolve(named);
    const stat = await host.stat(path);
    if (stat === undefined) throw new KsealError("NO_FILE", "no such file", { where: { file: named } });
    const files =
      stat.kind === "folder"
        ? await choose(named, await filesBelow(named, context))
        : [{ file: named, path, relative: baseName(path, host.platform), found: false }];
    for (const file of files) {
      const key = file.path ?? "-";
      if (!selected.has(key)) selected.set(key, file);
    }
  }
  return [...selected.values()];
}

async function filesSince(
  since: string,
  paths: readonly string[],
  context: OpContext,
): Promise<readonly SelectedFile[]> {
  const { host } = context;
  if (paths.includes("-")) throw new KsealError("USAGE", "standard input differs from no revision");
  for (const named of paths) {
    // Git takes a name that is mistyped for one that has not changed.
    if ((await host.stat(host.resolve(named))) !== undefined) continue;
    throw new KsealError("NO_FILE", "no such file", { where: { file: named } });
  }
  const files: SelectedFile[] = [];
  for await (const { file, path, name } of changedSince(since, paths, { links: 0, submodules: 0 }, context)) {
    if (isOwn(baseName(name, host.platform))) continue;
    files.push({ file, path, relative: name, found: true });
  }
  return files.sort((a, b) => (a.relative < b.relative ? -1 : 1));
}

/** All files below a folder, without symbolic links (they may lead out of it), Git's own and kseal's own files. */
async function filesBelow(folder: string, context: OpContext): Promise<readonly SelectedFile[]> {
  const { host } = context;
  const files: SelectedFile[] = [];
  const waiting = [""];
  for (let inside = waiting.shift(); inside !== undefined; inside = waiting.shift()) {
    if (context.signal?.aborted) throw new KsealError("INTERRUPTED", "interrupted");
    const place = host.resolve(folder, inside);
    for (const { name, kind, isSymbolicLink } of await host.list(place)) {
      const relative = inside === "" ? name : `${inside}/${name}`;
      if (isSymbolicLink || isOwn(name)) continue;
      if (kind === "folder") waiting.push(relative);
      if (kind !== "file") continue;
      const file = below(folder, relative, host.platform);
      files.push({ file, path: host.resolve(place, name), relative, found: true });
    }
  }
  return files.sort((a, b) => (a.relative < b.relative ? -1 : 1));
}

function isOwn(name: string): boolean {
  return name === ".git" || name === ".sops.yaml" || name === ".sops.yml" || name.startsWith(".kseal-");
}

async function filterFiles(
  files: readonly SelectedFile[],
  context: OpContext,
  wanted: (file: SelectedFile) => Promise<boolean>,
): Promise<readonly SelectedFile[]> {
  const answers = await mapFiles(files, wanted, { signal: context.signal });
  return files.filter((_, index) => answers[index]);
}
