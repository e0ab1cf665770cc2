import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";

/** What a generator's document may name: what lies below the kustomization, or anything. */
export type OutsideRoot = "refuse" | "warn" | "allow";

/** The folder that the paths of a generator's document count from. */
export interface RenderRoot {
  readonly folder: string;
  readonly outside: OutsideRoot;
}

/**
 * The file that a generator's document means. Kustomize's own `--load-restrictor` does not reach what a plugin opens, so
 * this is where a path is kept from leading out of the kustomization: neither `..`, nor a path from the top, nor a
 * symbolic link.
 *
 * @param root.realFolder - The root with its symbolic links resolved, which is the same for all files.
 * @returns The absolute path with every symbolic link resolved: what was checked is what is read.
 * @throws KsealError `NO_FILE`; `INPUT_UNREADABLE` for a path that leads out of the root.
 */
export async function pathInRoot(
  named: string,
  { folder, outside, realFolder }: RenderRoot & { readonly realFolder: () => Promise<string> },
  { host, log }: Pick<OpContext, "host" | "log">,
): Promise<string> {
  if (named === "") throw new KsealError("NO_FILE", "a path is empty");
  const root = host.resolve(folder);
  const path = await followed(named, root, host);
  // Before anything is asked of the file: whether one exists out there is nobody's business either.
  if (outside === "refuse" && !isBelow(path, root, host.platform)) throw leadsOut(named);
  const real = await realPathOf(path, named, host);
  if (isBelow(real, await realFolder(), host.platform)) return real;
  if (outside === "refuse") throw leadsOut(named);
  if (outside === "warn") {
    log.warn(
      `${named}: the path leads out of the kustomization, which Kustomize itself refuses; ${outsideVariable}=refuse forbids it`,
    );
  }
  return real;
}

async function realPathOf(
  path: string,
  named: string,
  host: Pick<OpContext["host"], "stat" | "realPath">,
): Promise<string> {
  try {
    return await host.realPath(path);
  } catch (error) {
    if ((await host.stat(path)) === undefined) throw missing(named);
    throw error;
  }
}

/** `..` behind a symbolic link leads to where the link does, not back, and behind nothing it leads nowhere. */
async function followed(
  named: string,
  root: string,
  host: Pick<OpContext["host"], "resolve" | "stat" | "realPath">,
): Promise<string> {
  let path = root;
  const [first = "", ...steps] = named.split("/");
  for (const step of [first === "" ? "/" : first, ...steps]) {
    const isBack = step === ".." && path !== root && (await host.stat(path)) !== undefined;
    if (step === ".." && path !== root && !isBack) throw missing(named);
    path = host.resolve(isBack ? await host.realPath(path) : path, step);
  }
  return path;
}

function missing(file: string): KsealError {
  return new KsealError("NO_FILE", "no such file", {
    hint: "paths count from the folder of the kustomization.yaml that lists the generator",
    where: { file },
  });
}

/** The variable by which the user, never the repository, decides about paths that lead out. */
export const outsideVariable = "KSEAL_OUTSIDE_ROOT";

function leadsOut(file: string): KsealError {
  return new KsealError("INPUT_UNREADABLE", "the path leads out of the kustomization", {
    hint: `copy the file into it; or let the build read anything with --allow-outside-root or ${outsideVariable}=allow`,
    where: { file },
  });
}

function isBelow(path: string, root: string, platform: "linux" | "darwin" | "win32"): boolean {
  const separator = platform === "win32" ? "\\" : "/";
  return path.startsWith(root.endsWith(separator) ? root : root + separator);
}
