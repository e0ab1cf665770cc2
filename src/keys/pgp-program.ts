import type { ExecResult, Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { KeyFailure } from "./key-failure.ts";
import { ownWords } from "./own-words.ts";
import type { KeyContext } from "./provider.ts";

/** What `gpg` did, as it says it to programs and to people. */
export interface GpgRun {
  readonly status: number;
  readonly stdout: Uint8Array;
  /** The arguments of each status line with this keyword (doc/DETAILS of GnuPG), in their order. */
  report(keyword: string): readonly (readonly string[])[];
  /** The last thing it said to people, in their language; it names the keys and people of their own keyring. */
  readonly lastWords: string;
}

export interface GpgContext extends KeyContext {
  /** How long gpg may take when it asks nobody. */
  readonly timeoutMs: number;
}

const patienceMs = 5000;
const statusPrefix = "[GNUPG:] ";

/**
 * Runs the user's own `gpg`, or what `SOPS_GPG_EXEC` names.
 *
 * @param options.mayAsk - Whether it may have gpg-agent ask the user: then it may take as long as people do.
 * @throws KeyFailure `unreachable` when there is no such program, or it does not end.
 */
export async function runGpg(
  args: readonly string[],
  context: GpgContext,
  { stdin, mayAsk = false }: { readonly stdin?: Uint8Array; readonly mayAsk?: boolean } = {},
): Promise<GpgRun> {
  const { host, timeoutMs } = context;
  const options = {
    ...(stdin && { stdin }),
    ...(mayAsk ? { env: await environmentToAsk(host) } : { timeoutMs }),
  };
  // The user may be in front of a pinentry on the same terminal, which nothing may write over.
  const stopWaiting = mayAsk ? () => undefined : sayWhatIsWaitedFor(context);
  try {
    return readRun(await host.exec([programOf(host), "--batch", "--status-fd", "2", ...args], options));
  } catch (error) {
    throw error instanceof KsealError ? notRun(error, host) : error;
  } finally {
    stopWaiting();
  }
}

/** Where GnuPG keeps the keys; `undefined` where only the program that is used can tell. */
export function gpgHome({ env, homeDir, platform, resolve }: Host): string | undefined {
  if (env["SOPS_GPG_EXEC"] || platform === "win32") return undefined;
  return resolve(env["GNUPGHOME"] || resolve(homeDir, ".gnupg"));
}

function programOf({ env }: Host): string {
  return env["SOPS_GPG_EXEC"] || "gpg";
}

function sayWhatIsWaitedFor({ log }: KeyContext): () => void {
  const timer = setTimeout(() => log.info("waiting for gpg..."), patienceMs);
  return () => clearTimeout(timer);
}

function readRun({ status, stdout, stderr }: ExecResult): GpgRun {
  const lines = stderr.split(/\r?\n/);
  const reports = lines
    .filter((line) => line.startsWith(statusPrefix))
    .map((line) => line.slice(statusPrefix.length).split(" "));
  const words = lines.filter((line) => line !== "" && !line.startsWith(statusPrefix));
  return {
    status,
    stdout,
    report: (keyword) => reports.filter(([first]) => first === keyword).map(([, ...args]) => args),
    lastWords: ownWords((words.at(-1) ?? "").replace(/^gpg\S*: /, "")),
  };
}

function notRun(error: KsealError, host: Host): KeyFailure {
  if (error.code !== "NO_FILE") return new KeyFailure("unreachable", error.message, { cause: error });
  const { SOPS_GPG_EXEC: named } = host.env;
  if (!named) {
    return new KeyFailure("unreachable", "the program gpg is not on PATH", {
      hint: "install GnuPG, or name its program: SOPS_GPG_EXEC=/usr/local/bin/gpg",
      cause: error,
    });
  }
  const what = named.includes("/") ? error.message : `there is no program ${named} on PATH`;
  return new KeyFailure("unreachable", `SOPS_GPG_EXEC: ${what}`, {
    hint: "SOPS_GPG_EXEC=/usr/bin/gpg",
    cause: error,
  });
}

/** gpg tells its agent where to ask: on the terminal of GPG_TTY, or of its standard input, which is a pipe here. */
async function environmentToAsk(host: Host): Promise<Host["env"]> {
  const terminal = host.env["GPG_TTY"] || (await terminalName(host));
  return terminal === undefined ? host.env : { ...host.env, GPG_TTY: terminal };
}

async function terminalName({ platform, terminal, realPath }: Host): Promise<string | undefined> {
  if (platform !== "linux") return undefined;
  const { stdinIsTerminal, stdoutIsTerminal, stderrIsTerminal } = terminal;
  const descriptor = [stdinIsTerminal, stdoutIsTerminal, stderrIsTerminal].indexOf(true);
  const path = descriptor < 0 ? "" : await realPath(`/proc/self/fd/${descriptor}`);
  return path.startsWith("/dev/") ? path : undefined;
}
