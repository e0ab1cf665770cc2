import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { waitFor } from "./cluster-processes.ts";
import { readFolder, removeFolder } from "./folders.ts";

/** One call of a plugin. */
export interface PluginCall {
  /** A folder with the repository. */
  readonly repository: string;
  /** The application's folder in it. */
  readonly path: string;
  /** What the sidecar has in its environment. */
  readonly sidecar: Readonly<Record<string, string>>;
  /** What Argo CD adds: the build environment, `ARGOCD_ENV_...`, parameters. */
  readonly environment?: Readonly<Record<string, string>>;
  /** When the time is up. */
  readonly deadline?: (process: number) => Promise<unknown>;
  /** Between SIGTERM and SIGKILL; 5 s in Argo CD. */
  readonly graceMs?: number;
}

/** What came of it. */
export interface PluginAnswer {
  /** The number of its process, which was that of its group. */
  readonly pid: number;
  /** The exit status, or the signal that ended the plugin. */
  readonly status: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
  /** Whether a process of the plugin still runs. */
  readonly isLeftBehind: boolean;
  /** The files of the private copy that the plugin has changed or added. */
  readonly changed: readonly string[];
}

const pluginFile = join(
  import.meta.dirname,
  ...["..", "..", "controller", "manifests", "argocd", "sidecar", "plugin.yaml"],
);

/** The commands that the manifests give to Argo CD. */
export const pluginCommands: {
  readonly generate: readonly [string, ...string[]];
  readonly parameters: readonly [string, ...string[]];
} = (() => {
  const { spec } = parse(readFileSync(pluginFile, "utf8"));
  return { generate: spec.generate.command, parameters: spec.parameters.dynamic.command };
})();

/**
 * Calls a plugin as the sidecar of Argo CD does: the repository comes as a tar stream without `.git` and is unpacked in a
 * private folder, without its modes; the command runs in the application's folder, in a group of processes of its own,
 * without standard input; at the deadline the group gets SIGTERM, and a little later SIGKILL; then the folder is removed.
 */
export async function callPlugin(
  command: readonly [string, ...string[]],
  call: PluginCall,
): Promise<PluginAnswer> {
  const work = mkdtempSync(join(tmpdir(), "kseal-cmp-"));
  try {
    unpack(call.repository, work);
    const before = readFolder(work);
    const ran = await runInGroup(command, { ...call, cwd: join(work, call.path) });
    const after = readFolder(work);
    const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
      (file) => !before.get(file)?.equals(after.get(file) ?? Buffer.of(0)),
    );
    return { ...ran, changed };
  } finally {
    removeFolder(work);
  }
}

function unpack(repository: string, work: string): void {
  const tar = execFileSync("tar", ["-C", repository, "--exclude=./.git", "-c", "."]);
  execFileSync("tar", ["-C", work, "--no-same-permissions", "-x"], { input: tar });
  for (const file of readFolder(work).keys()) chmodSync(join(work, file), 0o644);
}

async function runInGroup(
  [program, ...args]: readonly [string, ...string[]],
  { sidecar, environment = {}, cwd, deadline, graceMs = 5000 }: PluginCall & { readonly cwd: string },
): Promise<Omit<PluginAnswer, "changed">> {
  // Argo CD leaves out what is empty.
  const given = Object.entries(environment).filter(([, value]) => value !== "");
  const env = { ...sidecar, ...Object.fromEntries(given) };
  const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const pid = child.pid ?? 0;
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    output.stdout += chunk.toString("utf8");
  });
  child.stderr.on("data", (chunk: Buffer) => {
    output.stderr += chunk.toString("utf8");
  });
  let kill: NodeJS.Timeout | undefined;
  void deadline?.(pid).then(() => {
    signalGroup(pid, "SIGTERM");
    kill = setTimeout(() => signalGroup(pid, "SIGKILL"), graceMs);
  });
  const status = await new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? signal ?? 0));
  });
  clearTimeout(kill);
  const isLeftBehind = await groupEnded(pid).then(
    () => false,
    () => true,
  );
  if (isLeftBehind) signalGroup(pid, "SIGKILL");
  return { pid, status, ...output, isLeftBehind };
}

function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // It has ended.
  }
}

/** Waits until no process of a group runs. */
export async function groupEnded(leader: number): Promise<void> {
  await waitFor("end of the group of processes", async () =>
    process.platform !== "linux" || groupOf(leader).length === 0 ? true : undefined,
  );
}

/** What has ended and was not asked for its status does not count. */
function groupOf(leader: number): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const [, state, , group] = stat.slice(stat.lastIndexOf(")")).split(" ");
        return Number(group) === leader && state !== "Z";
      } catch {
        return false;
      }
    });
}
