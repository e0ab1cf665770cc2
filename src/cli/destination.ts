import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import type { Destination } from "../ops/destination.ts";
import type { OptionValues } from "./command.ts";

/**
 * Where the content goes that `-i` and `--out` ask for.
 *
 * @param paths - What the command works on: for a folder or several files `--out` names a folder.
 * @throws KsealError `USAGE` when several files would end up on standard output and must not.
 */
export async function destinationOf(
  options: OptionValues,
  paths: readonly string[],
  host: Host,
  several: "stream" | "refuse",
): Promise<Destination> {
  const out = options.text("out");
  if (options.flag("inPlace")) {
    if (out !== undefined) throw new KsealError("USAGE", "--in-place and --out exclude each other");
    if (paths.includes("-")) throw new KsealError("USAGE", "standard input cannot be written in place");
    return { to: "in-place" };
  }
  const single = paths.length === 1 && (paths[0] === "-" || (await isFile(paths[0], host)));
  if (out !== undefined) {
    const intoFolder = !single || (await host.stat(out))?.kind === "folder";
    return intoFolder ? { to: "folder", path: out } : { to: "file", path: out };
  }
  if (!single && several === "refuse") {
    throw new KsealError("USAGE", "several files need a place to go", {
      hint: "add -i to write each over itself, or --out FOLDER",
    });
  }
  return { to: "caller" };
}

async function isFile(path: string | undefined, host: Host): Promise<boolean> {
  return path !== undefined && (await host.stat(path))?.kind !== "folder";
}
