import { fstatSync, statSync } from "node:fs";
import type { Environment, Host, Terminal } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { addCleanup } from "./signals.ts";

/** The terminal that controls this process, which is there also when the standard streams are redirected. */
export function controllingTerminal(platform: Host["platform"], env: Environment): Terminal {
  return {
    get stdinIsTerminal(): boolean {
      return isTerminal(0);
    },
    get stdoutIsTerminal(): boolean {
      return isTerminal(1);
    },
    get stderrIsTerminal(): boolean {
      return isTerminal(2);
    },
    ask: (question, options) => ask({ platform, env }, question, options?.hidden ?? false),
  };
}

function isTerminal(descriptor: number): boolean {
  try {
    // Most often no device at all, or the one that swallows everything; node:tty is loaded only for others.
    const stats = fstatSync(descriptor);
    return (
      stats.isCharacterDevice() &&
      stats.rdev !== statSync("/dev/null", { throwIfNoEntry: false })?.rdev &&
      process.getBuiltinModule("node:tty").isatty(descriptor)
    );
  } catch {
    return false;
  }
}

async function ask(
  system: { readonly platform: Host["platform"]; readonly env: Environment },
  question: string,
  hidden: boolean,
): Promise<string | undefined> {
  const { AnswerLine } = await import("./answer-line.ts");
  const { openKeyboard } = await import("./keyboard.ts");
  const keyboard = await openKeyboard(system);
  if (keyboard === undefined) {
    return undefined;
  }
  const forget = addCleanup(keyboard.close);
  try {
    keyboard.show(question);
    const line = new AnswerLine(hidden ? () => undefined : keyboard.show);
    const decoder = new TextDecoder();
    for (;;) {
      const keys = await keyboard.read();
      const end = keys === undefined ? "done" : line.type(decoder.decode(keys, { stream: true }));
      if (end === "done") {
        return line.text;
      }
      if (end === "interrupted") {
        throw new KsealError("INTERRUPTED", "interrupted");
      }
    }
  } finally {
    keyboard.show("\n");
    keyboard.close();
    forget();
  }
}
