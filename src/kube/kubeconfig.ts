import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import type { Kubeconfig } from "./kubeconfig-file.ts";

/** What this room needs of the machine. */
export type KubeHost = Pick<
  Host,
  "env" | "readFile" | "stat" | "resolve" | "homeDir" | "platform" | "exec" | "terminal" | "now"
>;

// Hundreds of clusters with certificates in it stay far below.
const largestFile = 16 * 1024 * 1024;

/**
 * Reads the files that `kubectl` would read, and merges them as it does: the first file that has an entry, or names
 * the current context, wins; files that do not exist count for nothing, unless one was asked for by name.
 *
 * @param explicit - In place of `KUBECONFIG` and `~/.kube/config`.
 * @throws KsealError `NO_FILE`, `INPUT_UNREADABLE` and `FORMAT_INVALID`, with the file.
 */
export async function loadKubeconfig(host: KubeHost, explicit: string | undefined): Promise<Kubeconfig> {
  const files = kubeconfigFiles(host, explicit);
  const parts: Kubeconfig[] = [];
  for (const file of files) {
    if (explicit === undefined && (await host.stat(file)) === undefined) continue;
    parts.push(await readFile(host, file));
  }
  return {
    clusters: firstOfEach(parts.map((part) => part.clusters)),
    users: firstOfEach(parts.map((part) => part.users)),
    contexts: firstOfEach(parts.map((part) => part.contexts)),
    currentContext: parts.find((part) => part.currentContext !== undefined)?.currentContext,
  };
}

/** The files that are read, in order. */
export function kubeconfigFiles(host: KubeHost, explicit: string | undefined): readonly string[] {
  if (explicit !== undefined) return [host.resolve(explicit)];
  const list = host.env["KUBECONFIG"] ?? "";
  const named = list.split(host.platform === "win32" ? ";" : ":").filter((path) => path !== "");
  if (list !== "") return [...new Set(named.map((path) => host.resolve(path)))];
  return [host.resolve(host.homeDir, ".kube", "config")];
}

async function readFile(host: KubeHost, file: string): Promise<Kubeconfig> {
  const bytes = await host.readFile(file, { limit: largestFile });
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new KsealError("FORMAT_INVALID", "the kubeconfig is not UTF-8", { where: { file }, cause });
  }
  // YAML is most of a program that runs inside a cluster, where there is no such file.
  const { parseKubeconfig } = await import("./kubeconfig-file.ts");
  return parseKubeconfig(text, { file, resolve: (path) => host.resolve(file, "..", path) });
}

function firstOfEach<T>(parts: readonly ReadonlyMap<string, T>[]): ReadonlyMap<string, T> {
  const all = new Map<string, T>();
  for (const part of parts) {
    for (const [name, entry] of part) {
      if (!all.has(name)) all.set(name, entry);
    }
  }
  return all;
}
