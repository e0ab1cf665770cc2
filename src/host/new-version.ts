import type { Stats } from "node:fs";
import { closeSync, constants, openSync, rmSync } from "node:fs";
import { access, type FileHandle, open, readdir, readlink, realpath, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { KsealError } from "../errors.ts";
import { errorName } from "./file-errors.ts";
import type { Machine } from "./machine.ts";
import { ageOf, hasEnded, identityPattern, ownIdentity } from "./process-identity.ts";
import { addCleanup } from "./signals.ts";

/**
 * The names of files that exist only while kseal writes: `.kseal-<process>-<number>.new` holds the next content,
 * `.old` is a second name of the present one. They have a length of their own, because the target's name may already
 * be as long as names can be.
 */
const leftoverName = new RegExp(`^\\.kseal-(${identityPattern})-[0-9]+\\.(new|old)$`);

let lastNumber = 0;

/** A fresh name beside a file. */
export function siblingName(
  machine: Machine,
  target: string,
): { readonly next: string; readonly backup: string } {
  lastNumber += 1;
  const stem = join(dirname(target), `.kseal-${ownIdentity(machine.hostName)}-${lastNumber}`);
  return { next: `${stem}.new`, backup: `${stem}.old` };
}

/**
 * Removes files when a signal ends the process: they may hold plaintext. What is added to the set later counts too.
 * Returns a function that takes this back.
 */
export function removeAtSignal(paths: ReadonlySet<string>): () => void {
  return addCleanup(() => {
    for (const path of paths) rmSync(path, { force: true });
  });
}

/** Where a file really lies: symbolic links are followed and stay. A file that does not exist yet lies in its folder. */
export async function targetOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (errorName(error) !== "ENOENT") {
      throw error;
    }
    const link = await readlink(path).catch(() => undefined);
    return link === undefined
      ? join(await realpath(dirname(path)), basename(path))
      : targetOf(resolve(await realpath(dirname(path)), link));
  }
}

/** Writes content into a new file and waits until the disk has it. Mode and owner are those of `like`. */
export async function writeNewFile(
  path: string,
  bytes: Uint8Array,
  options: { readonly like?: Stats | undefined; readonly mode?: number | undefined },
): Promise<void> {
  // Made at once, so that no file comes into being behind a signal that has just removed them all.
  closeSync(openSync(path, "wx", options.like === undefined ? (options.mode ?? 0o600) : 0o600));
  const handle = await open(path, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0)).catch(async (error) => {
    await rm(path, { force: true });
    throw error;
  });
  try {
    await handle.writeFile(bytes);
    if (options.like !== undefined) {
      await keepOwnerAndMode(handle, options.like);
    }
    await handle.sync();
  } catch (error) {
    await handle.close();
    await rm(path, { force: true });
    throw error;
  }
  await handle.close();
}

async function keepOwnerAndMode(handle: FileHandle, like: Stats): Promise<void> {
  const mode = like.mode & 0o7777;
  const isKept = await tryOwner(handle, like);
  // Other people are in our own group than in the file's: they must not gain what they could not read before.
  await handle.chmod(isKept ? mode : mode & 0o700);
}

async function tryOwner(handle: FileHandle, like: Stats): Promise<boolean> {
  const own = await handle.stat();
  if (own.uid === like.uid && own.gid === like.gid) {
    return true;
  }
  for (const owner of [like.uid, own.uid]) {
    try {
      await handle.chown(owner, like.gid);
      return true;
    } catch (error) {
      if (errorName(error) !== "EPERM" && errorName(error) !== "EINVAL") {
        throw error;
      }
    }
  }
  return false;
}

/** What stands at the target now, if it may be replaced. */
export async function checkTarget(target: string, shown: string): Promise<Stats | undefined> {
  const found = await stat(target).catch((error) => {
    if (errorName(error) === "ENOENT") {
      return undefined;
    }
    throw error;
  });
  if (found !== undefined && !found.isFile()) {
    throw new KsealError("OUTPUT_UNWRITABLE", `cannot replace ${shown}: it is no regular file`);
  }
  if (found !== undefined) {
    // A rename would not ask: what is marked read-only was meant to stay.
    await access(target, constants.W_OK);
  }
  return found;
}

/** Waits until the disk has the names in a folder. Not every system can. */
export async function syncFolder(path: string): Promise<void> {
  try {
    const handle = await open(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // Windows opens no folders, and some network file systems sync none; the rename itself has happened.
  }
}

/** Removes what processes that died while writing left in a folder. */
export async function removeLeftovers(machine: Machine, folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const identity = leftoverName.exec(name)?.[1];
    if (identity === undefined) {
      continue;
    }
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile() === true && hasEnded(identity, machine.hostName, ageOf(path))) {
      await rm(path, { force: true });
    }
  }
}
