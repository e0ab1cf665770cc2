import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { ValueFolder } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { writeError } from "./file-errors.ts";
import type { Machine } from "./machine.ts";
import { isInMemory } from "./private-folder.ts";

/*
 * As the kubelet lays out a volume:
 *
 *   FOLDER/..2026-11-21T15-04-05.x7k2p/password    the values
 *   FOLDER/..data -> ..2026-11-21T15-04-05.x7k2p   what a rename puts in place at once
 *   FOLDER/password -> ..data/password             what programs open
 */
const current = "..data";
const next = "..data_tmp";
const dated = /^\.\.20\d\d-/;

interface Owner {
  readonly userId: number;
  readonly groupId: number;
}

/** See `Host.openValueFolder`. */
export async function openValueFolder(
  machine: Machine,
  path: string,
  options: { readonly mode: number; readonly owner?: string | undefined },
): Promise<ValueFolder> {
  const folder = resolve(machine.cwd, path);
  const { mode } = options;
  const owner = options.owner === undefined ? undefined : await ownerOf(machine, options.owner);
  const attempt = <T>(work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      throw cause instanceof KsealError ? cause : writeError(path, cause);
    }
  };
  return {
    inMemory: isInMemory(nearest(folder)),
    replace: (files) =>
      attempt(() => {
        make(folder, owner);
        if (isSame(folder, files, mode)) return false;
        refuseForeign(folder, path, files);
        switchTo(writeNew(machine, folder, { files, mode, owner }), folder);
        link(folder, files);
        removeOld(folder);
        return true;
      }),
    clear: () => {
      for (const name of ownNames(folder)) rmSync(join(folder, name), { recursive: true, force: true });
    },
  };
}

/** The part of a path that exists. */
function nearest(path: string): string {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return path;
  return dirname(path) === path ? path : nearest(dirname(path));
}

function make(folder: string, owner: Owner | undefined): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  handTo(folder, owner);
}

function isSame(folder: string, files: ReadonlyMap<string, Uint8Array>, mode: number): boolean {
  const data = join(folder, current);
  if (statSync(data, { throwIfNoEntry: false }) === undefined) return false;
  const names = readdirSync(data);
  return (
    names.length === files.size &&
    names.every((name) => {
      const wanted = files.get(name);
      const path = join(data, name);
      const isLinked = lstatSync(join(folder, name), { throwIfNoEntry: false })?.isSymbolicLink() === true;
      const found = statSync(path);
      return (
        isLinked && (found.mode & 0o777) === mode && wanted !== undefined && readFileSync(path).equals(wanted)
      );
    })
  );
}

function refuseForeign(folder: string, path: string, files: ReadonlyMap<string, Uint8Array>): void {
  for (const name of files.keys()) {
    if (lstatSync(join(folder, name), { throwIfNoEntry: false }) === undefined || isOwnLink(folder, name))
      continue;
    throw new KsealError(
      "OUTPUT_UNWRITABLE",
      `${join(path, name)} exists already, and is not from kseal export`,
      {
        hint: "remove it, or name another folder",
      },
    );
  }
}

function writeNew(
  machine: Machine,
  folder: string,
  { files, mode, owner }: { files: ReadonlyMap<string, Uint8Array>; mode: number; owner: Owner | undefined },
): string {
  const time = new Date(machine.now()).toISOString().slice(0, 19).replaceAll(":", "-");
  const made = mkdtempSync(join(folder, `..${time}.`));
  for (const [name, bytes] of files) {
    const path = join(made, name);
    writeFileSync(path, bytes, { mode: 0o600, flag: "wx" });
    chmodSync(path, mode);
    handTo(path, owner);
  }
  // Who may read a file has to get to it.
  chmodSync(made, 0o700 | (mode & 0o444) | ((mode & 0o444) >> 2));
  handTo(made, owner);
  return made;
}

function switchTo(made: string, folder: string): void {
  rmSync(join(folder, next), { force: true });
  symlinkSync(made.slice(folder.length + 1), join(folder, next));
  renameSync(join(folder, next), join(folder, current));
}

function link(folder: string, files: ReadonlyMap<string, Uint8Array>): void {
  for (const name of files.keys()) {
    if (!isOwnLink(folder, name)) symlinkSync(join(current, name), join(folder, name));
  }
  for (const name of readdirSync(folder)) {
    if (isOwnLink(folder, name) && !files.has(name)) rmSync(join(folder, name));
  }
}

/** Also what a run left behind that was killed in between. */
function removeOld(folder: string): void {
  const used = readlinkSync(join(folder, current));
  for (const name of readdirSync(folder)) {
    if (dated.test(name) && name !== used) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function ownNames(folder: string): readonly string[] {
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return [];
  const names = readdirSync(folder);
  return names.filter(
    (name) => name === current || name === next || dated.test(name) || isOwnLink(folder, name),
  );
}

function isOwnLink(folder: string, name: string): boolean {
  const path = join(folder, name);
  return (
    lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true &&
    readlinkSync(path) === join(current, name)
  );
}

function handTo(path: string, owner: Owner | undefined): void {
  if (owner !== undefined) chownSync(path, owner.userId, owner.groupId);
}

async function ownerOf(machine: Machine, text: string): Promise<Owner> {
  const [, userId, groupId] = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(text) ?? [];
  if (userId !== undefined) return { userId: Number(userId), groupId: Number(groupId ?? userId) };
  const { userOf } = await import("./exec.ts");
  return userOf(machine, text);
}
