import type { Format } from "../formats/store.ts";
import type { OpContext } from "./context.ts";
import { diffFile, type FileDiff, type FilePair } from "./diff-file.ts";
import { seenFrom } from "./file-path.ts";
import { type GitRange, gitChanges } from "./git-changes.ts";
import { readText } from "./load-file.ts";
import { selectOne } from "./select-files.ts";

export interface DiffOptions {
  /** Two files, else what Git knows. */
  readonly compare: { readonly before: string; readonly after: string } | GitRange;
  /** What two files are called in the repository; the name of the later one when left out. */
  readonly name?: string | undefined;
  /** Whether values are opened where a key is at hand. */
  readonly open: boolean;
  readonly inputType?: Format | undefined;
}

/** What Git hands to a difftool in the place of a file that is not there, on every system. */
const nothing = "/dev/null";

/** What changed in encrypted files; files that are not encrypted in either version are left out. */
export async function diffFiles(options: DiffOptions, context: OpContext): Promise<readonly FileDiff[]> {
  const { host } = context;
  const pairs =
    "before" in options.compare
      ? [await readPair(options.compare, options.name, context)]
      : await gitChanges(options.compare, host);
  const diffs: FileDiff[] = [];
  for (const pair of pairs) {
    const diff = await diffFile(pair, options, context);
    if (diff !== undefined && diff.state !== "same") {
      diffs.push({ ...diff, file: seenFrom(host.cwd, diff.file, host.platform) });
    }
  }
  return diffs;
}

async function readPair(
  { before, after }: { readonly before: string; readonly after: string },
  name: string | undefined,
  context: OpContext,
): Promise<FilePair> {
  const read = async (path: string): Promise<Uint8Array | undefined> =>
    path === nothing ? undefined : (await readText(await selectOne(path, context), {}, context)).bytes;
  return {
    name: name ?? (after === nothing ? before : after),
    before: await read(before),
    after: await read(after),
  };
}
