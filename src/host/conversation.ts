import type { ChildProcess } from "node:child_process";
import type { Conversation, Environment } from "../core/ports.ts";
import { collect, startProgram, statusOf } from "./exec.ts";
import type { Machine } from "./machine.ts";

/** Starts a program to talk with: an age plugin. */
export function startConversation(
  machine: Machine,
  command: readonly [string, ...string[]],
  env: Environment | undefined,
): Conversation {
  const child = startProgram(machine, command, {
    cwd: machine.cwd,
    env: env ?? machine.env,
    stdio: ["pipe", "pipe", "pipe"],
    windowsHide: true,
  });
  const status = statusOf(child, command[0]);
  // A failed start is told by whoever waits for it next; until then it must not end the process.
  status.catch(() => undefined);
  const stderr = collect(child.stderr);
  stderr.catch(() => undefined);
  // A program that ended early is noticed by reading: its last words say why.
  child.stdin?.on("error", () => undefined);
  const lines = readLines(child);

  return {
    write: (bytes) => new Promise((resolve) => child.stdin?.write(bytes, () => resolve())),
    readLine: async () => {
      if (child.pid === undefined) {
        await status;
      }
      const { value, done } = await lines.next();
      return done === true ? undefined : value;
    },
    close: async () => {
      child.stdin?.end();
      // What nobody reads would keep the program waiting.
      while ((await lines.next()).done !== true);
      return { status: await status, stderr: Buffer.from(await stderr).toString("utf8") };
    },
  };
}

async function* readLines(child: ChildProcess): AsyncGenerator<string, void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout ?? []) {
    rest += decoder.decode(chunk, { stream: true });
    const complete = rest.split("\n");
    rest = complete.pop() ?? "";
    yield* complete;
  }
  if (rest !== "") {
    yield rest;
  }
}
