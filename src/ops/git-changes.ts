import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import type { FilePair } from "./diff-file.ts";
import { below } from "./file-path.ts";
import { git } from "./git.ts";
import { sizeLimit } from "./select-files.ts";

const decoder = new TextDecoder();

/** Which versions are compared, in the words of `git diff`. */
export interface GitRange {
  /** `main`, `main..topic`, `main...topic`; without any the index with the working tree. */
  readonly revisions: readonly string[];
  readonly paths: readonly string[];
  /** The last commit, or the revision, with the index. */
  readonly staged: boolean;
}

/**
 * The files that differ between two versions of a repository, each with both contents. Renamed files are compared with
 * what they were.
 *
 * @throws KsealError `USAGE` outside a repository, and for a revision that Git does not know.
 */
export async function gitChanges(
  { revisions, paths, staged }: GitRange,
  host: Host,
): Promise<readonly FilePair[]> {
  const top = decoder
    .decode((await git(host, host.cwd, ["rev-parse", "--show-toplevel"])) ?? new Uint8Array())
    .trim();
  if (top === "") {
    throw new KsealError("USAGE", "there is no Git repository here", {
      hint: "compare two files: kseal diff OLD.yaml NEW.yaml",
    });
  }
  for (const revision of revisions) await refuseUnknown(revision, host);
  const output = await git(host, host.cwd, [
    ...["diff", "--raw", "-z", "--no-abbrev", "-M", "--no-ext-diff"],
    ...(staged ? ["--cached"] : []),
    ...[...revisions, "--", ...paths],
  ]);
  if (output === undefined) throw new KsealError("USAGE", "Git cannot compare these versions");
  const pairs: FilePair[] = [];
  for (const change of parseRaw(decoder.decode(output))) {
    if (change.mode === "160000") continue;
    const before = isNone(change.oldBlob) ? undefined : await blob(change.oldBlob, host);
    const after = change.status === "D" ? undefined : await newer(change, top, host);
    pairs.push({ name: below(top, change.path, host.platform), before, after });
  }
  return pairs;
}

interface RawChange {
  readonly mode: string;
  readonly oldBlob: string;
  readonly newBlob: string;
  readonly status: string;
  /** From the top of the repository. */
  readonly path: string;
}

/** `:oldmode newmode oldblob newblob status NUL path NUL [path NUL]` (git-diff, "Raw output format"). */
function parseRaw(text: string): readonly RawChange[] {
  const parts = text.split("\0");
  const changes: RawChange[] = [];
  for (let at = 0; at + 1 < parts.length; ) {
    const [, mode = "", oldBlob = "", newBlob = "", status = ""] = (parts[at] ?? "").split(" ");
    const isMoved = /^[RC]/.test(status);
    const path = parts[at + (isMoved ? 2 : 1)] ?? "";
    if (status !== "U") changes.push({ mode, oldBlob, newBlob, status: status.slice(0, 1), path });
    at += isMoved ? 3 : 2;
  }
  return changes;
}

async function newer(
  { newBlob, path, mode }: RawChange,
  top: string,
  host: Host,
): Promise<Uint8Array | undefined> {
  if (!isNone(newBlob)) return blob(newBlob, host);
  const file = below(top, path, host.platform);
  // Git says so of the working tree; what is a link there points anywhere.
  if (mode === "120000" || (await host.stat(file))?.kind !== "file") return undefined;
  return host.readFile(file, { limit: sizeLimit });
}

async function blob(id: string, host: Host): Promise<Uint8Array> {
  return (await git(host, host.cwd, ["cat-file", "blob", id])) ?? new Uint8Array();
}

function isNone(id: string): boolean {
  return /^0*$/.test(id);
}

async function refuseUnknown(revision: string, host: Host): Promise<void> {
  for (const end of revision.split(/\.{2,3}/).filter((part) => part !== "")) {
    const isOption = end.startsWith("-");
    const known = isOption
      ? undefined
      : await git(host, host.cwd, ["rev-parse", "--verify", "--quiet", `${end}^{commit}`]);
    if (known !== undefined && known.length > 0) continue;
    throw new KsealError("USAGE", `${end} is neither a file nor a revision that Git knows`, {
      hint: "for a file that is gone, name its folder",
    });
  }
}
