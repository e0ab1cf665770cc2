import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { onTestFinished } from "vitest";
import type { TestHost } from "./test-host.ts";

/** A test program in a process of its own. */
export interface Child {
  readonly process: ChildProcessWithoutNullStreams;
  /** Waits until it printed the text on standard output, so many times. */
  waitFor(text: string, times?: number): Promise<string>;
  /** Waits for the end. */
  ended(): Promise<{
    readonly code: number | null;
    readonly signal: NodeJS.Signals | null;
    readonly stderr: string;
  }>;
}

/** Runs a TypeScript program text that may import from the sources by absolute URL. Ended with the test. */
export function runScript(
  script: string,
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string } = {},
): Child {
  const child = spawn(process.execPath, ["--input-type=module-typescript", "--eval", script], {
    ...options,
    // A group of its own, so that what it started ends with it.
    detached: true,
  });
  onTestFinished(() => {
    try {
      process.kill(-(child.pid ?? 0), "SIGKILL");
    } catch {
      // It has ended.
    }
  });
  return watch(child);
}

/** The start of a script: a host on the same folders as the given one, in a process of its own. */
export function hostScript(host: TestHost, options: { readonly user?: number } = {}): string {
  const machine = {
    cwd: host.cwd,
    homeDir: host.homeDir,
    temporaryFolder: host.env["TMPDIR"],
    env: host.env,
  };
  // The sources may lie where that user cannot read them, so everything is loaded before.
  const become =
    options.user === undefined
      ? ""
      : `await import(${source("host/replace-files.ts")}); process.setgroups([]); process.setgid(${options.user}); process.setuid(${options.user});`;
  return `
    import { createNodeHost } from ${source("host/node-host.ts")};
    ${become}
    const host = createNodeHost({ ...${JSON.stringify(machine)}, userId: process.getuid?.() });
  `;
}

/** The URL of a source file, to be imported by a script. */
export function source(path: string): string {
  return JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
}

function watch(child: ChildProcessWithoutNullStreams): Child {
  let stdout = "";
  let stderr = "";
  const listeners = new Set<() => void>();
  const notify = (): void => listeners.forEach((listener) => void listener());
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
    notify();
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const end = new Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }>(
    (resolve) => {
      child.on("close", (code, signal) => {
        resolve({ code, signal, stderr });
        notify();
      });
    },
  );
  return {
    process: child,
    ended: () => end,
    waitFor: (text, times = 1) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (stdout.split(text).length > times) {
            resolve(stdout);
          } else if (child.exitCode !== null || child.signalCode !== null) {
            reject(new Error(`ended before it printed ${text}: ${stdout}${stderr}`));
          }
        };
        listeners.add(look);
        look();
      }),
  };
}
