import { link, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { KsealError } from "../errors.ts";
import { errorName, writeError } from "./file-errors.ts";
import type { Machine } from "./machine.ts";
import {
  checkTarget,
  removeAtSignal,
  removeLeftovers,
  siblingName,
  syncFolder,
  targetOf,
  writeNewFile,
} from "./new-version.ts";

interface NewFile {
  readonly path: string;
  /** What messages call it. */
  readonly shown: string;
  readonly bytes: Uint8Array;
}

/**
 * Creates a file that is complete as soon as it is there. An existing file is replaced only when asked to, and then
 * keeps its mode unless another one is given.
 */
export async function createFile(
  machine: Machine,
  file: NewFile,
  options: { readonly mode?: number; readonly overwrite?: boolean },
): Promise<void> {
  try {
    if (options.overwrite === true) {
      await overwrite(machine, file, options.mode);
    } else {
      await createOnly(machine, file, options.mode);
    }
  } catch (cause) {
    if (errorName(cause) === "EEXIST") {
      throw new KsealError("OUTPUT_UNWRITABLE", `${file.shown} exists already`, { cause });
    }
    throw writeError(file.shown, cause);
  }
}

async function createOnly(
  machine: Machine,
  { path, bytes }: NewFile,
  mode: number | undefined,
): Promise<void> {
  await writeBeside(machine, path, async (next) => {
    await writeNewFile(next, bytes, { mode });
    if (!(await addName(next, path))) {
      await writeNewFile(path, bytes, { mode });
    }
  });
}

/** Gives a file a second name, which unlike a rename fails when that is taken; `false` where files have but one. */
async function addName(existing: string, added: string): Promise<boolean> {
  try {
    await link(existing, added);
    return true;
  } catch (error) {
    if (errorName(error) === "EEXIST") {
      throw error;
    }
    // FAT and some network shares.
    return false;
  }
}

async function overwrite(
  machine: Machine,
  { path, shown, bytes }: NewFile,
  mode: number | undefined,
): Promise<void> {
  if (await isDevice(path)) {
    await writeFile(path, bytes);
    return;
  }
  const target = await targetOf(path);
  const like = await checkTarget(target, shown);
  await writeBeside(machine, target, async (next) => {
    await writeNewFile(next, bytes, mode === undefined ? { like } : { mode });
    await rename(next, target);
  });
}

/** Lets `write` make a file under a name beside the target and put it in place; nothing stays under that name. */
async function writeBeside(
  machine: Machine,
  target: string,
  write: (next: string) => Promise<void>,
): Promise<void> {
  const folder = dirname(target);
  await removeLeftovers(machine, folder);
  const { next } = siblingName(machine, target);
  const forget = removeAtSignal(new Set([next]));
  try {
    await write(next);
  } finally {
    await rm(next, { force: true });
    forget();
  }
  await syncFolder(folder);
}

/** `/dev/stdout`, a named pipe: nothing to replace, just a place to write to. */
async function isDevice(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && !found.isFile() && !found.isDirectory();
}
