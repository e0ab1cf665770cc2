import type { Host, Terminal } from "../core/ports.ts";
import { homeFolder } from "./paths.ts";
import { readStandardInput, standardOutput } from "./standard-streams.ts";
import { controllingTerminal } from "./terminal.ts";

/**
 * What a host is made of: the facts of one process. The real ones by default; tests put their own in their place, so
 * that the code above them is the same.
 */
export interface Machine {
  readonly env: Host["env"];
  readonly cwd: string;
  readonly platform: Host["platform"];
  readonly homeDir: string;
  /** Where the system wants temporary files. */
  readonly temporaryFolder: string;
  readonly hostName: string;
  /** As {@link Host.executable}. */
  readonly executable: string | undefined;
  /** `undefined` on Windows, where files have no numeric owner. */
  readonly userId: number | undefined;
  readonly terminal: Terminal;
  now(): number;
  random(length: number): Uint8Array;
  readStdin(): Promise<Uint8Array>;
  writeStdout(bytes: Uint8Array | string): Promise<void>;
  writeStderr(text: string): void;
  /** Renames over a file that may stand there. Replaced in tests of Windows, where an open file refuses that. */
  readonly rename: ((from: string, to: string) => Promise<void>) | undefined;
  /**
   * Whether the process is kseal's own, to hand its standard streams to others and to turn into another program.
   * When it is not (tests), what a program would inherit goes through the functions above.
   */
  readonly ownsProcess: boolean;
}

/** The process that kseal runs in. */
export function thisMachine(): Machine {
  const platform = process.platform === "win32" || process.platform === "darwin" ? process.platform : "linux";
  return {
    // The object itself: on Windows it finds variables whatever their case, a copy of it does not.
    env: process.env,
    cwd: process.cwd(),
    platform,
    // What only the system knows is asked for when it is needed: loading node:os takes as long as reading a file.
    homeDir: homeFolder(platform, process.env) ?? homeOfUser(),
    get temporaryFolder(): string {
      return system().tmpdir();
    },
    get hostName(): string {
      return system().hostname();
    },
    // The single executable is made with Bun.
    executable: process.versions["bun"] === undefined ? undefined : process.execPath,
    userId: process.getuid?.(),
    terminal: controllingTerminal(platform, process.env),
    now: Date.now,
    random,
    readStdin: readStandardInput,
    ...standardOutput(),
    rename: undefined,
    ownsProcess: true,
  };
}

function system(): typeof import("node:os") {
  return process.getBuiltinModule("node:os");
}

function homeOfUser(): string {
  try {
    return system().homedir();
  } catch {
    // A user whom the system does not know, as in a container: as container runtimes set HOME for one.
    return "/";
  }
}

function random(length: number): Uint8Array {
  // Not imported: reading a file draws no random bytes, and loading node:crypto takes 5 ms.
  return new Uint8Array(process.getBuiltinModule("node:crypto").randomBytes(length));
}
