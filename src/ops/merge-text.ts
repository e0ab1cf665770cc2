import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import { below } from "./file-path.ts";
import type { FileVersions } from "./merge.ts";
import type { MergedFile } from "./merge-sops.ts";

/**
 * Merges texts as Git itself does, conflict markers included, with `git merge-file`. None of them is a secret: they came
 * out of the repository.
 *
 * @throws KsealError `INPUT_UNREADABLE` when Git cannot merge them: binary files.
 */
export async function mergeText(
  { name, base, ours, theirs }: FileVersions,
  { markerSize }: { readonly markerSize?: number | undefined },
  context: OpContext,
): Promise<MergedFile> {
  const { host } = context;
  const folder = await host.openPrivateFolder();
  try {
    const files: string[] = [];
    for (const [side, bytes] of Object.entries({ ours, base, theirs })) {
      const path = below(folder.path, side, host.platform);
      await host.createFile(path, bytes);
      files.push(path);
    }
    const labels = ["-L", "ours", "-L", "base", "-L", "theirs"];
    const size = markerSize === undefined ? [] : [`--marker-size=${markerSize}`];
    const command = ["git", "merge-file", "-p", "-q", ...size, ...labels, ...files] as const;
    const { status, stdout, stderr } = await host.exec(command);
    if (status > 127) {
      const said = stderr.trim();
      throw new KsealError("INPUT_UNREADABLE", `Git cannot merge it${said === "" ? "" : `: ${said}`}`, {
        where: { file: name },
      });
    }
    const what = `changed at ${status === 1 ? "one place" : `${status} places`} on both sides`;
    return { content: stdout, conflicts: status === 0 ? [] : [{ path: "", what }] };
  } finally {
    await folder.remove();
  }
}
