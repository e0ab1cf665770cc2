import { createHash } from "node:crypto";
import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { errorName } from "./file-errors.ts";

/**
 * A process, named so that another one can tell later whether it still runs:
 *
 *     <place>-<pid>-<start>
 *
 * `place` is a hash of the host's name and the PID namespace, because numbers of other containers mean nothing here.
 * `start` is the boot and the clock tick at which the process started, so that a reused number is not taken for it;
 * it is `0` where the system does not tell (macOS, Windows).
 */
export type ProcessIdentity = string;

/** Matches one identity; no part holds a dot. */
export const identityPattern = "[0-9a-f]{8}-[0-9]+-[0-9a-z]+";

/** Something of another place counts as abandoned after this time: nobody here can ask whether its process lives. */
const foreignLifetime = 10 * 60 * 1000;

/** The identity of this very process. */
export function ownIdentity(hostName: string): ProcessIdentity {
  ownStart ??= startOf(process.pid)?.start ?? "0";
  return `${place(hostName)}-${process.pid}-${ownStart}`;
}

// It never changes, and a run over many files asks for it with each of them.
let ownStart: string | undefined;

/**
 * Whether the process that made something is gone.
 *
 * @param age - Milliseconds since that thing was made.
 */
export function hasEnded(identity: ProcessIdentity, hostName: string, age: number): boolean {
  const [where, pid, start] = identity.split("-");
  if (where !== place(hostName)) {
    return age > foreignLifetime;
  }
  const found = startOf(Number(pid));
  if (found === undefined) {
    return !answers(Number(pid));
  }
  return found.isZombie || (start !== "0" && found.start !== start);
}

/** Milliseconds since a file was made or last changed; 0 when it is gone. */
export function ageOf(path: string): number {
  try {
    return Date.now() - lstatSync(path).ctimeMs;
  } catch {
    return 0;
  }
}

function place(hostName: string): string {
  return createHash("sha256").update(`${hostName}\n${processNamespace()}`).digest("hex").slice(0, 8);
}

function processNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

/** From /proc/<pid>/stat: `pid (name) state ...`, where the name may hold anything; the 22nd field is the start. */
function startOf(pid: number): { readonly start: string; readonly isZombie: boolean } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, 8);
    return { start: `${boot}x${fields[19] ?? ""}`, isZombie: fields[0] === "Z" || fields[0] === "X" };
  } catch {
    return undefined;
  }
}

function answers(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorName(error) !== "ESRCH";
  }
}
