import { lstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { KsealError } from "../errors.ts";
import type { Machine } from "./machine.ts";
import { stateFolder } from "./paths.ts";

type Purpose = "journals" | "locks";

/**
 * A folder outside every repository where this user's runs of kseal meet: nobody else can write to it, so what it
 * holds can be believed, which nothing in a repository can.
 *
 * Journals have to outlast a reboot and lie below the home folder; locks must not lie on a network share, so the
 * system's folder for temporary files is better for them. Each has the other's place as its second choice.
 */
export function ownFolder(machine: Machine, purpose: Purpose): string {
  const folders = candidates(machine, purpose);
  const found = folders.find((folder) => make(folder) && isOurs(folder, machine.userId));
  if (found === undefined) {
    throw new KsealError(
      "OUTPUT_UNWRITABLE",
      `there is no place for ${purpose}: tried ${folders.join(" and ")}`,
      {
        hint: "make one of these folders writable for you alone, or set TMPDIR",
      },
    );
  }
  return found;
}

/** The folders that earlier runs may have used. Makes none. */
export function usedFolders(machine: Machine, purpose: Purpose): readonly string[] {
  return candidates(machine, purpose).filter((folder) => isOurs(folder, machine.userId));
}

function candidates(machine: Machine, purpose: Purpose): readonly string[] {
  const lasting = join(stateFolder(machine.platform, machine.env, machine.homeDir), purpose);
  const temporary = join(machine.temporaryFolder, `kseal-${machine.userId ?? "user"}`, purpose);
  return purpose === "journals" ? [lasting, temporary] : [temporary, lasting];
}

function make(path: string): boolean {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return true;
  } catch {
    return false;
  }
}

/** Whether the folder and the one above it belong to this user alone. */
function isOurs(path: string, userId: number | undefined): boolean {
  try {
    return [path, join(path, "..")].every((folder) => {
      const found = lstatSync(folder);
      const isPrivate = userId === undefined || (found.uid === userId && (found.mode & 0o022) === 0);
      return found.isDirectory() && isPrivate;
    });
  } catch {
    return false;
  }
}
