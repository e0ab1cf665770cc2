import { spawn } from "node:child_process";

export interface ProgramResult {
  /** The exit status; 128 + signal number is what a shell would say, here it is the signal's name. */
  readonly status: number | string;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/**
 * Runs a program to its end, without a shell.
 *
 * @param options.env - The whole environment: nothing of the test's own gets through.
 * @param options.stdin - Closed when left out, so that nothing can wait for a person.
 */
export async function runProgram(
  command: readonly [string, ...string[]],
  options: {
    readonly cwd: string;
    readonly env: Readonly<Record<string, string>>;
    readonly stdin?: Uint8Array | string;
    readonly timeout?: number;
  },
): Promise<ProgramResult> {
  const [program, ...args] = command;
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: "pipe",
    timeout: options.timeout ?? 60_000,
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  // A program that ends without reading its input closes the pipe under us.
  child.stdin.on("error", () => {});
  child.stdin.end(options.stdin ?? "");
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      resolve({
        status: code ?? signal ?? "unknown",
        stdout: Buffer.concat(stdout),
        stderr: Buffer.concat(stderr).toString("utf8"),
      });
    });
  });
}

/** Runs work for each item, so many at a time, and keeps the order of the results. */
export async function mapLimited<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  const waiting = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of waiting) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
