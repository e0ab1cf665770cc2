import { accessSync, constants, statSync } from "node:fs";
import { posix, win32 } from "node:path";
import type { Environment, Host } from "../core/ports.ts";
import { windowsVariable } from "./paths.ts";

/** What the look-up asks the system: whether a path is a file that may be run. */
export type IsProgram = (path: string) => boolean;

/**
 * The absolute path of a program.
 *
 * A bare name is looked up on PATH alone: never in the working folder, which may be a repository of somebody else, so
 * relative PATH entries and relative names are skipped (GHSA-x5c7-x7m2-rhmf).
 */
export function findProgram(
  name: string,
  system: { readonly platform: Host["platform"]; readonly env: Environment; readonly isProgram?: IsProgram },
): string | undefined {
  const isProgram = system.isProgram ?? isExecutableFile;
  const isWindows = system.platform === "win32";
  const paths = isWindows ? win32 : posix;
  const hasFolder = name.includes("/") || (isWindows && /[\\:]/.test(name));
  const folders = hasFolder ? [""] : searchFolders(system.env, isWindows);
  const endings = isWindows ? windowsEndings(system.env, name) : [""];
  if (name === "" || name.includes("\0") || (hasFolder && !isFixed(name, isWindows))) {
    return undefined;
  }
  for (const folder of folders) {
    for (const ending of endings) {
      const path = hasFolder ? paths.normalize(name) + ending : paths.join(folder, name + ending);
      if (isProgram(path)) {
        return path;
      }
    }
  }
  return undefined;
}

function searchFolders(env: Environment, isWindows: boolean): readonly string[] {
  const path = isWindows ? windowsVariable(env, "Path") : env["PATH"];
  return (path ?? "")
    .split(isWindows ? ";" : ":")
    .map((entry) => (isWindows ? entry.replace(/^"(.*)"$/, "$1") : entry))
    .filter((entry) => isFixed(entry, isWindows));
}

/** On Windows `\tools` is absolute and yet follows the current drive; only `C:\` and `\\server` stand still. */
function isFixed(path: string, isWindows: boolean): boolean {
  return isWindows ? /^([A-Za-z]:[\\/]|[\\/]{2}[^\\/])/.test(path) : path.startsWith("/");
}

/** What may follow the name: nothing when it ends in a known ending already, as cmd.exe does it. */
function windowsEndings(env: Environment, name: string): readonly string[] {
  const endings = (windowsVariable(env, "PathExt") ?? ".COM;.EXE;.BAT;.CMD")
    .split(";")
    .filter((e) => e !== "");
  const hasEnding = endings.some((ending) => name.toLowerCase().endsWith(ending.toLowerCase()));
  return hasEnding ? [""] : endings;
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
