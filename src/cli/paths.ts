import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import type { FileScope } from "../ops/select-files.ts";
import type { OptionValues } from "./command.ts";
import type { Output } from "./output.ts";

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

/**
 * The files that a command over many of them works on: those that are named, or those that `--since` finds.
 *
 * @throws KsealError `USAGE` when there is neither.
 */
export function namedFiles(args: readonly string[], options: OptionValues): FileScope {
  const since = options.text("since");
  if (args.length === 0 && since === undefined) {
    throw new KsealError("USAGE", "missing required argument 'files'", {
      hint: "name files or folders, or what they shall differ from: --since origin/main",
    });
  }
  return { paths: args, since };
}

/** Says at the end of a run over what differs from a revision how much it was; of other runs it was said already. */
export function reportSince(
  since: string | undefined,
  { changed, unchanged }: { readonly changed: number; readonly unchanged: number },
  { output, dryRun, noun }: { readonly output: Output; readonly dryRun: boolean; readonly noun: string },
): void {
  if (since === undefined) return;
  const verb = dryRun ? "would change" : "changed";
  const isNone = changed + unchanged === 0;
  output.info(
    isNone
      ? `no ${noun} differs from ${since}`
      : `since ${since}: ${changed} ${verb}, ${unchanged} unchanged`,
  );
}
