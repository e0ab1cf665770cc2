import { run } from "../../src/cli/run.ts";
import { createNodeHost } from "../../src/host/node-host.ts";
import type { ProgramResult } from "./run-program.ts";

/**
 * Runs one command line of kseal as a process of its own would, but inside the test's: starting Node takes longer
 * than most commands do. There is no terminal.
 *
 * @param options.env - The whole environment: nothing of the test's own gets through.
 */
export async function runInProcess(
  args: readonly string[],
  options: {
    readonly cwd: string;
    readonly env: Readonly<Record<string, string>>;
    readonly stdin?: Uint8Array | string;
  },
): Promise<ProgramResult> {
  const stdout: Buffer[] = [];
  const stderr: string[] = [];
  const host = createNodeHost({
    cwd: options.cwd,
    env: options.env,
    homeDir: options.env["HOME"] ?? options.cwd,
    terminal: {
      stdinIsTerminal: false,
      stdoutIsTerminal: false,
      stderrIsTerminal: false,
      ask: async () => undefined,
    },
    readStdin: async () => Buffer.from(options.stdin ?? ""),
    writeStdout: async (bytes) => {
      stdout.push(Buffer.from(bytes));
    },
    writeStderr: (text) => {
      stderr.push(text);
    },
    ownsProcess: false,
  });
  const status = await run(args, host);
  return { status, stdout: Buffer.concat(stdout), stderr: stderr.join("") };
}
