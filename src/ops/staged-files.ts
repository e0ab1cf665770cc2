import type { Host } from "../core/ports.ts";
import { rawChanges, topFolder } from "./changed-files.ts";

/** What the index has that the last commit has not. */
export interface StagedFiles {
  /** The folder that names begin from. */
  readonly top: string;
  /** Git is still looking for them. */
  readonly changes: ReturnType<typeof rawChanges>;
}

/**
 * Asks Git what is staged. It takes as long as to load what checks it, so whoever asks gets the half of the answer that
 * comes first, and should do something else meanwhile.
 *
 * @throws KsealError `USAGE` where there is no repository.
 */
export async function askStaged(paths: readonly string[], host: Host): Promise<StagedFiles> {
  const changes = rawChanges(["--cached"], paths, { host });
  // Without a repository the other question says so.
  changes.catch(() => undefined);
  return { top: await topFolder({ host }), changes };
}
