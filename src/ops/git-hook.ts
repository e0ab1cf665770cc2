import type { Host } from "../core/ports.ts";
import type { OpContext } from "./context.ts";
import { below, folderOf, seenFrom, shellWord } from "./file-path.ts";
import { gitText } from "./git.ts";

const command = "kseal check --staged";

/**
 * The hook. It says nothing when nothing is found, and a commit goes through where kseal is not installed: the check in
 * CI is the one that counts.
 */
const script = `#!/bin/sh
# Made by "kseal init": no commit with secrets in clear or damaged encrypted files. Passed by with: git commit --no-verify
if ! command -v kseal >/dev/null 2>&1; then
  echo "kseal is not on PATH, so nothing has looked for secrets in clear in this commit" >&2
  exit 0
fi
if [ -f .kseal-baseline.json ]; then set -- --baseline .kseal-baseline.json; else set --; fi
report=$(kseal check --staged "$@") && exit 0
status=$?
printf '%s\\n' "$report" >&2
exit "$status"
`;

/** Programs that run a repository's hooks themselves: how to know them, and where their list of hooks is. */
const managers: readonly {
  readonly name: string;
  /** From the top of the repository. */
  readonly files: readonly string[];
  readonly advice: string;
}[] = [
  {
    name: "pre-commit",
    files: [".pre-commit-config.yaml", ".pre-commit-config.yml", "prek.toml"],
    advice: "add kseal's hook kseal-check to it",
  },
  { name: "husky", files: [".husky/pre-commit", ".husky"], advice: `add to .husky/pre-commit: ${command}` },
  {
    name: "lefthook",
    files: ["lefthook", ".lefthook"].flatMap((name) =>
      ["yml", "yaml", "json", "jsonc", "toml"].map((ending) => `${name}.${ending}`),
    ),
    advice: `add a command to its pre-commit: ${command}`,
  },
  { name: "overcommit", files: [".overcommit.yml"], advice: `add a PreCommit hook: ${command}` },
];

/** What runs before a commit. */
export interface CommitHook {
  /**
   * `free`: nothing, and a hook can be put there; `set`: kseal's check runs; `ignored`: it is there and cannot be
   * executed; `taken`: something else runs, which people have to add it to.
   */
  readonly state: "free" | "set" | "ignored" | "taken";
  /** Where Git looks for the hook. */
  readonly path: string;
  /** For `ignored` and `taken`: what to do. */
  readonly advice: string;
}

/**
 * Looks what runs before a commit of a repository: the hook where Git looks for it (`core.hooksPath`, linked worktrees and
 * submodules considered), or a program that runs hooks of its own.
 *
 * @param top - The top of the working tree.
 */
export async function findCommitHook(host: Host, top: string): Promise<CommitHook> {
  // From the top: a relative core.hooksPath counts from there, and Git prints it as it is.
  const path = host.resolve(top, await gitText(host, top, ["rev-parse", "--git-path", "hooks/pre-commit"]));
  const shown = seenFrom(host.cwd, path, host.platform);
  const text = await textOf(host, path);
  if (runsKseal(text)) {
    const { mode = 0 } = (await host.stat(path)) ?? {};
    const runs = host.platform === "win32" || (mode & 0o111) !== 0;
    const advice = `Git passes the hook ${shown} by, because it is not executable: chmod +x ${shellWord(shown)}`;
    return runs ? { state: "set", path, advice: "" } : { state: "ignored", path, advice };
  }
  const managed = await managedBy(host, top);
  if (managed !== undefined) return { ...managed, path };
  if (text !== undefined) {
    return {
      state: "taken",
      path,
      advice: `there is a pre-commit hook already, ${shown}; add to it: ${command}`,
    };
  }
  return (await elsewhere(host, top, path)) ?? { state: "free", path, advice: "" };
}

/** Writes the hook where {@link findCommitHook} found nothing. */
export async function writeCommitHook(
  { path }: CommitHook,
  { host }: Pick<OpContext, "host">,
): Promise<void> {
  await host.makeFolder(folderOf(path, host.platform));
  await host.createFile(path, new TextEncoder().encode(script), { mode: 0o755 });
}

async function managedBy(host: Host, top: string): Promise<Omit<CommitHook, "path"> | undefined> {
  for (const { name, files, advice } of managers) {
    for (const file of files) {
      const path = below(top, file, host.platform);
      if ((await host.stat(path)) === undefined) continue;
      if (runsKseal(await textOf(host, path))) return { state: "set", advice: "" };
      return { state: "taken", advice: `${name} runs the hooks of this repository (${file}); ${advice}` };
    }
  }
  return undefined;
}

/** A folder of hooks that is not this repository's own gets no file: it may be that of all repositories. */
async function elsewhere(host: Host, top: string, path: string): Promise<CommitHook | undefined> {
  const folder = await gitText(host, top, ["config", "--get", "core.hooksPath"]);
  if (folder === "") return undefined;
  const scope = await gitText(host, top, ["config", "--show-scope", "--get", "core.hooksPath"]);
  const stat = await host.stat(folderOf(path, host.platform));
  if (stat !== undefined && stat.kind !== "folder") {
    return { state: "taken", path, advice: `hooks are switched off here: core.hooksPath is ${folder}` };
  }
  if (/^(?:local|worktree)\s/.test(scope)) return undefined;
  const advice = `core.hooksPath leads to ${folder}, which is not this repository's own; add there to pre-commit: ${command}`;
  return { state: "taken", path, advice };
}

function runsKseal(text: string | undefined): boolean {
  return text !== undefined && /\bkseal(?:-check|["']? check)\b/.test(text);
}

async function textOf(host: Host, path: string): Promise<string | undefined> {
  if ((await host.stat(path))?.kind !== "file") return undefined;
  return new TextDecoder().decode(await host.readFile(path, { limit: 1024 * 1024 }));
}
