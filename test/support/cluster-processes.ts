import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { makeFolder } from "./folders.ts";

/** A server of a test cluster, in a process group of its own. */
export interface ServerProcess {
  readonly pid: number;
  /** What it said so far, on both streams. */
  log(): string;
  isRunning(): boolean;
  /** Signals it and waits for its end. At once by default, as when a machine loses its power. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Servers that end together, and with the test run, however that ends. */
export interface Servers {
  /** For their data; it goes with them. */
  readonly folder: string;
  /** Starts one. A name may be started again once it has stopped: its log goes on. */
  start(
    name: string,
    command: readonly [string, ...string[]],
    env?: Readonly<Record<string, string>>,
  ): ServerProcess;
  /** Ends all of them and removes the folder. */
  stop(): Promise<void>;
}

// Its standard input ends with the process that started it, even when that is killed and can do nothing any more.
const guard = `
cat >/dev/null
for file in "$1"/*.pid; do
  if [ -e "$file" ]; then kill -s KILL -- "-$(cat "$file")"; fi
done
tries=0
until rm -rf "$1" 2>/dev/null || [ "$tries" -gt 50 ]; do tries=$((tries + 1)); sleep 0.1; done
`;

/** Prepares a folder for servers, and what watches over them. */
export function prepareServers(): Servers {
  const folder = makeFolder();
  const watcher = spawn("/bin/sh", ["-c", guard, "guard", folder], {
    // Of its own group, so that Ctrl+C in the terminal does not end it before its work.
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const watched = once(watcher, "close");
  const running = new Set<ServerProcess>();
  return {
    folder,
    start: (name, command, env = {}) => {
      const server = startServer(folder, name, command, env);
      running.add(server);
      return server;
    },
    stop: async () => {
      await Promise.all([...running].map((server) => server.stop()));
      watcher.stdin?.end();
      await watched;
    },
  };
}

/**
 * Asks until the answer is not `undefined`.
 *
 * @param ask - May throw, which counts as no answer yet.
 * @param servers - Whose end means that there will be none.
 * @throws Error With the end of a server's log, or the last failure after 50 seconds: sooner than a test has to end.
 */
export async function waitFor<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  servers: readonly ServerProcess[] = [],
): Promise<T> {
  const deadline = Date.now() + 50_000;
  let failure: unknown;
  while (Date.now() < deadline) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      failure = error;
    }
    const ended = servers.find((server) => !server.isRunning());
    if (ended !== undefined) {
      throw new Error(`a server ended before ${what}: ${ended.log().slice(-2000)}`);
    }
    await pause(20);
  }
  throw new Error(`no ${what} after 50 seconds`, { cause: failure });
}

function startServer(
  folder: string,
  name: string,
  [program, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
): ServerProcess {
  const log = join(folder, `${name}.log`);
  const output = openSync(log, "a");
  const child = spawn(program, args, {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: folder, ...env },
    detached: true,
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  // Without a listener a program that cannot be started would end the test run.
  child.on("error", () => {});
  const pidFile = join(folder, `${name}.pid`);
  if (child.pid !== undefined) writeFileSync(pidFile, String(child.pid));
  child.once("exit", () => rmSync(pidFile, { force: true }));
  return {
    pid: child.pid ?? 0,
    log: () => readFileSync(log, "utf8"),
    isRunning: () => isRunning(child),
    stop: async (signal = "SIGKILL") => {
      if (!isRunning(child)) return;
      const ended = once(child, "exit");
      child.kill(signal);
      await ended;
    },
  };
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}
