import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { findPlugin } from "./apply-kustomize-plugins.ts";
import type { OpContext } from "./context.ts";
import { shellWord } from "./file-path.ts";
import { buildKustomization as buildWithPlugins } from "./kustomize-build.ts";
import type { FileText } from "./load-file.ts";

export interface KustomizeOptions {
  readonly folder: string;
  /** Lets the build run generators: programs that its files name. */
  readonly enableExec: boolean;
}

/**
 * What the user's own `kustomize` (or `kubectl kustomize`) makes of a folder. What it has to say goes to standard error as
 * it comes, unless generators have run: then it may quote their values.
 *
 * @throws KsealError `NO_FILE` when neither is installed, or when the build has no object in it; `USAGE` for generators that
 *   would be left out without a word; `INPUT_UNREADABLE` when the build fails.
 */
export async function buildKustomization(options: KustomizeOptions, context: OpContext): Promise<FileText> {
  const { folder, enableExec } = options;
  const { host } = context;
  if ((await host.stat(host.resolve(folder)))?.kind !== "folder") {
    throw new KsealError("NO_FILE", "no such folder", { where: { file: folder } });
  }
  const command = await commandFor(options, context);
  const plugin = enableExec ? undefined : await findPlugin(folder, host);
  if (plugin !== undefined) {
    throw new KsealError(
      "USAGE",
      "it names a generator, which kustomize leaves out without a word unless it may run it",
      {
        hint: `if you trust every file of the build: kseal apply -k ${shellWord(folder)} --enable-exec`,
        where: { file: plugin },
      },
    );
  }
  const stdout = enableExec
    ? await withPlugins(folder, context)
    : await withoutPlugins(command, folder, host);
  if (stdout.every((byte) => byte <= 0x20)) {
    throw new KsealError("NO_FILE", "kustomize printed nothing", { where: { file: folder } });
  }
  return { file: folder, name: "", bytes: stdout };
}

/** Nothing is decrypted in such a build, so what Kustomize says about it is shown as it comes. */
async function withoutPlugins(
  command: readonly [string, ...string[]],
  folder: string,
  host: Host,
): Promise<Uint8Array> {
  const { status, stdout } = await host.exec(command, { stderr: "inherit" });
  if (status !== 0) throw failed(status, folder);
  return stdout;
}

async function withPlugins(folder: string, context: OpContext): Promise<Uint8Array> {
  const build = await buildWithPlugins(folder, {}, context);
  if (build.kind === "failed") throw failed(build.status, folder, build.lines.join("\n"));
  for (const note of build.notes) context.log.info(note.replace(/^kseal: /, ""));
  return build.content;
}

function failed(status: number, folder: string, hint?: string): KsealError {
  return new KsealError("INPUT_UNREADABLE", `kustomize failed with status ${status}; nothing was applied`, {
    hint,
    where: { file: folder },
  });
}

async function commandFor(
  { folder, enableExec }: KustomizeOptions,
  { host }: OpContext,
): Promise<readonly [string, ...string[]]> {
  const target = host.resolve(folder);
  const kustomize = await host.which("kustomize");
  if (kustomize !== undefined) {
    return [kustomize, "build", ...(enableExec ? ["--enable-alpha-plugins", "--enable-exec"] : []), target];
  }
  const kubectl = await host.which("kubectl");
  if (kubectl === undefined) {
    throw new KsealError("NO_FILE", "kustomize is not installed", {
      hint: "install it, or pipe a build into: kseal apply -",
    });
  }
  if (enableExec) {
    throw new KsealError("USAGE", "kubectl kustomize runs no generators", {
      hint: "install kustomize itself",
    });
  }
  return [kubectl, "kustomize", target];
}
