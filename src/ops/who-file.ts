import type { Config } from "../config/rules.ts";
import { holderText, type MasterKey } from "../core/master-key.ts";
import type { OpContext } from "./context.ts";
import type { Repository } from "./git-history.ts";
import type { Commit } from "./git-output.ts";
import type { Access } from "./who-access.ts";
import { type Comparison, lostKeys } from "./who-former.ts";
import type { SealedFor, SealedObject } from "./who-sealed.ts";
import type { FileTrail, KeyTrail, Trails } from "./who-trails.ts";
import type { Known } from "./who-values.ts";

/** A file that it is about, as it is now. */
export interface PresentFile {
  /** For messages. */
  readonly file: string;
  /** Absolute. */
  readonly path: string;
  /** In the repository; `undefined` elsewhere. */
  readonly name: string | undefined;
  /** `absent`: the last commit has it, and the working tree has not. `deleted`: only the history has it. */
  readonly state: "present" | "absent" | "deleted";
  readonly access: Access;
  /** The id that Git gives the content; `undefined` of a `deleted` one. */
  readonly blob: string | undefined;
}

/** Who can read one file. */
export interface WhoFile {
  readonly file: string;
  readonly state: PresentFile["state"];
  /** The commit that deleted it. */
  readonly deleted: Commit | undefined;
  readonly kind: Access["kind"];
  /** Why nobody can tell, of an `unreadable` one. */
  readonly problem: string | undefined;
  /** Key groups: how many there are, how many have to open, and since when so many. */
  readonly groups: { readonly all: number; readonly needed: number; readonly since: Commit | undefined };
  readonly holders: readonly Holder[];
  readonly former: readonly FormerHolder[];
  /** Of a file with SealedSecrets. */
  readonly sealed: readonly SealedObject[];
  readonly sealedFor: SealedFor | undefined;
  /** Commits up to which it stood in clear, and after which: everybody with the repository knows what was there. */
  readonly clearUntil: readonly Commit[];
  readonly clearFrom: readonly Commit[];
  /** Versions in the history that nobody could look into. */
  readonly unreadable: number;
}

/** When somebody got a file. */
interface Beginning {
  /** `undefined` when the history does not say. */
  readonly since: Commit | undefined;
  /** The clone's history begins with that commit: it may have been earlier. */
  readonly isCut: boolean;
}

/** A key that can read a file, or is one of several that can together. */
export interface Holder extends Beginning {
  /** `undefined` for the controller of a cluster. */
  readonly key: MasterKey | undefined;
  /** The numbers, from 1, of the key groups it stands in; none where there is only one. */
  readonly groups: readonly number[];
  /** It stands in the working tree only. */
  readonly isUncommitted: boolean;
  /** Commits that gave it the file before, and took it away. */
  readonly earlier: readonly { readonly since: Commit | undefined; readonly until: Commit }[];
}

/** A key that could read a file, and knows what was there. */
export interface FormerHolder extends Beginning {
  readonly key: MasterKey | undefined;
  /** `undefined` when a merge dropped it, and when that is not committed. */
  readonly until: Commit | undefined;
  readonly isUncommitted: boolean;
  /** What became of the values; `undefined` when the file is gone, or one of the versions cannot be read. */
  readonly known: Known | undefined;
}

interface About {
  readonly repository: Repository | undefined;
  readonly trails: Trails | undefined;
  readonly config: Config | undefined;
  /** Who could read the file in the last commit; `undefined` when it had none. */
  readonly committed: Access | undefined;
  readonly compare: Comparison;
}

/** Puts together what is known of a file: what it says now, and what its history says. */
export async function whoFile(file: PresentFile, about: About, context: OpContext): Promise<WhoFile> {
  const { state, access } = file;
  const { trails, config } = about;
  const trail = file.name === undefined ? undefined : trails?.files.get(file.name);
  return {
    file: file.file,
    state,
    deleted: state === "deleted" ? trail?.deleted : undefined,
    kind: access.kind,
    problem: access.problem,
    groups: {
      all: access.groups.length,
      needed: access.needed,
      since: access.groups.length > 1 ? trail?.opening : undefined,
    },
    holders: [...access.holders].map(([holder, key]) => holderOf(holder, key, { ...about, file, trail })),
    former: lostKeys(file, trails).map(([holder, own]) => formerHolder(holder, own, { ...about, file })),
    ...(await sealedParts(file, config, context)),
    clearUntil: trail?.clearUntil ?? [],
    clearFrom: trail?.clearFrom ?? [],
    unreadable: trail?.unreadable ?? 0,
  };
}

async function sealedParts(
  { access, state, path }: PresentFile,
  config: Config | undefined,
  context: OpContext,
): Promise<Pick<WhoFile, "sealed" | "sealedFor">> {
  if (access.kind !== "sealed") return { sealed: [], sealedFor: undefined };
  const { sealedFor, sealedObjects } = await import("./who-sealed.ts");
  const sealed = state === "present" ? await sealedObjects(await context.host.readFile(path), path) : [];
  return { sealed, sealedFor: sealedFor(config, path, context) };
}

function holderOf(
  holder: string,
  key: MasterKey | undefined,
  {
    trail,
    repository,
    committed,
    file: { access, name },
  }: About & { readonly file: PresentFile; readonly trail: FileTrail | undefined },
): Holder {
  const own = trail?.keys.get(holder);
  const since = own?.added.at(-1);
  const groups = access.groups.flatMap((group, index) =>
    group.some((one) => holderText(one) === holder) ? [index + 1] : [],
  );
  return {
    key,
    groups: access.groups.length > 1 ? groups : [],
    since,
    isCut: isCut(since, repository),
    isUncommitted: name !== undefined && committed?.holders.has(holder) !== true,
    earlier: own === undefined ? [] : earlierPeriods(own),
  };
}

/** Each removal ends the period that began before it; what was added on two branches has no removal between. */
function earlierPeriods({ added, removed }: KeyTrail): Holder["earlier"] {
  const ended = removed.slice(0, Math.max(0, added.length - 1));
  return ended.map(({ commit }, index) => ({ since: added[index], until: commit }));
}

function formerHolder(
  holder: string,
  own: KeyTrail,
  { repository, committed, compare, file }: About & { readonly file: PresentFile },
): FormerHolder {
  const since = own.added.at(-1);
  const isUncommitted = committed?.holders.has(holder) === true;
  return {
    key: own.key,
    since,
    isCut: isCut(since, repository),
    until: isUncommitted ? undefined : own.removed.at(-1)?.commit,
    isUncommitted,
    known: compare(file, own),
  };
}

function isCut(commit: Commit | undefined, repository: Repository | undefined): boolean {
  return commit !== undefined && repository?.cut.has(commit.hash) === true;
}
