import type { Host } from "../../core/ports.ts";
import { KsealError } from "../../errors.ts";
import { KubesealError } from "./kubeseal-error.ts";

const reasons: Readonly<Record<string, string>> = {
  NO_FILE: "no such file or directory",
  EACCES: "permission denied",
  EISDIR: "is a directory",
};

/** Reads a file, and words a failure as Go does: `open FILE: no such file or directory`. */
export async function openFile(host: Host, path: string): Promise<Uint8Array> {
  try {
    return await host.readFile(path);
  } catch (error) {
    throw openError(error, path);
  }
}

/** A failure to read a file in Go's words; another one as it is. */
export function openError(error: unknown, path: string): unknown {
  if (!(error instanceof KsealError)) return error;
  const { cause } = error;
  const name = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const reason = reasons[error.code] ?? reasons[name];
  const verb = name === "EISDIR" ? "read" : "open";
  return reason === undefined ? error : new KubesealError(`${verb} ${path}: ${reason}`);
}

/**
 * Refuses a folder that is not there before anything is done, as the original does: it makes the new file first.
 */
export async function checkFolderOf(host: Host, path: string): Promise<void> {
  const folder = host.resolve(path, "..");
  if ((await host.stat(folder))?.kind === "folder") return;
  throw new KubesealError(`open ${path}: no such file or directory`);
}
