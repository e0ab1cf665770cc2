import type { MasterKey } from "../core/master-key.ts";
import { formatOfName } from "../formats/detect.ts";
import type { OpContext } from "./context.ts";
import { type Repository, readBlobs, readHistory } from "./git-history.ts";
import type { Commit, FileChange } from "./git-output.ts";
import { type Access, AccessReader } from "./who-access.ts";

/** What history says of one key and one file. */
export interface KeyTrail {
  readonly key: MasterKey | undefined;
  /** The commits that gave it the file, oldest first. */
  readonly added: Commit[];
  readonly removed: Removal[];
  /** The newest version that it could read. */
  last: Version;
}

interface Removal {
  readonly commit: Commit;
  /** The version that no longer has it; `undefined` when the file itself went. */
  readonly after: Version | undefined;
}

/** One content of a file. */
export interface Version {
  readonly id: string;
  /** The file's name then. */
  readonly name: string;
}

/** What history says of one file, also under earlier names. */
export interface FileTrail {
  /** The newest name, from the top of the repository. */
  readonly name: string;
  readonly keys: ReadonlyMap<string, KeyTrail>;
  /** The commit since which so many groups have to open. */
  readonly opening: Commit | undefined;
  /** Commits after which it was encrypted, and before in clear; and the other way round. */
  readonly clearUntil: readonly Commit[];
  readonly clearFrom: readonly Commit[];
  /** The content that the newest change left; `undefined` when that removed the file. */
  readonly newest: string | undefined;
  /** The last commit that removed it. */
  readonly deleted: Commit | undefined;
  /** Versions that cannot be read: damaged, too large, or missing in this clone. */
  readonly unreadable: number;
}

/** What history says of some files. */
export interface Trails {
  /** `none` in a repository without commits, `merged` where branches come together. */
  readonly history: "none" | "linear" | "merged";
  /** By newest name, those that ever were encrypted. */
  readonly files: ReadonlyMap<string, FileTrail>;
  /** The contents of every `.sops.yaml` there was, newest first. */
  readonly configs: readonly string[];
  /** Who could read one of the versions. @param name - Of the file then. */
  readonly accessOf: (id: string, name: string) => Access;
}

const nobody: Access = { kind: "clear", groups: [], needed: 0, holders: new Map() };

/** What the working tree tells before its history is read. */
export interface Known {
  /** Which files to read, by their newest names. */
  readonly isWanted: (name: string) => boolean;
  /** Who could read contents that were read already, by {@link versionKey}. */
  readonly versions: ReadonlyMap<string, Access>;
}

/**
 * Follows who could read files through the history of a repository: one run of `git log`, one of `git cat-file`. Of each
 * version only its recipients are kept.
 *
 * @param scope - Names of files and folders; an empty one is the whole repository.
 * @param known - Waited for when the history has been read, so that the working tree can be read meanwhile.
 */
export async function followFiles(
  repository: Repository,
  scope: readonly string[],
  known: Promise<Known>,
  context: OpContext,
): Promise<Trails> {
  const changes: FileChange[] = [];
  const configs = new Set<string>();
  const earlier = new Set<string>();
  const keep = (change: FileChange): void => {
    const { name, renamedFrom, after } = change;
    if (after !== undefined && /(?:^|\/)\.sops\.yaml$/.test(name)) configs.add(after);
    if (!isInScope(name, scope) && !earlier.has(name)) return;
    if (renamedFrom !== undefined) earlier.add(renamedFrom);
    changes.push(change);
  };
  const history = await readHistory(repository, keep, context);
  const { isWanted, versions } = await known;
  const wanted = [...byFile(changes)].filter(([name]) => isWanted(name));
  const ofWanted = wanted.flatMap(([, own]) => own);
  const read = await readAccess(repository, ofWanted, versions, context);
  const files = new Map<string, FileTrail>();
  for (const [name, own] of wanted) {
    const trail = trailOf(name, own, read);
    if (trail.keys.size > 0 || trail.unreadable > 0) files.set(name, trail);
  }
  return { history, files, configs: [...configs], accessOf: read };
}

function isInScope(name: string, scope: readonly string[]): boolean {
  return scope.some((one) => one === "" || name === one || name.startsWith(`${one}/`));
}

/** The changes of each file, oldest first, those from before it was renamed included. */
function byFile(changes: readonly FileChange[]): ReadonlyMap<string, readonly FileChange[]> {
  const newestName = new Map<string, string>();
  const files = new Map<string, FileChange[]>();
  for (const change of changes) {
    const name = newestName.get(change.name) ?? change.name;
    if (change.renamedFrom !== undefined) newestName.set(change.renamedFrom, name);
    const own = files.get(name);
    if (own === undefined) files.set(name, [change]);
    else own.push(change);
  }
  for (const own of files.values()) own.reverse();
  return files;
}

