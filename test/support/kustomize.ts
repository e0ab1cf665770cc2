import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ksealCommand } from "./kseal-command.ts";
import { type ProgramResult, runProgram } from "./run-program.ts";

/** Names that kseal is called by in a build: its own, and that of the program whose place it takes. */
type PluginName = "kseal" | "ksops";

/**
 * A folder for PATH in which `kseal` and `ksops` start the kseal under test.
 *
 * @param folder - Made when it is missing.
 */
export function pluginFolder(folder: string): string {
  mkdirSync(folder, { recursive: true });
  for (const name of ["kseal", "ksops"] as const) writePlugin(join(folder, name), name);
  return folder;
}

/** Puts a legacy plugin where Kustomize looks for it, below a folder for `KUSTOMIZE_PLUGIN_HOME`. */
export function addLegacyPlugin(home: string, apiVersion: string, kind: string, name: PluginName): void {
  const folder = join(home, apiVersion, kind.toLowerCase());
  mkdirSync(folder, { recursive: true });
  writePlugin(join(folder, kind), name);
}

/** Runs a build of Kustomize, or what stands in for it. */
export async function build(
  kustomize: readonly [string, ...string[]],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<{ readonly status: ProgramResult["status"]; readonly stdout: string; readonly stderr: string }> {
  const { status, stdout, stderr } = await runProgram([...kustomize], options);
  return { status, stdout: stdout.toString("utf8"), stderr };
}

function writePlugin(path: string, name: PluginName): void {
  const words = [...ksealCommand(), ...(name === "ksops" ? ["ksops"] : [])].map((word) => `'${word}'`);
  // As a legacy plugin kseal gets a file as its only word, and as a function none.
  const legacy = name === "kseal" ? `[ $# -eq 1 ] && [ -f "$1" ] && set -- render "$1"\n` : "";
  writeFileSync(path, `#!/bin/sh\n${legacy}exec ${words.join(" ")} "$@"\n`);
  chmodSync(path, 0o755);
}
