import type { FileChange } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import type { Destination } from "./destination.ts";
import { below, folderOf, shellWord } from "./file-path.ts";
import type { SelectedFile } from "./select-files.ts";

/** The new content of one file. */
export interface Result {
  readonly source: SelectedFile;
  readonly content: Uint8Array;
  /** What the source held when it was read; `undefined` for a file that is new. */
  readonly expect: Uint8Array | undefined;
}

interface WriteOptions {
  readonly dryRun?: boolean | undefined;
  /** Whether the contents are secrets in clear. */
  readonly plaintext: boolean;
}

/** Where a result goes, in the user's spelling; `undefined` for the caller. Fails on what cannot be meant. */
export function targetOf(
  source: SelectedFile,
  destination: Destination,
  { host }: OpContext,
): string | undefined {
  switch (destination.to) {
    case "caller":
      return undefined;
    case "in-place":
      if (source.path === undefined)
        throw new KsealError("USAGE", "standard input cannot be replaced in place");
      return source.file;
    case "file":
      if (host.resolve(destination.path) === source.path) {
        throw new KsealError("USAGE", "the output file is the input file", {
          hint: "use --in-place to replace it",
          where: { file: source.file },
        });
      }
      return destination.path;
    case "folder":
      return below(destination.path, source.relative, host.platform);
  }
}

/** Writes all results or, when any of them cannot be written, none. */
export async function writeResults(
  results: readonly Result[],
  destination: Destination,
  options: WriteOptions,
  context: OpContext,
): Promise<readonly (string | undefined)[]> {
  const targets = results.map(({ source }) => targetOf(source, destination, context));
  refuseCollisions(targets, context);
  if (destination.to === "caller" || options.dryRun) return targets;
  const { host } = context;
  const changes: FileChange[] = [];
  const devices: FileChange[] = [];
  for (const [index, { content, expect }] of results.entries()) {
    const target = targets[index];
    if (target === undefined) continue;
    const path = host.resolve(target);
    const stat = await host.stat(path);
    const isFile = stat?.kind === "file";
    // What exists and is no file is a device or a pipe, such as /dev/stdout, and is written to.
    if (stat !== undefined && !isFile) devices.push({ path, bytes: content });
    else if (destination.to === "in-place" && expect !== undefined)
      changes.push({ path, bytes: content, expect });
    else changes.push({ path, bytes: content });
    if (isFile && options.plaintext && (stat.mode & 0o044) !== 0 && host.platform !== "win32") {
      context.log.warn(
        `${target}: others on this machine can read it in clear; chmod 600 ${shellWord(target)}`,
      );
    }
  }
  for (const { path, bytes } of devices) await host.createFile(path, bytes, { overwrite: true });
  if (destination.to === "folder") {
    for (const { path } of changes) await host.makeFolder(folderOf(path, host.platform));
  }
  if (changes.length > 0) await host.replaceFiles(changes);
  return targets;
}

/** Holds the locks of all files that an operation will replace in place while it works. */
export async function withLocks<T>(
  sources: readonly SelectedFile[],
  lock: boolean,
  { host }: OpContext,
  work: () => Promise<T>,
): Promise<T> {
  if (!lock) return work();
  const paths: string[] = [];
  for (const { path } of sources) {
    if (path !== undefined) paths.push(await host.realPath(path));
  }
  // Everybody takes them in the same order, so that two runs never wait for each other.
  const [...ordered] = new Set(paths.sort());
  const take = (index: number): Promise<T> => {
    const path = ordered[index];
    return path === undefined ? work() : host.withLock(path, () => take(index + 1));
  };
  return take(0);
}

/** Several files have no place on one standard output or in one file, unless the operation can join them. */
export function refuseSeveral(sources: readonly SelectedFile[], destination: Destination): void {
  if (sources.length < 2 || destination.to === "in-place" || destination.to === "folder") return;
  throw new KsealError("USAGE", `${sources.length} encrypted files do not fit into one output`, {
    hint: "replace them with --in-place, or write them below a folder with --out DIR",
  });
}

function refuseCollisions(targets: readonly (string | undefined)[], { host }: OpContext): void {
  const seen = new Set<string>();
  for (const target of targets) {
    if (target === undefined) continue;
    const path = host.resolve(target);
    if (seen.has(path)) {
      throw new KsealError("USAGE", "two files would be written to the same place", {
        where: { file: target },
      });
    }
    seen.add(path);
  }
}
