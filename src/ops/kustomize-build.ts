import type { Environment, ExecResult } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import { folderOf } from "./file-path.ts";

/** The names under which Kustomize looks for what a folder is built from. */
const kustomizationNames = ["kustomization.yaml", "kustomization.yml", "Kustomization"] as const;

/** What a build came to. */
export type Build =
  | { readonly kind: "built"; readonly content: Uint8Array; readonly notes: readonly string[] }
  /** With the status of Kustomize, and lines that tell why and hold no decrypted value. */
  | { readonly kind: "failed"; readonly status: number; readonly lines: readonly string[] };

/** Whether a folder is one for Kustomize. */
export async function isKustomization(folder: string, { host }: Pick<OpContext, "host">): Promise<boolean> {
  for (const name of kustomizationNames) {
    if ((await host.stat(host.resolve(folder, name)))?.kind === "file") return true;
  }
  return false;
}

/**
 * Builds a folder with the `kustomize` that PATH leads to, plugins allowed: without the flags for them, Kustomize leaves
 * out what they would make and says nothing (kustomize#4399). kseal itself is found by its name, wherever it lies.
 *
 * Kustomize's messages may quote what a plugin gave it. So of a build that failed only the lines that kseal itself wrote
 * are returned; when there are none, the build is run once more with placeholders for values
 * (`KSEAL_PLACEHOLDER=1`), and what it says then is safe to show.
 *
 * @param options.env - Variables besides kseal's own.
 * @throws KsealError `NO_FILE` when there is no `kustomize`.
 */
export async function buildKustomization(
  folder: string,
  options: { readonly env?: Environment | undefined },
  context: OpContext,
): Promise<Build> {
  const env = { ...pluginEnvironment(context), ...options.env };
  const result = await runKustomize(folder, env, context);
  const lines = result.stderr.split("\n").filter((line) => line.trim() !== "");
  const own = ownLines(lines);
  if (result.status === 0) {
    return { kind: "built", content: result.stdout, notes: [...own, ...lines.filter(isDeprecation)] };
  }
  const failed = (reasons: readonly string[]): Build => ({
    kind: "failed",
    status: result.status,
    lines: [...reasons, ending(result.status)],
  });
  if (own.length > 0 || result.status > 128) return failed(own);
  const again = await runKustomize(folder, { ...env, KSEAL_PLACEHOLDER: "1" }, context);
  if (again.status !== 0) return failed([...again.stderr.split("\n").filter((line) => line.trim() !== "")]);
  return failed([
    "kseal: with placeholders instead of values it builds; what kustomize says quotes values, and is not shown",
  ]);
}

async function runKustomize(folder: string, env: Environment, { host }: OpContext): Promise<ExecResult> {
  const program = await host.which("kustomize");
  if (program === undefined) {
    throw new KsealError("NO_FILE", "there is no kustomize on PATH", {
      hint: "the image kseal-argocd has it; an init container brings it with: kseal install --with-kustomize DIR",
    });
  }
  const more = (host.env["KSEAL_KUSTOMIZE_OPTIONS"] ?? "").split(/\s+/).filter((word) => word !== "");
  const options = ["--enable-alpha-plugins", "--enable-exec", ...more];
  return host.exec([program, "build", host.resolve(folder), ...options], { env, signals: "forward" });
}

/** Generators name kseal by its bare name, and Kustomize looks for that on PATH. */
function pluginEnvironment({ host }: OpContext): Environment {
  if (host.executable === undefined) return host.env;
  const separator = host.platform === "win32" ? ";" : ":";
  const own = folderOf(host.executable, host.platform);
  return { ...host.env, PATH: `${host.env["PATH"] ?? ""}${separator}${own}` };
}

/** What kseal as a plugin said, with the indented lines that tell what to do. */
function ownLines(lines: readonly string[]): readonly string[] {
  let isOwn = false;
  return lines.filter((line) => {
    isOwn = /^(?:kseal|ksops): /.test(line) || (isOwn && line.startsWith("  "));
    return isOwn;
  });
}

function isDeprecation(line: string): boolean {
  return line.startsWith("# Warning: ");
}

function ending(status: number): string {
  return status > 128
    ? `kseal: kustomize build was stopped by signal ${status - 128}`
    : `kseal: kustomize build failed with status ${status}`;
}
