import type { Host } from "../core/ports.ts";
import { baseName, folderOf } from "./file-path.ts";
import { looksEncrypted } from "./looks-encrypted.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Those of some files below a folder that Git ignores; none where there is no Git or no repository. */
export async function ignoredByGit(
  host: Host,
  folder: string,
  files: readonly string[],
): Promise<ReadonlySet<string>> {
  if (files.length === 0) return new Set();
  const output = await git(host, folder, ["check-ignore", "-z", "--stdin"], files.join("\0"));
  return new Set(output === undefined ? [] : decoder.decode(output).split("\0"));
}

/** Those of some files, given by absolute paths, that the last commit holds in clear. */
export async function plainInGit(host: Host, paths: readonly string[]): Promise<readonly string[]> {
  const byFolder = Map.groupBy(paths, (path) => folderOf(path, host.platform));
  const found: string[] = [];
  for (const [folder, inFolder] of byFolder) {
    // A line break in a name would be two questions.
    const asked = inFolder.filter((path) => !path.includes("\n"));
    const questions = asked.map((path) => `HEAD:./${baseName(path, host.platform)}\n`).join("");
    const output = await git(host, folder, ["cat-file", "--batch"], questions);
    const answers = output === undefined ? [] : splitBatch(output);
    found.push(...asked.filter((_, index) => isPlain(answers[index])));
  }
  return found;
}

function isPlain(committed: Uint8Array | undefined): boolean {
  return committed !== undefined && committed.length > 0 && !looksEncrypted(committed);
}

/** The contents in the output of `git cat-file --batch`: `<id> blob <size>`, content, line feed; or `... missing`. */
export function splitBatch(output: Uint8Array): readonly (Uint8Array | undefined)[] {
  const contents: (Uint8Array | undefined)[] = [];
  for (let start = 0; start < output.length; ) {
    const end = output.indexOf(0x0a, start);
    if (end < 0) break;
    const [, size] = / blob (\d+)$/.exec(decoder.decode(output.subarray(start, end))) ?? [];
    const length = size === undefined ? undefined : Number(size);
    contents.push(length === undefined ? undefined : output.subarray(end + 1, end + 1 + length));
    start = length === undefined ? end + 1 : end + 2 + length;
  }
  return contents;
}

/** What a Git command prints, without white space around it; empty when it fails or there is no Git. */
export async function gitText(host: Host, folder: string, args: readonly string[]): Promise<string> {
  return decoder.decode((await git(host, folder, args)) ?? new Uint8Array()).trim();
}

/** Standard output of a Git command, or `undefined` when Git is missing or knows no repository here. */
export async function git(
  host: Host,
  folder: string,
  args: readonly string[],
  stdin = "",
): Promise<Uint8Array | undefined> {
  if ((await host.which("git")) === undefined) return undefined;
  // A file system monitor is a command that the repository's settings name; reading needs none. Paths are always told from
  // the top of the repository, whatever the user likes to see.
  const settings = ["-c", "core.fsmonitor=false", "-c", "diff.relative=false"];
  const result = await host.exec(["git", ...settings, ...args], {
    cwd: folder,
    stdin: encoder.encode(stdin),
  });
  return result.status > 1 ? undefined : result.stdout;
}
