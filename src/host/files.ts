// The promises of node:fs load when they are first used: a small decrypt needs none, and the thread pool behind them
// takes longer to start than a look at a local file.
import {
  closeSync,
  type Dirent,
  promises as files,
  openSync,
  readSync,
  realpathSync,
  type Stats,
  statSync,
} from "node:fs";
import type { FileStat, FolderEntry } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { errorName, readError, writeError } from "./file-errors.ts";

/** Reads a whole file. `shown` is the path as the user wrote it. */
export async function readWhole(path: string, shown: string, limit: number | undefined): Promise<Uint8Array> {
  try {
    return readRegular(path, shown, limit) ?? checkLimit(await files.readFile(path), shown, limit);
  } catch (cause) {
    throw cause instanceof KsealError ? cause : readError(shown, cause);
  }
}

/**
 * Reads a regular file without the detour over the thread pool, which costs more than the read itself.
 *
 * @returns `undefined` for pipes and devices: those may make kseal wait, and must not stop it from seeing signals.
 */
function readRegular(path: string, shown: string, limit: number | undefined): Uint8Array | undefined {
  // Asked before opening: to open and close a named pipe would take its writer away.
  const { kind, size } = describe(statSync(path));
  if (kind === "folder") {
    throw new KsealError("INPUT_UNREADABLE", `cannot read ${shown}: it is a folder`);
  }
  // Files of /proc have no size, and are read to their end like pipes.
  if (kind === "other" || size === 0) {
    return undefined;
  }
  if (limit !== undefined && size > limit) {
    throw tooLarge(shown, limit);
  }
  const handle = openSync(path, "r");
  try {
    return readBytes(handle, size);
  } finally {
    closeSync(handle);
  }
}

function readBytes(handle: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let length = 0;
  while (length < size) {
    const count = readSync(handle, bytes, length, size - length, null);
    if (count === 0) {
      break;
    }
    length += count;
  }
  return bytes.subarray(0, length);
}

function checkLimit(bytes: Uint8Array, shown: string, limit: number | undefined): Uint8Array {
  if (limit !== undefined && bytes.length > limit) {
    throw tooLarge(shown, limit);
  }
  return bytes;
}

function tooLarge(shown: string, limit: number): KsealError {
  return new KsealError("LIMIT_EXCEEDED", `${shown} is larger than ${limit} bytes`);
}

/** What stands at a path, links followed. */
export async function statPath(path: string, shown: string): Promise<FileStat | undefined> {
  try {
    return describe(statSync(path));
  } catch (cause) {
    const name = errorName(cause);
    if (name === "ENOENT" || name === "ENOTDIR" || name === "ERR_INVALID_ARG_VALUE") {
      return undefined;
    }
    throw readError(shown, cause);
  }
}

function describe(stats: Stats): FileStat {
  return { kind: kindOf(stats), size: stats.size, mode: stats.mode & 0o7777 };
}

function kindOf(entry: Stats | Dirent): FileStat["kind"] {
  if (entry.isFile()) {
    return "file";
  }
  return entry.isDirectory() ? "folder" : "other";
}

/** The entries of a folder by name; a link counts as what it points to. */
export async function listFolder(path: string, shown: string): Promise<readonly FolderEntry[]> {
  try {
    const entries = await files.readdir(path, { withFileTypes: true });
    const found = await Promise.all(
      entries.map(async (entry) => {
        const isSymbolicLink = entry.isSymbolicLink();
        const target = isSymbolicLink
          ? await statPath(`${path}/${entry.name}`, entry.name).catch(() => undefined)
          : undefined;
        const kind = isSymbolicLink ? (target?.kind ?? "other") : kindOf(entry);
        return { name: entry.name, kind, isSymbolicLink };
      }),
    );
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    throw readError(shown, cause);
  }
}

/** The path with every symbolic link resolved. */
export async function resolveLinks(path: string, shown: string): Promise<string> {
  try {
    return realpathSync.native(path);
  } catch (cause) {
    throw readError(shown, cause);
  }
}

/** Makes a folder and the ones above it. */
export async function makeFolders(path: string, shown: string): Promise<void> {
  try {
    await files.mkdir(path, { recursive: true });
  } catch (cause) {
    throw writeError(shown, cause);
  }
}
