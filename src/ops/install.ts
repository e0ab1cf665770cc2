import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import { below } from "./file-path.ts";

export interface InstallOptions {
  /** Made when it is missing. */
  readonly folder: string;
  /** What kseal is called there: by another program's name it takes that program's place. */
  readonly name: "kseal" | "ksops";
  /** Also the `kustomize` that PATH leads to. */
  readonly withKustomize: boolean;
}

/**
 * Copies the executable that kseal runs from into a folder, for the init containers of images that have no kseal, and no
 * shell to copy it with. What is there already is replaced, also while it runs.
 *
 * @returns The files that were written, in the user's spelling.
 * @throws KsealError `USAGE` on Node, where there is no single executable; `NO_FILE` without `kustomize`.
 */
export async function installInto(
  { folder, name, withKustomize }: InstallOptions,
  { host }: Pick<OpContext, "host">,
): Promise<readonly string[]> {
  if (host.executable === undefined) {
    throw new KsealError("USAGE", "this kseal is run by Node, and there is no single executable to copy", {
      hint: "take the executable of the release, or the image kseal-cli",
    });
  }
  const kustomize = withKustomize ? await host.which("kustomize") : undefined;
  if (withKustomize && kustomize === undefined) {
    throw new KsealError("NO_FILE", "there is no kustomize on PATH", {
      hint: "the image kseal-argocd has it",
    });
  }
  await host.makeFolder(folder);
  const suffix = host.platform === "win32" ? ".exe" : "";
  const programs = [
    { from: host.executable, to: `${name}${suffix}` },
    ...(kustomize === undefined ? [] : [{ from: kustomize, to: `kustomize${suffix}` }]),
  ];
  const written: string[] = [];
  for (const { from, to } of programs) {
    const path = below(folder, to, host.platform);
    await host.copyProgram(from, path);
    written.push(path);
  }
  return written;
}
