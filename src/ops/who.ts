import type { Config } from "../config/rules.ts";
import { type KeyNames, nameOfKey } from "../core/key-names.ts";
import { holderText, keyId, type MasterKey } from "../core/master-key.ts";
import { KsealError } from "../errors.ts";
import { formatOfName } from "../formats/detect.ts";
import type { OpContext } from "./context.ts";
import { folderOf, seenFrom } from "./file-path.ts";
import { committedFiles, nameIn, openRepository, type Repository } from "./git-history.ts";
import { openRuleBook, type RuleBook } from "./rule-book.ts";
import type { Access } from "./who-access.ts";
import { type PresentFile, type WhoFile, whoFile } from "./who-file.ts";
import { compareFormer, formerNames } from "./who-former.ts";
import { absentFiles, type Present, presentFiles } from "./who-present.ts";
import { followFiles, type Trails } from "./who-trails.ts";

/** Whom and what it is about. */
export interface WhoOptions {
  /** Files and folders; the whole repository when there are none. */
  readonly paths: readonly string[];
  /** A name of `kseal: keys:`, or a key or the beginning of one: only what it can or could read. */
  readonly recipient?: string | undefined;
}

/** Who can read what, and since when. */
export interface WhoResult {
  /** `cut`: a shallow clone. `empty`: no commit yet. `none`: outside of Git, so only the present is known. */
  readonly history: "complete" | "cut" | "empty" | "none";
  readonly files: readonly WhoFile[];
  /** What people call the keys. */
  readonly names: KeyNames;
  /** The keys that the recipient asked for has; all keys when nobody was asked for. */
  readonly asked: readonly MasterKey[] | undefined;
}

/**
 * Who can read which encrypted files, through which key and since when; and who could, and still knows what was there.
 * Asks for no key and no network. Of a repository's history only recipients are kept in memory.
 *
 * @throws KsealError `NO_FILE` for a path that neither is nor ever was there, `NOT_FOUND` for a recipient whom no file
 *   has or had, `INPUT_UNREADABLE` when Git cannot read the history.
 */
export async function who(options: WhoOptions, context: OpContext): Promise<WhoResult> {
  const { host } = context;
  const repository = await openRepository(host, await folderToAsk(options.paths, context));
  const asked = options.paths.length > 0 ? options.paths : [repository?.top ?? "."];
  const { there, missing } = await sortPaths(asked, repository, context);
  const looking = presentFiles(there, repository, context);
  const [{ files: present }, past] = await Promise.all([
    looking,
    repository && lookBack(repository, { asked, present: looking }, context),
  ]);
  const found = [...present, ...(past === undefined ? [] : await absentFiles(present, past, context))];
  const all = options.paths.length > 0 ? found : found.map((file) => fromHere(file, repository, context));
  refuseUnknown(missing, all, context);
  const configs = await configsOf(all, context);
  const compare = past === undefined ? () => undefined : await compareFormer(all, past, context);
  const files: WhoFile[] = [];
  for (const file of all) {
    const config = configs.get(folderOf(file.path, host.platform));
    const committed = await past?.committedAccess(file);
    const about = { repository, trails: past?.trails, config, committed, compare };
    files.push(await whoFile(file, about, context));
  }
  const hasFormer = files.some(({ former }) => former.length > 0);
  const names = new Map([
    ...(hasFormer && past !== undefined ? await formerNames(past.repository, past.trails, context) : []),
    ...[...configs.values()].flatMap((config) => [...(config?.names ?? [])]),
  ]);
  const history = historyOf(repository, past?.trails);
  const sorted = files.toSorted((a, b) => (a.file < b.file ? -1 : 1));
  if (options.recipient === undefined) return { history, files: sorted, names, asked: undefined };
  return { history, names, ...onlyOf(options.recipient, sorted, names) };
}

/** A file of the whole repository as people in the working folder name it: also when that is below the top. */
function fromHere(file: PresentFile, repository: Repository | undefined, { host }: OpContext): PresentFile {
  if (repository === undefined || file.name === undefined) return file;
  const inside = seenFrom(repository.top, host.cwd, host.platform);
  const here = inside === host.cwd ? [] : inside.split("/");
  const parts = file.name.split("/");
  const shared = here.findIndex((part, index) => part !== parts[index]);
  const common = shared < 0 ? here.length : shared;
  const up = here.slice(common).map(() => "..");
  return { ...file, file: [...up, ...parts.slice(common)].join("/") };
}

interface Past {
  readonly repository: Repository;
  readonly trails: Trails;
  /** The files of the last commit. Asked for when something differs from it. */
  readonly committed: () => Promise<ReadonlyMap<string, string>>;
  /** Who could read a file in the last commit. */
  readonly committedAccess: (file: PresentFile) => Promise<Access | undefined>;
}

async function lookBack(
  repository: Repository,
  { asked, present }: { readonly asked: readonly string[]; readonly present: Promise<Present> },
  context: OpContext,
): Promise<Past> {
  const scope = await scopeOf(asked, repository, context);
  const known = present.then(async ({ files, known: versions }) => ({
    isWanted: await wanted(files, repository, context),
    versions,
  }));
  // Who waits for both hears of it.
  known.catch(() => undefined);
  const trails = await followFiles(repository, scope, known, context);
  let listed: Promise<ReadonlyMap<string, string>> | undefined;
  const committed = (): Promise<ReadonlyMap<string, string>> => {
    listed ??= committedFiles(repository, context.host);
    return listed;
  };
  const committedAccess = async ({ name, blob, access }: PresentFile): Promise<Access | undefined> => {
    if (name === undefined) return undefined;
    // What the newest commit left is what is here; where branches were merged, that commit may be on another one.
    if (trails.history === "linear" && trails.files.get(name)?.newest === blob) return access;
    const id = (await committed()).get(name);
    return id === undefined ? undefined : trails.accessOf(id, name);
  };
  return { repository, trails, committed, committedAccess };
}

