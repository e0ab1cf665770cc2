import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { constants } from "node:os";
import type { Environment, ExecOptions, ExecResult } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { batchCommand } from "./batch-files.ts";
import { errorName } from "./file-errors.ts";
import type { Machine } from "./machine.ts";
import { findProgram } from "./programs.ts";
import { addForegroundChild } from "./signals.ts";
import { findUser, type SystemUser } from "./users.ts";

type Command = readonly [string, ...string[]];

/** Runs a program to its end. */
export async function runProgram(
  machine: Machine,
  command: Command,
  options: ExecOptions,
): Promise<ExecResult> {
  const child = startProgram(machine, command, {
    ...spawnOptions(machine, options),
    stdio: standardStreams(machine, options),
  });
  const hasHelpers = options.signals === "forward";
  const isInForeground = hasHelpers || options.output === "inherit" || options.stdin === "inherit";
  const letGo = isInForeground
    ? addForegroundChild({ process: child, hearsTerminal: machine.terminal.stdinIsTerminal, hasHelpers })
    : () => undefined;
  try {
    feed(
      child,
      child.stdin !== null && options.stdin === "inherit" ? await machine.readStdin() : options.stdin,
    );
    const taken = options.onOutput === undefined ? collect(child.stdout) : handOn(child, options.onOutput);
    const outcome = Promise.all([statusOf(child, command[0]), taken, collect(child.stderr)]);
    const [status, stdout, stderr] = await (options.timeoutMs === undefined
      ? outcome
      : within(options.timeoutMs, { child, name: command[0], outcome }));
    const result = { status, stdout, stderr: Buffer.from(stderr).toString("utf8") };
    if (options.output === "inherit") return await passOn(machine, result);
    return options.stderr === "inherit" ? passOnErrors(machine, result) : result;
  } finally {
    letGo();
  }
}

/** The outcome of a program, unless it takes too long: then it is ended. */
async function within<T>(
  ms: number,
  { child, name, outcome }: { child: ChildProcess; name: string; outcome: Promise<T> },
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      child.kill("SIGKILL");
      // What a script started outlives it, and would hold the pipes open.
      child.stdout?.destroy();
      child.stderr?.destroy();
      reject(new KsealError("KEY_SOURCE_FAILED", `${name} did not end within ${ms / 1000} s`));
    }, ms);
  });
  try {
    return await Promise.race([outcome, late]);
  } finally {
    clearTimeout(timer);
  }
}

function standardStreams(
  machine: Machine,
  { stdin, output, stderr = output }: ExecOptions,
): SpawnOptions["stdio"] {
  const inherited = machine.ownsProcess ? "inherit" : "pipe";
  const out = output === "inherit" ? inherited : "pipe";
  const errors = stderr === "inherit" ? inherited : "pipe";
  return [stdin === undefined ? "ignore" : stdin === "inherit" ? inherited : "pipe", out, errors];
}

/** What a program wrote to streams that were not kseal's to hand on. Nothing is left of it where they were. */
async function passOn(machine: Machine, { status, stdout, stderr }: ExecResult): Promise<ExecResult> {
  await machine.writeStdout(stdout);
  machine.writeStderr(stderr);
  return { status, stdout: new Uint8Array(), stderr: "" };
}

function passOnErrors(machine: Machine, result: ExecResult): ExecResult {
  if (result.stderr !== "") machine.writeStderr(result.stderr);
  return { ...result, stderr: "" };
}

