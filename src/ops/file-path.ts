import type { Host } from "../core/ports.ts";

type Platform = Host["platform"];

/** The last part of a path. */
export function baseName(path: string, platform: Platform): string {
  return path.slice(lastSeparator(path, platform) + 1);
}

/** The folder a path stands in, without the separator; `.` for a bare name. */
export function folderOf(path: string, platform: Platform): string {
  const end = lastSeparator(path, platform);
  if (end < 0) return ".";
  return end === 0 ? path.slice(0, 1) : path.slice(0, end);
}

/** A name below a folder, spelled as the user spelled the folder. */
export function below(folder: string, name: string, platform: Platform): string {
  if (folder === "." || folder === "") return name;
  return lastSeparator(folder, platform) === folder.length - 1 ? folder + name : `${folder}/${name}`;
}

/** A path as people in a folder name it: relative when it lies below. */
export function seenFrom(folder: string, path: string, platform: Platform): string {
  const [from, to] = [folder, path].map((one) => (platform === "win32" ? one.replaceAll("\\", "/") : one));
  const prefix = from?.endsWith("/") ? from : `${from}/`;
  return to?.startsWith(prefix) ? to.slice(prefix.length) : path;
}

/** A word as a shell takes it, for the commands in hints. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function lastSeparator(path: string, platform: Platform): number {
  const slash = path.lastIndexOf("/");
  return platform === "win32" ? Math.max(slash, path.lastIndexOf("\\")) : slash;
}
