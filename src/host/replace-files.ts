import { renameSync } from "node:fs";
import { copyFile, link, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { FileChange, Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { errorName, writeError } from "./file-errors.ts";
import { fileIdentity, type JournalEntry, recover, removeTraces, undo, writeJournal } from "./journal.ts";
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

/** One file of a run: its new version lies beside it and waits for the rename. */
interface Prepared {
  readonly change: FileChange;
  readonly target: string;
  readonly next: string;
  readonly backup: string;
}

/** So many files are written at the same time: waiting for the disk is what takes the time. */
const atOnce = 16;

/**
 * Puts new content in place of files, all or none.
 *
 * One file needs nothing but a rename. Several are prepared, written down in a journal and then renamed one after the
 * other; a failure in between puts the old ones back, and a crash is put right by the next run.
 */
export async function replaceFiles(
  machine: Machine,
  resolve: Host["resolve"],
  changes: readonly FileChange[],
): Promise<void> {
  await recover(machine);
  const prepared: Prepared[] = [];
  const traces = new Set<string>();
  const cleaned = new Set<string>();
  const forget = removeAtSignal(traces);
  try {
    for (let start = 0; start < changes.length; start += atOnce) {
      const batch = changes
        .slice(start, start + atOnce)
        .map((change) => prepare(machine, resolve(change.path), { change, traces, cleaned }));
      // All of them end before any failure is told: none may write into a folder that is being cleaned.
      for (const result of await Promise.allSettled(batch)) {
        if (result.status === "fulfilled") {
          prepared.push(result.value);
        }
      }
      await Promise.all(batch);
    }
    refuseDoubles(prepared);
    await (prepared.length === 1 ? replaceOne(machine, prepared) : replaceSeveral(machine, prepared));
  } finally {
    await Promise.all(prepared.map(({ next }) => rm(next, { force: true })));
    forget();
  }
}

async function prepare(
  machine: Machine,
  path: string,
  { change, traces, cleaned }: { change: FileChange; traces: Set<string>; cleaned: Set<string> },
): Promise<Prepared> {
  try {
    const target = await targetOf(path);
    const like = await checkTarget(target, change.path);
    const folder = dirname(target);
    // Once a folder: a thousand files in it would else be looked at a thousand times.
    if (!cleaned.has(folder)) {
      cleaned.add(folder);
      await removeLeftovers(machine, folder);
    }
    const names = siblingName(machine, target);
    traces.add(names.next).add(names.backup);
    await writeNewFile(names.next, change.bytes, { like });
    return { change, target, ...names };
  } catch (cause) {
    throw writeError(change.path, cause, folderHint(cause));
  }
}

function folderHint(cause: unknown): string | undefined {
  const name = errorName(cause);
  return name === "EACCES" || name === "EPERM" || name === "EROFS"
    ? "the file and its folder must be writable: kseal writes the new version beside the old one"
    : undefined;
}

function refuseDoubles(prepared: readonly Prepared[]): void {
  const seen = new Map<string, string>();
  for (const { target, change } of prepared) {
    const other = seen.get(target);
    if (other !== undefined) {
      throw new KsealError("USAGE", `${other} and ${change.path} are the same file`, {
        hint: "name it once",
      });
    }
    seen.set(target, change.path);
  }
}

async function replaceOne(machine: Machine, [only]: readonly Prepared[]): Promise<void> {
  if (only === undefined) {
    return;
  }
  await checkUnchanged(only);
  await renameInto(machine, only.next, only.target, only.change.path);
  await syncFolder(dirname(only.target));
}

async function replaceSeveral(machine: Machine, prepared: readonly Prepared[]): Promise<void> {
  if (prepared.length === 0) {
    return;
  }
  const entries: JournalEntry[] = [];
  for (const one of prepared) {
    const before = fileIdentity(one.target);
    await checkUnchanged(one);
    entries.push({ ...one, before, after: fileIdentity(one.next) ?? "" });
  }
  const journal = await startJournal(machine, entries);
  try {
    // Nothing here waits for anything but Windows, so no signal comes between two renames.
    for (const [index, { next, target, before }] of entries.entries()) {
      const shown = prepared[index]?.change.path ?? target;
      if (fileIdentity(target) !== before) {
        throw changed(shown);
      }
      await renameInto(machine, next, target, shown);
    }
  } catch (error) {
    await undo(journal, entries);
    throw error;
  }
  await removeTraces(journal, entries);
}

async function startJournal(machine: Machine, entries: readonly JournalEntry[]): Promise<string> {
  try {
    await Promise.all(entries.filter((entry) => entry.before !== undefined).map(keepOld));
    return await writeJournal(
      machine,
      entries.map(({ target, next, backup, before, after }) => ({ target, next, backup, before, after })),
    );
  } catch (cause) {
    await Promise.all(entries.map(({ backup }) => rm(backup, { force: true })));
    throw writeError("the journal of this run", cause);
  }
}

async function keepOld({ target, backup }: JournalEntry): Promise<void> {
  try {
    await link(target, backup);
  } catch {
    // FAT and some network shares have no second names.
    await copyFile(target, backup);
  }
}

async function checkUnchanged({ change, target }: Prepared): Promise<void> {
  if (change.expect === undefined) {
    return;
  }
  const present = await readFile(target).catch(() => undefined);
  if (present === undefined || Buffer.compare(present, change.expect) !== 0) {
    throw changed(change.path);
  }
}

function changed(shown: string): KsealError {
  return new KsealError("FILE_CHANGED", `${shown} was changed by another program in the meantime`, {
    hint: "nothing was written; run the command again",
  });
}

/** Windows refuses to replace a file that somebody has open, which scanners and editors do for moments. */
async function renameInto(machine: Machine, from: string, to: string, shown: string): Promise<void> {
  for (let pause = 10; ; pause *= 2) {
    try {
      if (machine.rename === undefined) renameSync(from, to);
      else await machine.rename(from, to);
      return;
    } catch (cause) {
      const isInUse = ["EPERM", "EACCES", "EBUSY"].includes(errorName(cause) ?? "");
      if (machine.platform !== "win32" || !isInUse || pause > 1000) {
        throw writeError(
          shown,
          cause,
          machine.platform === "win32" && isInUse ? "close the program that has it open" : undefined,
        );
      }
    }
    await setTimeout(pause);
  }
}
