import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";

/**
 * The files to work on; standard input when none is named and something is piped in.
 *
 * @throws KsealError `NO_FILE` when nothing is named and a person sits at the terminal.
 */
export function pathsOrStdin(
  args: readonly string[],
  host: Host,
  name: string | undefined,
): readonly string[] {
  if (args.length > 0) return args;
  if (host.terminal.stdinIsTerminal && name === undefined) {
    throw new KsealError("NO_FILE", "no file named", {
      hint: "name files or folders, or - for standard input",
    });
  }
  return ["-"];
}
