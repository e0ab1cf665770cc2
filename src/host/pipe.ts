import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { promisify } from "node:util";
import { writeError } from "./file-errors.ts";
import type { Machine } from "./machine.ts";
import { findProgram } from "./programs.ts";

/** Makes a named pipe and hands `bytes` to whoever reads it first. */
export async function servePipe(
  machine: Machine,
  path: string,
  bytes: Uint8Array,
): Promise<(() => Promise<void>) | undefined> {
  const mkfifo = machine.platform === "win32" ? undefined : findProgram("mkfifo", machine);
  if (mkfifo === undefined) {
    return undefined;
  }
  try {
    await promisify(execFile)(mkfifo, ["-m", "600", path]);
  } catch (cause) {
    throw writeError(path, cause);
  }
  const written = writeOnce(path, bytes);
  return async () => {
    // Opening waits for a reader, in a thread that would keep the process from ending: so become that reader.
    const reader = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    await reader.close();
    await written;
  };
}

async function writeOnce(path: string, bytes: Uint8Array): Promise<void> {
  const pipe = await open(path, constants.O_WRONLY);
  try {
    await pipe.writeFile(bytes);
  } catch {
    // The reader went away before the end, as `head` does.
  } finally {
    await pipe.close();
  }
}
