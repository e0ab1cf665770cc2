import { lstatSync } from "node:fs";
import { readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorName } from "./file-errors.ts";
import { withLock } from "./lock.ts";
import type { Machine } from "./machine.ts";
import { syncFolder, writeNewFile } from "./new-version.ts";
import { ownFolder, usedFolders } from "./own-folder.ts";
import { ageOf, hasEnded, identityPattern, ownIdentity } from "./process-identity.ts";

/**
 * What one run means to do to several files. It is written when every new version lies synced beside its target, and
 * before the first of them is renamed: from then on a crash can be put right from what is here.
 */
export interface JournalEntry {
  readonly target: string;
  /** The new version, until it is renamed to the target. */
  readonly next: string;
  /** A second name of the old version; of no meaning when there was none. */
  readonly backup: string;
  /** The file that stood at the target, as {@link fileIdentity} tells it; `undefined` when none did. */
  readonly before: string | undefined;
  /** The file that holds the new version. */
  readonly after: string;
}

const journalName = new RegExp(`^(${identityPattern})-[0-9]+\\.json(\\.part|\\.done)?$`);

let lastJournal = 0;

/** One file, apart from its name: a rename keeps this text, and any write to the file changes it. */
export function fileIdentity(path: string): string | undefined {
  try {
    const { dev, ino, size, mtimeNs } = lstatSync(path, { bigint: true });
    return `${dev}:${ino}:${size}:${mtimeNs}`;
  } catch (error) {
    if (errorName(error) === "ENOENT" || errorName(error) === "ENOTDIR") {
      return undefined;
    }
    throw error;
  }
}

/** Writes a journal; returns its path. {@link removeTraces} declares the run finished. */
export async function writeJournal(machine: Machine, entries: readonly JournalEntry[]): Promise<string> {
  const folder = ownFolder(machine, "journals");
  lastJournal += 1;
  const path = join(folder, `${ownIdentity(machine.hostName)}-${lastJournal}.json`);
  // Under another name first, so that a journal is either complete or not there.
  await writeNewFile(`${path}.part`, Buffer.from(JSON.stringify(entries)), {});
  await rename(`${path}.part`, path);
  await syncFolder(folder);
  return path;
}

/** Finishes or undoes every run of this user that was interrupted between its first rename and its last. */
export async function recover(machine: Machine): Promise<void> {
  for (const folder of usedFolders(machine, "journals")) {
    for (const name of await readdir(folder)) {
      const [, identity, state] = journalName.exec(name) ?? [];
      const path = join(folder, name);
      if (identity === undefined || !hasEnded(identity, machine.hostName, ageOf(path))) {
        continue;
      }
      if (state === undefined) await withLock(machine, path, "an interrupted write", () => settle(path));
      else if (state === ".done") await removeNames(path, (await readJournal(path)) ?? []);
      // A part: killed before the journal was complete, and so before the first rename.
      else await rm(path, { force: true });
    }
  }
}

async function settle(journal: string): Promise<void> {
  const entries = await readJournal(journal);
  if (entries === undefined) {
    return;
  }
  if (entries.every((entry) => isDone(entry) || isWaiting(entry))) {
    for (const entry of entries.filter(isWaiting)) {
      await rename(entry.next, entry.target);
    }
    await removeTraces(journal, entries);
  } else {
    await undo(journal, entries);
  }
}

/** Puts the old versions back wherever the new one stands. What others wrote since is left alone. */
export async function undo(journal: string, entries: readonly JournalEntry[]): Promise<void> {
  for (const entry of entries.filter(isDone)) {
    if (entry.before === undefined) {
      await rm(entry.target, { force: true });
    } else {
      await rename(entry.backup, entry.target);
    }
  }
  await removeTraces(journal, entries);
}

/**
 * Ends a run. The journal is marked before the second names go, without which nothing could be undone, and goes after
 * them: they may hold plaintext, and without it nobody would know of them.
 */
export async function removeTraces(journal: string, entries: readonly JournalEntry[]): Promise<void> {
  await Promise.all([...new Set(entries.map((entry) => dirname(entry.target)))].map(syncFolder));
  const marked = `${journal}.done`;
  await rename(journal, marked);
  await removeNames(marked, entries);
}

async function removeNames(marked: string, entries: readonly JournalEntry[]): Promise<void> {
  await Promise.all(
    entries.flatMap(({ next, backup }) => [rm(next, { force: true }), rm(backup, { force: true })]),
  );
  await rm(marked, { force: true });
}

function isDone({ target, after }: JournalEntry): boolean {
  return fileIdentity(target) === after;
}

function isWaiting({ target, next, before, after }: JournalEntry): boolean {
  return fileIdentity(next) === after && fileIdentity(target) === before;
}

async function readJournal(path: string): Promise<readonly JournalEntry[] | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as readonly JournalEntry[];
  } catch (error) {
    if (errorName(error) === "ENOENT") {
      return undefined;
    }
    throw error;
  }
}