function historyOf(repository: Repository | undefined, trails: Trails | undefined): WhoResult["history"] {
  if (repository === undefined || trails === undefined) return "none";
  if (trails.history === "none") return "empty";
  return repository.cut.size > 0 ? "cut" : "complete";
}

async function folderToAsk(paths: readonly string[], { host }: OpContext): Promise<string> {
  const [first = "."] = paths;
  let folder = host.resolve(first);
  while ((await host.stat(folder))?.kind !== "folder" && folderOf(folder, host.platform) !== folder)
    folder = folderOf(folder, host.platform);
  return folder;
}

/** Which paths are there, and which may be in the history. */
async function sortPaths(
  paths: readonly string[],
  repository: Repository | undefined,
  { host }: OpContext,
): Promise<{ readonly there: readonly string[]; readonly missing: readonly string[] }> {
  const there: string[] = [];
  const missing: string[] = [];
  for (const path of paths) {
    if ((await host.stat(host.resolve(path))) !== undefined) there.push(path);
    else if (repository !== undefined) missing.push(path);
    else throw new KsealError("NO_FILE", "no such file", { where: { file: path } });
  }
  return { there, missing };
}

function refuseUnknown(missing: readonly string[], files: readonly PresentFile[], { host }: OpContext): void {
  for (const file of missing) {
    const path = host.resolve(file);
    const isKnown = files.some(
      (one) => one.path === path || seenFrom(path, one.path, host.platform) !== one.path,
    );
    if (!isKnown)
      throw new KsealError("NO_FILE", "no such file, and no encrypted one in the history", {
        where: { file },
      });
  }
}

/** The folders and files that it is about, by their names in the repository; an empty name is all of it. */
async function scopeOf(
  paths: readonly string[],
  repository: Repository | undefined,
  { host }: OpContext,
): Promise<readonly string[]> {
  if (repository === undefined) return [];
  const names: string[] = [];
  for (const path of paths.map((one) => host.resolve(one))) {
    const name = path === repository.top ? "" : await nameIn(repository, path, host);
    if (name !== undefined) names.push(name);
    else if ((await host.realPath(repository.top)) === (await host.realPath(path))) names.push("");
  }
  return names;
}

/** Which files of the history to read: those that are encrypted, and all whose names say a format of SOPS. */
async function wanted(
  present: readonly PresentFile[],
  repository: Repository,
  context: OpContext,
): Promise<(name: string) => boolean> {
  const { host } = context;
  const encrypted = new Set(present.map(({ name }) => name));
  const quiet = { ...context, log: { info: () => undefined, warn: () => undefined } };
  const config = await unlessBroken(openRuleBook(quiet), host.resolve(repository.top, "any.yaml"), quiet);
  const { matchRule } = await import("../config/match.ts");
  const isRuled = (name: string): boolean =>
    config !== undefined &&
    matchRule(config, host.resolve(repository.top, name), host)?.pathRegex !== undefined;
  return (name) => encrypted.has(name) || formatOfName(name) !== "binary" || isRuled(name);
}

/** The configuration of every file, by folder; a broken one is said once and counts for nothing. */
async function configsOf(
  files: readonly PresentFile[],
  context: OpContext,
): Promise<ReadonlyMap<string, Config | undefined>> {
  const rules = openRuleBook(context);
  const configs = new Map<string, Config | undefined>();
  for (const { path } of files) {
    const folder = folderOf(path, context.host.platform);
    if (!configs.has(folder)) configs.set(folder, await unlessBroken(rules, path, context));
  }
  return configs;
}

async function unlessBroken(rules: RuleBook, path: string, { log }: OpContext): Promise<Config | undefined> {
  try {
    return await rules.configFor(path);
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    log.warn(`${error.where?.file ?? ".sops.yaml"}: ${error.message}`);
    return undefined;
  }
}

function onlyOf(
  recipient: string,
  files: readonly WhoFile[],
  names: KeyNames,
): Pick<WhoResult, "files" | "asked"> {
  const isAsked = (key: MasterKey | undefined): boolean =>
    key !== undefined && isCalled(key, recipient, names);
  const own = files.flatMap((file) => {
    const holders = file.holders.filter(({ key }) => isAsked(key));
    const former = file.former.filter(({ key }) => isAsked(key));
    return holders.length + former.length === 0 ? [] : [{ ...file, holders, former }];
  });
  const keys = own.flatMap((file) => [...file.holders, ...file.former].flatMap(({ key }) => key ?? []));
  const distinct = new Map(keys.map((key) => [holderText(key), key]));
  if (distinct.size > 0) return { files: own, asked: [...distinct.values()] };
  throw new KsealError(
    "NOT_FOUND",
    `no encrypted file has, or ever had, the recipient ${JSON.stringify(recipient)}`,
    {
      hint: "kseal who lists all of them; names are those of kseal: keys: in .sops.yaml",
    },
  );
}

// So much of a key is enough to name it: an age recipient begins with age1.
const shortestBeginning = 8;

function isCalled(key: MasterKey, wanted: string, names: KeyNames): boolean {
  const [id, name] = [keyId(key), nameOfKey(key, names)].map((text) => text?.toLowerCase());
  const text = wanted.trim().toLowerCase();
  if (text === name || text === id) return true;
  return text.length >= shortestBeginning && id !== undefined && id.startsWith(text);
}
