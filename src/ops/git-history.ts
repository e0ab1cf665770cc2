import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import { baseName, seenFrom } from "./file-path.ts";
import { git } from "./git.ts";
import { batchReader, type FileChange, logReader } from "./git-output.ts";

/** A clone, seen from a folder in it. */
export interface Repository {
  /** Where Git is started. */
  readonly folder: string;
  /** The top of the working tree, spelled as the folder is. */
  readonly top: string;
  /** Commits whose parents are missing: a shallow clone. */
  readonly cut: ReadonlySet<string>;
}

const decoder = new TextDecoder();
// So many bytes of contents that were read and let go may be waiting to be collected.
const releaseEvery = 16 * 1024 * 1024;

/** The repository that a folder belongs to; `undefined` outside of any, and where there is no Git. */
export async function openRepository(host: Host, folder: string): Promise<Repository | undefined> {
  const args = ["rev-parse", "--is-inside-work-tree", "--git-path", "shallow", "--show-prefix"];
  const output = await git(host, folder, args);
  const [inside, shallow = "", prefix = ""] = decoder.decode(output ?? new Uint8Array()).split("\n");
  if (inside !== "true") return undefined;
  const up = prefix
    .split("/")
    .filter((part) => part !== "")
    .map(() => "..");
  const boundary = host.resolve(folder, shallow);
  const cut = (await host.stat(boundary))?.kind === "file" ? await host.readFile(boundary) : new Uint8Array();
  return {
    folder,
    top: host.resolve(folder, ...up),
    cut: new Set(
      decoder
        .decode(cut)
        .split("\n")
        .filter((hash) => hash !== ""),
    ),
  };
}

/** The name of a file in a repository; `undefined` for one elsewhere. @param path - Absolute. */
export async function nameIn({ top }: Repository, path: string, host: Host): Promise<string | undefined> {
  const name = seenFrom(top, path, host.platform);
  if (name !== path) return name;
  try {
    // The same folder by another way: through a symbolic link.
    const realTop = await host.realPath(top);
    const folder = await host.realPath(host.resolve(path, ".."));
    const real = host.resolve(folder, baseName(path, host.platform));
    const below = seenFrom(realTop, real, host.platform);
    return below === real ? undefined : below;
  } catch (error) {
    if (error instanceof KsealError) return undefined;
    throw error;
  }
}

/** The files of the last commit, by name, with their contents' ids. Empty in a repository without commits. */
export async function committedFiles({ top }: Repository, host: Host): Promise<ReadonlyMap<string, string>> {
  const command = ["git", "ls-tree", "-r", "-z", "--full-tree", "HEAD"] as const;
  const { stdout } = await host.exec(command, { cwd: top, env: local(host) });
  const files = new Map<string, string>();
  // `mode SP type SP id TAB name NUL`
  for (const entry of decoder.decode(stdout).split("\0")) {
    const tab = entry.indexOf("\t");
    if (entry.startsWith("100")) files.set(entry.slice(tab + 1), entry.slice(0, tab).split(" ")[2] ?? "");
  }
  return files;
}

/**
 * Every change of every file in the history of the last commit, newest first, a commit always behind those that come
 * after it. Of a merge only what differs from all of its parents. Exact and nearly exact renames are told.
 *
 * @returns What kind of history it is: `none` in a repository without commits, `merged` where branches come together.
 * @throws KsealError `INPUT_UNREADABLE` when Git cannot read it.
 */
export async function readHistory(
  { top }: Repository,
  take: (change: FileChange) => void,
  { host, signal }: Pick<OpContext, "host" | "signal">,
): Promise<"none" | "linear" | "merged"> {
  let hasMerges = false;
  const read = logReader(take, () => {
    hasMerges = true;
  });
  // What the settings of a user or repository could change of the output, or run, is said here.
  const settings = ["log.showSignature=false", "log.showRoot=true", "core.fsmonitor=false"];
  const format = "--format=commit %H%x00%P%x00%aI%x00%aN%x00%aE";
  const { status, stderr } = await host.exec(
    [
      "git",
      ...settings.flatMap((setting) => ["-c", setting]),
      ...["log", "--topo-order", "-c", "--raw", "-z", "--no-abbrev", "-M90%", "--no-relative", "-O/dev/null"],
      ...["--no-ext-diff", "--no-textconv", "--no-color", "--no-notes", "--no-decorate", "--encoding=UTF-8"],
      ...[format, "HEAD", "--"],
    ],
    { cwd: top, env: local(host), onOutput: interruptible(read, signal) },
  );
  if (status === 0) return hasMerges ? "merged" : "linear";
  if ((await git(host, top, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]))?.length) {
    const reason = stderr.trim().split("\n").at(-1) ?? "";
    throw new KsealError("INPUT_UNREADABLE", `Git cannot read the history: ${reason}`, { hint: "git fsck" });
  }
  return "none";
}

/**
 * Reads contents by their ids, one after the other; none is kept.
 *
 * @param take - Gets `undefined` for what is missing in this clone, or larger than 8 MiB.
 */
export async function readBlobs(
  { top }: Repository,
  ids: readonly string[],
  take: (id: string, bytes: Uint8Array | undefined) => void,
  { host, signal, onProgress }: Pick<OpContext, "host" | "signal" | "onProgress">,
): Promise<void> {
  if (ids.length === 0) return;
  let done = 0;
  let unreleased = 0;
  const read = batchReader((bytes) => {
    const id = ids[done++];
    if (id === undefined) return;
    take(id, bytes);
    unreleased += bytes?.length ?? 0;
    if (unreleased > releaseEvery) {
      host.releaseMemory(unreleased);
      unreleased = 0;
    }
    onProgress?.(done, ids.length);
  });
  await host.exec(["git", "-c", "core.fsmonitor=false", "cat-file", "--batch"], {
    cwd: top,
    env: local(host),
    stdin: new TextEncoder().encode(`${ids.join("\n")}\n`),
    onOutput: interruptible(read, signal),
  });
}

/** Nothing is fetched, asked or locked: in a partial clone what is missing is missing. */
function local({ env }: Host): Host["env"] {
  return { ...env, GIT_NO_LAZY_FETCH: "1", GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0" };
}

function interruptible(
  take: (bytes: Uint8Array) => void,
  signal: AbortSignal | undefined,
): (bytes: Uint8Array) => void {
  return (bytes) => {
    if (signal?.aborted) throw new KsealError("INTERRUPTED", "interrupted");
    take(bytes);
  };
}
