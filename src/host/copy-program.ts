import { constants } from "node:fs";
import { access, chmod, copyFile, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { readError, writeError } from "./file-errors.ts";
import type { Machine } from "./machine.ts";
import { checkTarget, removeAtSignal, removeLeftovers, siblingName, syncFolder } from "./new-version.ts";

/**
 * Copies a program to a name, where it is complete as soon as it is there. What ran under that name goes on: it keeps
 * the file it was started from.
 */
export async function copyProgram(
  machine: Machine,
  from: string,
  to: { readonly path: string; readonly shown: string },
): Promise<void> {
  await access(from, constants.R_OK).catch((cause: unknown) => {
    throw readError(from, cause);
  });
  const folder = dirname(to.path);
  const { next } = siblingName(machine, to.path);
  const forget = removeAtSignal(new Set([next]));
  try {
    await checkTarget(to.path, to.shown);
    await removeLeftovers(machine, folder);
    await copyFile(from, next, constants.COPYFILE_EXCL);
    // Whatever the source's mode and the process's mask: other users run it.
    await chmod(next, 0o755);
    await sync(next);
    await rename(next, to.path);
  } catch (cause) {
    throw writeError(to.shown, cause);
  } finally {
    await rm(next, { force: true });
    forget();
  }
  await syncFolder(folder);
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, "r+");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