type ReadAccess = (id: string, name: string) => Access;

async function readAccess(
  repository: Repository,
  changes: readonly FileChange[],
  known: ReadonlyMap<string, Access>,
  context: OpContext,
): Promise<ReadAccess> {
  // The ending decides how a content is read, so one under two names may have to be read twice.
  const wanted = new Map<string, Version>();
  const want = (id: string | undefined, name: string): void => {
    const key = id === undefined ? "" : versionKey(id, name);
    if (id !== undefined && !known.has(key)) wanted.set(key, { id, name });
  };
  for (const { name, renamedFrom = name, before, after } of changes) {
    for (const id of before) want(id, renamedFrom);
    want(after, name);
  }
  const found = new Map<string, Access>();
  const questions = [...wanted.values()];
  const reader = await AccessReader.open(questions.map(({ name }) => formatOfName(name)));
  let at = 0;
  const take = (id: string, bytes: Uint8Array | undefined): void => {
    const name = questions[at++]?.name ?? "";
    found.set(versionKey(id, name), bytes === undefined ? missing : reader.read(bytes, name));
  };
  const ids = questions.map(({ id }) => id);
  await readBlobs(repository, ids, take, context);
  return (id, name) => {
    const key = versionKey(id, name);
    return known.get(key) ?? found.get(key) ?? missing;
  };
}

const missing: Access = {
  kind: "unreadable",
  groups: [],
  needed: 0,
  holders: new Map(),
  problem: "it is missing in this clone, or larger than 8 MiB",
};

/** Tells contents apart, and the formats they are read in. @param name - Of the file. */
export function versionKey(id: string, name: string): string {
  return `${formatOfName(name)} ${id}`;
}

function trailOf(name: string, changes: readonly FileChange[], read: ReadAccess): FileTrail {
  const keys = new Map<string, KeyTrail>();
  const unreadable = new Set<string>();
  const standIns = new Map<string, Access>();
  const clearUntil: Commit[] = [];
  const clearFrom: Commit[] = [];
  let opening: Commit | undefined;
  let deleted: Commit | undefined;
  for (const change of changes) {
    const { commit, after } = change;
    const earlierName = change.renamedFrom ?? change.name;
    const olds = change.before.map((id) =>
      id === undefined ? nobody : (standIns.get(id) ?? read(id, earlierName)),
    );
    let now = after === undefined ? nobody : read(after, change.name);
    if (after !== undefined && now.kind === "unreadable") {
      // Nobody can tell; the version before it stands in, so that nothing seems to change.
      unreadable.add(after);
      now = olds[0] ?? nobody;
      standIns.set(after, now);
    }
    if (after === undefined) deleted = commit;
    noteKeys(keys, { change, olds, now });
    if (now.kind === "sops" && olds.every((old) => !opensAlike(old, now))) opening = commit;
    const wasClear = change.before.some((id, index) => id !== undefined && olds[index]?.kind === "clear");
    if (isEncrypted(now) && wasClear && olds.length === 1) clearUntil.push(commit);
    if (after !== undefined && now.kind === "clear" && olds.every(isEncrypted)) clearFrom.push(commit);
  }
  const newest = changes.at(-1)?.after;
  return { name, keys, opening, clearUntil, clearFrom, newest, deleted, unreadable: unreadable.size };
}

function isEncrypted({ kind }: Access): boolean {
  return kind === "sops" || kind === "sealed";
}

function opensAlike(a: Access, b: Access): boolean {
  return a.needed === b.needed && a.groups.length === b.groups.length;
}

function noteKeys(
  keys: Map<string, KeyTrail>,
  { change, olds, now }: { change: FileChange; olds: readonly Access[]; now: Access },
): void {
  const { commit, after, name } = change;
  const version = after === undefined ? undefined : { id: after, name };
  for (const [holder, key] of now.holders) {
    if (version === undefined) break;
    const trail = keys.get(holder) ?? { key, added: [], removed: [], last: version };
    keys.set(holder, trail);
    trail.last = version;
    if (!olds.some(({ holders }) => holders.has(holder))) trail.added.push(commit);
  }
  const [first = nobody, ...others] = olds;
  if (first === now) return;
  // What one parent of a merge had removed, that parent's history tells.
  for (const holder of first.holders.keys()) {
    if (now.holders.has(holder) || !others.every(({ holders }) => holders.has(holder))) continue;
    keys.get(holder)?.removed.push({ commit, after: version });
  }
}
