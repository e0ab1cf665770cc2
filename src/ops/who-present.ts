import { gitBlobId } from "../core/digest.ts";
import { KsealError } from "../errors.ts";
import { formatOfName } from "../formats/detect.ts";
import type { Skipped } from "./changed-files.ts";
import { type CheckSource, checkSources } from "./check-sources.ts";
import type { OpContext } from "./context.ts";
import { below, seenFrom } from "./file-path.ts";
import { nameIn, type Repository } from "./git-history.ts";
import { type Access, AccessReader } from "./who-access.ts";
import type { PresentFile } from "./who-file.ts";
import { type Trails, versionKey } from "./who-trails.ts";

const concurrency = 16;

/** What is in the working tree. */
export interface Present {
  readonly files: readonly PresentFile[];
  /** Of every file that was read, by {@link versionKey}: Git has most of them as they are. */
  readonly known: ReadonlyMap<string, Access>;
}

/**
 * The encrypted files of folders, and named files whatever they are. What Git ignores, links and submodules are left out
 * of folders.
 */
export async function presentFiles(
  paths: readonly string[],
  repository: Repository | undefined,
  context: OpContext,
): Promise<Present> {
  const { host, log } = context;
  const known = new Map<string, Access>();
  const named = new Set(paths.map((path) => host.resolve(path)));
  const skipped: Skipped = { links: 0, submodules: 0, large: 0, binary: 0 };
  const found = new Map<string, PresentFile>();
  const readers = new Map<string, AccessReader>();
  const look = async ({ file, path, read }: CheckSource): Promise<void> => {
    const bytes = await read();
    if (bytes === undefined) {
      log.warn(`${file}: larger than 8 MiB, so nobody looked into it`);
      return;
    }
    const format = formatOfName(path);
    const reader = readers.get(format) ?? (await AccessReader.open([format]));
    readers.set(format, reader);
    const access = reader.read(bytes, path);
    const blob = gitBlobId(bytes);
    known.set(versionKey(blob, path), access);
    if (access.kind === "clear" && !named.has(path)) return;
    const name = repository && (await nameIn(repository, path, host));
    found.set(path, { file, path, name, state: "present", access, blob });
  };
  const sources = checkSources({ paths, staged: false, since: undefined }, skipped, context);
  const worker = async (): Promise<void> => {
    for (let next = await sources.next(); next.done !== true; next = await sources.next()) {
      await look(next.value);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return { files: [...found.values()], known };
}

const gone: Access = { kind: "clear", groups: [], needed: 0, holders: new Map() };

/**
 * Files that the last commit has and the working tree has not (a sparse checkout, or deleted and not committed), and
 * files that only the history has.
 *
 * @param committed - Lists the files of the last commit.
 */
export async function absentFiles(
  present: readonly PresentFile[],
  {
    repository,
    trails,
    committed,
  }: {
    readonly repository: Repository;
    readonly trails: Trails;
    readonly committed: () => Promise<ReadonlyMap<string, string>>;
  },
  { host }: OpContext,
): Promise<readonly PresentFile[]> {
  const here = new Set(present.map(({ name }) => name));
  const shown = seenFrom(host.cwd, repository.top, host.platform);
  const found: PresentFile[] = [];
  const away = [...trails.files.keys()].filter((name) => !here.has(name));
  for (const name of away) {
    const path = host.resolve(repository.top, name);
    const blob = (await committed()).get(name);
    // There, and in clear now: that is said of the file when it is named.
    if ((await exists(path, host)) && blob !== undefined) continue;
    const file = shown === host.cwd ? name : below(shown, name, host.platform);
    const access = blob === undefined ? gone : trails.accessOf(blob, name);
    found.push({ file, path, name, state: blob === undefined ? "deleted" : "absent", access, blob });
  }
  return found;
}

async function exists(path: string, host: OpContext["host"]): Promise<boolean> {
  try {
    return (await host.stat(path)) !== undefined;
  } catch (error) {
    // A link in a circle, or a folder that may not be entered.
    if (error instanceof KsealError) return true;
    throw error;
  }
}
