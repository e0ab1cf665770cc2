import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import type { Host } from "../../src/core/ports.ts";
import { createNodeHost } from "../../src/host/node-host.ts";

export interface TestHostOptions {
  /** More variables; `undefined` takes one of the given ones away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Files to start with, by their path below the working folder. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly now?: number | (() => number);
  readonly random?: (length: number) => Uint8Array;
  /** What the person at the terminal types, question by question; none means that there is no terminal. */
  readonly answers?: readonly string[];
  readonly platform?: Host["platform"];
  readonly stdin?: string | Uint8Array;
  readonly stdoutIsTerminal?: boolean;
}

/** A real host on a folder of its own. */
export interface TestHost extends Host {
  /** Everything written to standard output so far. */
  stdoutText(): string;
  stdoutBytes(): Uint8Array;
  stderrText(): string;
  /** The questions asked so far. */
  readonly questions: readonly string[];
}

/**
 * The real host in a fresh folder that is removed after the test: `cwd` is `work` in it, HOME is `home`. Nothing of
 * the developer's own environment but PATH gets in.
 */
export async function createTestHost(options: TestHostOptions = {}): Promise<TestHost> {
  const root = await realpath(await mkdtemp(join(tmpdir(), "kseal-test-")));
  onTestFinished(() => rm(root, { recursive: true, force: true, maxRetries: 3 }));
  const folder = { cwd: join(root, "work"), home: join(root, "home"), tmp: join(root, "tmp") };
  for (const path of Object.values(folder)) {
    await mkdir(path);
  }
  for (const [path, content] of Object.entries(options.files ?? {})) {
    await mkdir(dirname(join(folder.cwd, path)), { recursive: true });
    await writeFile(join(folder.cwd, path), content);
  }
  return hostIn(folder, options);
}

function hostIn(folder: { cwd: string; home: string; tmp: string }, options: TestHostOptions): TestHost {
  const stdout: Uint8Array[] = [];
  const stderr: string[] = [];
  const questions: string[] = [];
  const answers = [...(options.answers ?? [])];
  const { now, random } = options;
  const host = createNodeHost({
    cwd: folder.cwd,
    homeDir: folder.home,
    temporaryFolder: folder.tmp,
    env: {
      PATH: process.env["PATH"],
      HOME: folder.home,
      XDG_CONFIG_HOME: join(folder.home, ".config"),
      TMPDIR: folder.tmp,
      ...options.env,
    },
    ...(options.platform === undefined ? {} : { platform: options.platform }),
    ...(now === undefined ? {} : { now: typeof now === "number" ? () => now : now }),
    ...(random === undefined ? {} : { random }),
    terminal: {
      stdinIsTerminal: options.answers !== undefined,
      stdoutIsTerminal: options.stdoutIsTerminal ?? false,
      stderrIsTerminal: false,
      ask: async (question) => {
        questions.push(question);
        return options.answers === undefined ? undefined : (answers.shift() ?? "");
      },
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
  return {
    ...host,
    questions,
    stdoutText: () => Buffer.concat(stdout).toString("utf8"),
    stdoutBytes: () => new Uint8Array(Buffer.concat(stdout)),
    stderrText: () => stderr.join(""),
  };
}
