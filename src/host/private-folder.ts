import { chownSync, lstatSync, mkdtempSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import type { PrivateFolder } from "../core/ports.ts";
import { writeError } from "./file-errors.ts";
import type { Machine } from "./machine.ts";
import { ageOf, hasEnded, identityPattern, ownIdentity } from "./process-identity.ts";
import { addCleanup } from "./signals.ts";

/** statfs(2): TMPFS_MAGIC and RAMFS_MAGIC. */
const memoryFileSystems: readonly number[] = [0x01021994, 0x858458f6];

const folderName = new RegExp(`^kseal-(${identityPattern})-`);

/**
 * Makes a folder that only this user can enter, in memory where the system has such a place, and sees to it that it
 * is gone when the process is. What `kill -9` left behind, the next one removes.
 */
export function openPrivateFolder(machine: Machine): PrivateFolder {
  const inMemory = memoryPlaces(machine).find((place) => isInMemory(place) && isWritable(place));
  const parent = inMemory ?? machine.temporaryFolder;
  removeAbandoned(machine, parent);
  const path = make(machine, parent);
  const remove = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  const forget = addCleanup(remove);
  return {
    path,
    inMemory: inMemory !== undefined || isInMemory(parent),
    handTo: async (user) => {
      const { userOf } = await import("./exec.ts");
      const { userId, groupId } = userOf(machine, user);
      for (const name of readdirSync(path)) {
        chownSync(join(path, name), userId, groupId);
      }
      chownSync(path, userId, groupId);
    },
    remove: async () => {
      remove();
      forget();
    },
  };
}

function memoryPlaces(machine: Machine): readonly string[] {
  const runtime = machine.env["XDG_RUNTIME_DIR"];
  return machine.platform === "linux" ? ["/dev/shm", ...(runtime?.startsWith("/") ? [runtime] : [])] : [];
}

/** Whether what is written below a path stays in memory. */
export function isInMemory(path: string): boolean {
  try {
    return process.platform === "linux" && memoryFileSystems.includes(statfsSync(path).type);
  } catch {
    return false;
  }
}

function isWritable(parent: string): boolean {
  try {
    rmSync(mkdtempSync(join(parent, "kseal-")), { recursive: true });
    return true;
  } catch {
    return false;
  }
}

function make(machine: Machine, parent: string): string {
  try {
    // mkdtemp makes it 0700.
    return mkdtempSync(join(parent, `kseal-${ownIdentity(machine.hostName)}-`));
  } catch (cause) {
    throw writeError(`a private folder in ${parent}`, cause);
  }
}

function removeAbandoned(machine: Machine, parent: string): void {
  try {
    for (const name of readdirSync(parent)) {
      const identity = folderName.exec(name)?.[1];
      const path = join(parent, name);
      if (identity === undefined) {
        continue;
      }
      const found = lstatSync(path);
      const isOurs = found.isDirectory() && found.uid === (machine.userId ?? found.uid);
      if (isOurs && hasEnded(identity, machine.hostName, ageOf(path))) {
        rmSync(path, { recursive: true, force: true });
      }
    }
  } catch {
    // Another kseal removes the same ones; what stays is found by the next.
  }
}
