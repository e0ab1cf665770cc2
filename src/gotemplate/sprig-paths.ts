import { define, goBool, goString, textAt } from "./sprig-definition.ts";
import type { GoFunction } from "./value.ts";

/** Sprig's functions of paths with `/`; the `os` ones are the same, as the controller runs on Linux. */
export const pathFunctions: readonly GoFunction[] = ["", "os"].flatMap((prefix) => [
  transform(prefix, "base", base),
  transform(prefix, "dir", (path) => clean(path.slice(0, path.lastIndexOf("/") + 1))),
  transform(prefix, "clean", clean),
  transform(prefix, "ext", (path) => /\.[^./]*$/.exec(path)?.[0] ?? ""),
  define(named(prefix, "isAbs"), ["string"], (args) => goBool(textAt(args, 0).startsWith("/"))),
]);

function transform(prefix: string, name: string, change: (path: string) => string): GoFunction {
  return define(named(prefix, name), ["string"], (args) => goString(change(textAt(args, 0))));
}

function named(prefix: string, name: string): string {
  return prefix === "" ? name : prefix + name.slice(0, 1).toUpperCase() + name.slice(1);
}

function base(path: string): string {
  if (path === "") return ".";
  const trimmed = path.replace(/\/+$/, "");
  return trimmed === "" ? "/" : trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

/** The shortest path that leads to the same place. */
function clean(path: string): string {
  const isRooted = path.startsWith("/");
  const kept: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") kept.push(part);
    else if (kept.length > 0 && kept.at(-1) !== "..") kept.pop();
    else if (!isRooted) kept.push("..");
  }
  const joined = kept.join("/");
  if (isRooted) return `/${joined}`;
  return joined === "" ? "." : joined;
}
