import { posix, win32 } from "node:path";
import type { Host } from "../core/ports.ts";
import { readError } from "./file-errors.ts";
import { listFolder, makeFolders, readWhole, resolveLinks, statPath } from "./files.ts";
import { type Machine, thisMachine } from "./machine.ts";
import { configFolder } from "./paths.ts";
import { addCleanup } from "./signals.ts";

/**
 * The machine that kseal runs on. What a simple decrypt does not need is loaded when it is first used.
 *
 * @param replaced - Facts that tests put in place of the real ones.
 */
export function createNodeHost(replaced: Partial<Machine> = {}): Host {
  const machine: Machine = withReplaced(thisMachine(), replaced);
  const paths = process.platform === "win32" ? win32 : posix;
  const resolve = (...parts: string[]): string => paths.resolve(machine.cwd, ...parts);

  return {
    env: machine.env,
    cwd: machine.cwd,
    platform: machine.platform,
    homeDir: machine.homeDir,
    configDir: configFolder(machine.platform, machine.env, machine.homeDir),
    // Hardly anything needs it, and asking costs the loading of node:os.
    get hostName() {
      return machine.hostName;
    },
    terminal: machine.terminal,
    // Of libuv as of Bun, without loading node:os.
    get cores() {
      return navigator.hardwareConcurrency;
    },
    executable: machine.executable,
    now: machine.now,
    random: machine.random,
    releaseMemory,
    resolve,
    readStdin: machine.readStdin,
    writeStdout: machine.writeStdout,
    writeStderr: machine.writeStderr,
    ...programs(machine),
    ...files(machine, resolve),
  };
}

// Below, collecting takes longer than it saves.
const worthCollecting = 4 * 1024 * 1024;

/** The collector of the executable's runtime waits until the heap has doubled. Node's needs no call, and has none. */
function releaseMemory(bytes: number): void {
  if (bytes < worthCollecting) return;
  const runtime = globalThis as { readonly Bun?: { gc(synchronous: boolean): unknown } };
  runtime.Bun?.gc(true);
}

/** Leaves getters alone, and values that are `undefined` on purpose too. */
function withReplaced(real: Machine, replaced: Partial<Machine>): Machine {
  return Object.create(real, Object.getOwnPropertyDescriptors(replaced));
}

type Programs = Pick<
  Host,
  | "exec"
  | "spawn"
  | "become"
  | "which"
  | "request"
  | "openPrivateFolder"
  | "servePipe"
  | "serveLines"
  | "askLine"
  | "openValueFolder"
  | "onExit"
>;

function programs(machine: Machine): Programs {
  return {
    exec: async (command, options = {}) => (await import("./exec.ts")).runProgram(machine, command, options),
    become: async (command, options = {}) =>
      (await import("./exec.ts")).becomeProgram(machine, command, options),
    spawn: async (command, options = {}) =>
      (await import("./conversation.ts")).startConversation(machine, command, options.env),
    which: async (program) => (await import("./programs.ts")).findProgram(program, machine),
    request: async (request) => (await import("./request.ts")).sendRequest(machine, request),
    openPrivateFolder: async () => (await import("./private-folder.ts")).openPrivateFolder(machine),
    servePipe: async (path, bytes) => (await import("./pipe.ts")).servePipe(machine, path, bytes),
    serveLines: async (path, answer) => (await import("./local-socket.ts")).serveLines(path, answer),
    askLine: async (path, line) => (await import("./local-socket.ts")).askLine(machine, path, line),
    openValueFolder: async (path, options) =>
      (await import("./value-folder.ts")).openValueFolder(machine, path, options),
    onExit: addCleanup,
  };
}

type HostFiles = Pick<
  Host,
  | "readFile"
  | "stat"
  | "list"
  | "realPath"
  | "makeFolder"
  | "replaceFiles"
  | "createFile"
  | "copyProgram"
  | "withLock"
>;

function files(machine: Machine, resolve: Host["resolve"]): HostFiles {
  return {
    readFile: (path, options) => readWhole(resolve(path), path, options?.limit),
    stat: (path) => statPath(resolve(path), path),
    list: (path) => listFolder(resolve(path), path),
    realPath: (path) => resolveLinks(resolve(path), path),
    makeFolder: (path) => makeFolders(resolve(path), path),
    replaceFiles: async (changes) =>
      (await import("./replace-files.ts")).replaceFiles(machine, resolve, changes),
    createFile: async (path, bytes, options = {}) =>
      (await import("./create-file.ts")).createFile(
        machine,
        { path: resolve(path), shown: path, bytes },
        options,
      ),
    copyProgram: async (from, to) =>
      (await import("./copy-program.ts")).copyProgram(machine, resolve(from), {
        path: resolve(to),
        shown: to,
      }),
    withLock: async (path, work) => {
      const { withLock } = await import("./lock.ts");
      const { recover } = await import("./journal.ts");
      // Before the file is read: what an interrupted run left half done must not be what is edited.
      await recover(machine);
      return withLock(machine, await lockTarget(resolve(path), path), path, work);
    },
  };
}

async function lockTarget(path: string, shown: string): Promise<string> {
  const { targetOf } = await import("./new-version.ts");
  try {
    return await targetOf(path);
  } catch (cause) {
    throw readError(shown, cause);
  }
}
