import { spawnSync } from "node:child_process";
import { closeSync, openSync, read, writeSync } from "node:fs";
import { promisify } from "node:util";
import type { Environment, Host } from "../core/ports.ts";
import { findProgram } from "./programs.ts";

/**
 * The controlling terminal, key by key: nothing is echoed, and Ctrl+C arrives as a character, so that the terminal is
 * always put right again.
 */
export interface Keyboard {
  /** The next keys that were pressed, or `undefined` at the end of the terminal. */
  read(): Promise<Uint8Array | undefined>;
  show(text: string): void;
  /** Puts the terminal as it was. Also right away, from a signal. */
  close(): void;
}

/** Opens the terminal, `undefined` when this process has none. */
export async function openKeyboard(system: {
  readonly platform: Host["platform"];
  readonly env: Environment;
}): Promise<Keyboard | undefined> {
  const stty = system.platform === "win32" ? undefined : findProgram("stty", system);
  const [keys, screen] = system.platform === "win32" ? ["CONIN$", "CONOUT$"] : ["/dev/tty", "/dev/tty"];
  const input = openOrNot(keys);
  const output = input === undefined ? undefined : openOrNot(screen);
  if (input === undefined || output === undefined) {
    return undefined;
  }
  return stty === undefined ? streamKeyboard(input, output) : sttyKeyboard(stty, input, output);
}

function openOrNot(path: string): number | undefined {
  try {
    return openSync(path, "r+");
  } catch {
    return undefined;
  }
}

/**
 * Not with the stream of node:tty where it can be avoided: once read, that keeps a Bun executable from ending.
 */
function sttyKeyboard(stty: string, input: number, output: number): Keyboard {
  const change = (...settings: readonly string[]): string =>
    spawnSync(stty, settings, { stdio: [input, "pipe", "ignore"], encoding: "utf8" }).stdout.trim();
  const before = change("-g");
  change("-icanon", "-echo", "-isig", "-icrnl", "min", "1", "time", "0");
  const buffer = new Uint8Array(4096);
  return {
    read: async () => {
      const { bytesRead } = await promisify(read)(input, buffer, 0, buffer.length, null);
      return bytesRead === 0 ? undefined : buffer.slice(0, bytesRead);
    },
    show: (text) => void writeSync(output, text),
    close: once(() => {
      change(before);
      closeSync(input);
      closeSync(output);
    }),
  };
}

/** Where there is no stty: on Windows. */
async function streamKeyboard(input: number, output: number): Promise<Keyboard> {
  const { ReadStream } = await import("node:tty");
  const stream = new ReadStream(input);
  stream.setRawMode(true);
  const chunks = stream[Symbol.asyncIterator]();
  return {
    read: async () => {
      const { value, done } = await chunks.next();
      return done === true ? undefined : value;
    },
    show: (text) => void writeSync(output, text),
    close: once(() => {
      stream.setRawMode(false);
      stream.destroy();
      closeSync(output);
    }),
  };
}

function once(work: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) {
      isDone = true;
      work();
    }
  };
}
