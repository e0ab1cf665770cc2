import { win32 } from "node:path";
import type { Environment } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { windowsVariable } from "./paths.ts";

/**
 * How to run a `.bat` or `.cmd` file (`code.cmd`): only cmd.exe can, and it reads its command line again.
 *
 * No quoting is safe from that in every place, so arguments with a character that means something to cmd.exe are
 * refused (CVE-2024-27980).
 */
export function batchCommand(
  env: Environment,
  program: string,
  args: readonly string[],
): { readonly shell: string; readonly argument: string } {
  const words = [program, ...args];
  const unsafe = words.find((word) => /["%!^&|<>\r\n\0]/.test(word) || word.endsWith("\\"));
  if (unsafe !== undefined) {
    throw new KsealError(
      "USAGE",
      `cannot hand ${unsafe} to the batch file ${win32.basename(program)} safely`,
      {
        hint: "use the .exe of that program",
      },
    );
  }
  const systemRoot = windowsVariable(env, "SystemRoot") ?? "C:\\Windows";
  return {
    shell: win32.join(systemRoot, "System32", "cmd.exe"),
    argument: `"${words.map((word) => `"${word}"`).join(" ")}"`,
  };
}
