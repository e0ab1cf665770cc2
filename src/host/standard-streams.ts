import { fstatSync, readSync, writeSync } from "node:fs";
import { errorName, writeError } from "./file-errors.ts";

/** All of standard input. */
export async function readStandardInput(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const kind = fstatSync(0);
  // Making `process.stdin` takes longer than all the rest of a small run.
  if ((kind.isFile() || kind.isFIFO()) && readNow(chunks)) return Buffer.concat(chunks);
  for await (const chunk of process.stdin) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Reads what comes, and waits for more. Returns whether that was all: a pipe may be one that nobody can wait for. */
function readNow(chunks: Uint8Array[]): boolean {
  for (;;) {
    const chunk = Buffer.allocUnsafe(64 * 1024);
    try {
      const length = readSync(0, chunk);
      if (length === 0) return true;
      chunks.push(chunk.subarray(0, length));
    } catch (error) {
      if (errorName(error) === "EAGAIN") return false;
      if (errorName(error) === "EOF") return true;
      throw error;
    }
  }
}

interface Output {
  writeStdout(bytes: Uint8Array | string): Promise<void>;
  writeStderr(text: string): void;
}

/**
 * The two standard outputs, written straight to their descriptors: making `process.stdout` costs more than a small
 * decrypt. Only when a pipe does not take everything at once does the stream come in, and then it stays.
 */
export function standardOutput(): Output {
  const streamed = { stdout: false, stderr: false };

  async function writeStdout(bytes: Uint8Array | string): Promise<void> {
    const rest = streamed.stdout ? toBytes(bytes) : writeNow(1, toBytes(bytes));
    if (rest.length > 0) {
      streamed.stdout = true;
      await writeToStream(rest);
    }
  }

  function writeStderr(text: string): void {
    const rest = streamed.stderr ? toBytes(text) : writeNow(2, toBytes(text));
    if (rest.length > 0) {
      streamed.stderr = true;
      process.stderr.write(rest);
    }
  }

  return { writeStdout, writeStderr };
}

/** Writes what the descriptor takes, and returns the rest. A reader that went away takes everything. */
function writeNow(descriptor: number, bytes: Uint8Array): Uint8Array {
  let rest = bytes;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      if (errorName(error) === "EAGAIN") {
        return rest;
      }
      ignoreClosed(error);
      return new Uint8Array();
    }
  }
  return rest;
}

function writeToStream(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    // The same failure comes twice, as an event and to the callback; unheard, the event would end the process.
    process.stdout.once("error", () => undefined);
    process.stdout.write(bytes, (error) => {
      try {
        ignoreClosed(error);
        resolve();
      } catch (failure) {
        reject(failure);
      }
    });
  });
}

/** EPIPE: `kseal decrypt | head`; EBADF: started with the output closed. Everything else loses content. */
function ignoreClosed(error: unknown): void {
  const name = errorName(error);
  if (error instanceof Error && name !== "EPIPE" && name !== "EBADF" && name !== "EOF") {
    throw writeError("standard output", error);
  }
}

function toBytes(content: Uint8Array | string): Uint8Array {
  return typeof content === "string" ? Buffer.from(content, "utf8") : content;
}