/** Turns this process into another program, where the system can; otherwise runs it to its end. */
export async function becomeProgram(
  machine: Machine,
  command: Command,
  options: ExecOptions,
): Promise<number> {
  if (machine.platform === "win32" || !machine.ownsProcess || process.execve === undefined) {
    const result = await runProgram(machine, command, { stdin: "inherit", output: "inherit", ...options });
    return result.status;
  }
  const user = options.user === undefined ? undefined : userOf(machine, options.user);
  const program = locate(machine, command[0]);
  process.chdir(options.cwd ?? machine.cwd);
  if (user !== undefined) {
    // Groups first: without root's rights they could not be dropped any more (sops #2230).
    process.setgroups?.([user.groupId]);
    process.setgid?.(user.groupId);
    process.setuid?.(user.userId);
  }
  return process.execve(
    program,
    [command[0], ...command.slice(1)],
    definedOnly(environment(machine, options.env, user)),
  );
}

/** Starts a program by its absolute path. */
export function startProgram(machine: Machine, command: Command, options: SpawnOptions): ChildProcess {
  const program = locate(machine, command[0]);
  const isBatch = machine.platform === "win32" && /\.(bat|cmd)$/i.test(program);
  try {
    if (isBatch) {
      const { shell, argument } = batchCommand(machine.env, program, command.slice(1));
      return spawn(shell, ["/d", "/s", "/c", argument], { ...options, windowsVerbatimArguments: true });
    }
    return spawn(program, command.slice(1), options);
  } catch (cause) {
    throw startError(command[0], cause);
  }
}

function locate(machine: Machine, name: string): string {
  const program = findProgram(name, machine);
  if (program === undefined) {
    throw new KsealError("NO_FILE", `there is no program ${name}`, {
      hint: name.includes("/") ? "give its absolute path" : "install it, or add its folder to PATH",
    });
  }
  return program;
}

function spawnOptions(machine: Machine, options: ExecOptions): SpawnOptions {
  const user = options.user === undefined ? undefined : userOf(machine, options.user);
  return {
    cwd: options.cwd ?? machine.cwd,
    env: environment(machine, options.env, user),
    windowsHide: true,
    windowsVerbatimArguments: options.verbatim ?? false,
    // With these two set the new process drops all supplementary groups before it changes its user.
    ...(user === undefined ? {} : { uid: user.userId, gid: user.groupId }),
  };
}

/** The user of a name, where programs can run as another one. */
export function userOf(machine: Machine, name: string): SystemUser {
  if (machine.platform === "win32") {
    throw new KsealError("USAGE", "Windows cannot run a command as another user this way");
  }
  return findUser(name, (program) => findProgram(program, machine));
}

function environment(
  machine: Machine,
  env: Environment | undefined,
  user: SystemUser | undefined,
): Environment {
  const chosen = env ?? machine.env;
  return user === undefined ? chosen : { ...chosen, HOME: user.home, USER: user.name, LOGNAME: user.name };
}

function definedOnly(env: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** The exit status, once all output has arrived. */
export function statusOf(child: ChildProcess, name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", (cause) => reject(startError(name, cause)));
    child.once("close", (code, signal) => {
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

function startError(name: string, cause: unknown): unknown {
  switch (errorName(cause)) {
    case "E2BIG":
      return new KsealError(
        "LIMIT_EXCEEDED",
        `cannot run ${name}: its arguments and variables are too large`,
        {
          cause,
        },
      );
    case "EPERM":
    case "EACCES":
    case "ENOENT":
    case "ENOEXEC":
      return new KsealError(
        "NO_FILE",
        `cannot run ${name}: ${errorName(cause) === "ENOENT" ? "its folder or interpreter does not exist" : "permission denied"}`,
        { cause },
      );
    default:
      return cause;
  }
}

function feed(child: ChildProcess, stdin: Uint8Array | "inherit" | undefined): void {
  // A program that does not read its input is no failure.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(stdin === "inherit" ? undefined : stdin);
}

/** Gives standard output away as it comes. */
async function handOn(child: ChildProcess, take: (bytes: Uint8Array) => void): Promise<Uint8Array> {
  try {
    for await (const chunk of child.stdout ?? []) take(chunk);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  return new Uint8Array();
}

/** Everything that comes out of a stream. */
export async function collect(stream: NodeJS.ReadableStream | null): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream ?? []) {
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}
