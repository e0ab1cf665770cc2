import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import { seenFrom } from "./file-path.ts";
import { git } from "./git.ts";

/** What was passed over, counted. */
export interface Skipped {
  links: number;
  submodules: number;
  large: number;
  binary: number;
}

/** A file of the working tree. */
export interface ChangedFile {
  /** For messages. */
  readonly file: string;
  /** Absolute. */
  readonly path: string;
  /** From the top of the repository, with slashes. */
  readonly name: string;
}

/** A file that Git says has changed. */
interface Change {
  readonly mode: string;
  readonly blob: string;
  /** From the top of the repository. */
  readonly name: string;
}

const decoder = new TextDecoder();

/**
 * The files of the working tree that differ from a revision, new ones that Git does not ignore included. Symbolic links
 * and submodules are left out.
 *
 * @param paths - Files and folders that it is about; the whole repository when there are none.
 * @throws KsealError `USAGE` where there is no repository or no such revision.
 */
export async function* changedSince(
  revision: string,
  paths: readonly string[],
  skipped: Pick<Skipped, "links" | "submodules">,
  context: Pick<OpContext, "host">,
): AsyncGenerator<ChangedFile, void, undefined> {
  const { host } = context;
  const top = await topFolder(context);
  const known = revision.startsWith("-")
    ? undefined
    : await git(host, host.cwd, ["rev-parse", "--verify", "--quiet", `${revision}^{commit}`]);
  if (known === undefined || known.length === 0) {
    throw new KsealError("USAGE", `${revision} is no revision that Git knows`, {
      hint: "git log --oneline --all shows which there are",
    });
  }
  const place = (name: string): ChangedFile => {
    const path = host.resolve(top, name);
    return { file: seenFrom(host.cwd, path, host.platform), path, name };
  };
  for (const change of await rawChanges([revision], paths, context)) {
    if (!isRegular(change, skipped)) continue;
    const found = place(change.name);
    if ((await host.stat(found.path))?.kind === "file") yield found;
  }
  // Without paths it would be about the working folder alone, where comparing is about the whole repository.
  const from = paths.length === 0 ? top : host.cwd;
  const flags = ["--others", "--exclude-standard", "--full-name", "--", ...paths];
  const fresh = await git(host, from, ["ls-files", "-z", ...flags]);
  const realTop = await host.realPath(top);
  for (const name of decoder.decode(fresh ?? new Uint8Array()).split("\0")) {
    // A name that ends in a slash is a repository of its own.
    if (name === "" || name.endsWith("/")) continue;
    const found = place(name);
    if ((await host.stat(found.path))?.kind !== "file") continue;
    // A symbolic link leads elsewhere.
    if ((await host.realPath(found.path)) === host.resolve(realTop, name)) yield found;
    else skipped.links += 1;
  }
}

/** `:oldmode newmode oldblob newblob status NUL path NUL` (git-diff, "Raw output format"); deleted files left out. */
export async function rawChanges(
  which: readonly string[],
  paths: readonly string[],
  { host }: Pick<OpContext, "host">,
): Promise<readonly Change[]> {
  const output = await git(host, host.cwd, [
    ...["diff", "--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff", "--diff-filter=ACMT"],
    ...[...which, "--", ...paths],
  ]);
  if (output === undefined) throw new KsealError("USAGE", "Git cannot compare these versions");
  const parts = decoder.decode(output).split("\0");
  return parts.flatMap((part, index) => {
    if (index % 2 === 1 || part === "") return [];
    const [, mode = "", , blob = ""] = part.split(" ");
    return [{ mode, blob, name: parts[index + 1] ?? "" }];
  });
}

/** Whether a change is one of a file; what is none is counted. */
export function isRegular({ mode }: Change, skipped: Pick<Skipped, "links" | "submodules">): boolean {
  if (mode === "160000") skipped.submodules += 1;
  if (mode === "120000") skipped.links += 1;
  return mode.startsWith("100");
}

/**
 * The top of the working tree.
 *
 * @throws KsealError `USAGE` where there is none.
 */
export async function topFolder({ host }: Pick<OpContext, "host">): Promise<string> {
  const output = await git(host, host.cwd, ["rev-parse", "--show-toplevel"]);
  const top = decoder.decode(output ?? new Uint8Array()).trim();
  if (top !== "") return top;
  throw new KsealError("USAGE", "there is no Git repository here", {
    hint: "name the files or folders",
  });
}
