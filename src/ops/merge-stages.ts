import type { Host } from "../core/ports.ts";
import { baseName, folderOf } from "./file-path.ts";
import { git } from "./git.ts";
import type { FileVersions } from "./merge.ts";

const decoder = new TextDecoder();

/** The three versions of a file, without its name. */
export type Versions = Omit<FileVersions, "name">;

/**
 * What Git has merged, or could not merge, in a file: the stages of the index while the merge goes on, else the versions
 * of the merge, cherry-pick or rebase that is under way, else those of the last merge that changed the file.
 *
 * @param path - Absolute.
 * @returns `undefined` when Git knows of no merge.
 */
export async function mergedVersions(host: Host, path: string): Promise<Versions | undefined> {
  const folder = folderOf(path, host.platform);
  const name = `./${baseName(path, host.platform)}`;
  const ask = async (...args: readonly string[]): Promise<Uint8Array | undefined> => git(host, folder, args);
  const show = async (revision: string): Promise<Uint8Array | undefined> => {
    const bytes = await ask("show", `${revision}:${name}`);
    return bytes?.length === 0 ? undefined : bytes;
  };
  const stages = { base: await show(":1"), ours: await show(":2"), theirs: await show(":3") };
  if (stages.ours !== undefined && stages.theirs !== undefined) {
    return { base: stages.base ?? new Uint8Array(), ours: stages.ours, theirs: stages.theirs };
  }
  const text = async (...args: readonly string[]): Promise<string> =>
    decoder.decode((await ask(...args)) ?? new Uint8Array()).trim();
  const exists = async (revision: string): Promise<boolean> =>
    (await text("rev-parse", "--verify", "--quiet", revision)) !== "";
  const versionsOf = async (ours: string, theirs: string, base: string): Promise<Versions | undefined> => {
    const [mine, other] = [await show(ours), await show(theirs)];
    if (mine === undefined || other === undefined) return undefined;
    return { base: (await show(base)) ?? new Uint8Array(), ours: mine, theirs: other };
  };
  if (await exists("MERGE_HEAD")) {
    return versionsOf("HEAD", "MERGE_HEAD", await text("merge-base", "HEAD", "MERGE_HEAD"));
  }
  for (const picked of ["CHERRY_PICK_HEAD", "REBASE_HEAD"]) {
    if (await exists(picked)) return versionsOf("HEAD", picked, `${picked}^`);
  }
  const merge = await text("rev-list", "--merges", "-1", "HEAD", "--", name);
  if (merge === "") return undefined;
  return versionsOf(`${merge}^1`, `${merge}^2`, await text("merge-base", `${merge}^1`, `${merge}^2`));
}
