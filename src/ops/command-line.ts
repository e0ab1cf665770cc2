import type { ExecOptions, Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import type { OpenOptions } from "./load-file.ts";

/** Which command is run with an encrypted file, and as whom. */
export interface CommandOptions extends OpenOptions {
  /** A file, or `-` for standard input. */
  readonly path: string;
  /** One word is a line for the shell; several are a program and its arguments. */
  readonly command: readonly string[];
  /** Runs the command as this user, without kseal's groups and with that user's HOME (sops.md D46). */
  readonly user?: string | undefined;
}

/** A command as the host runs it. */
export interface CommandLine {
  readonly words: readonly [string, ...string[]];
  readonly verbatim: boolean;
}

/**
 * How to run what the user typed: one word is a line for the shell, as with SOPS; several are a program and its
 * arguments, which no shell touches.
 */
export function commandLine(
  command: readonly string[],
  host: Pick<Host, "platform" | "env" | "resolve">,
): CommandLine {
  const [program, ...args] = command;
  if (program === undefined || program === "") {
    throw new KsealError("USAGE", "there is no command to run", {
      hint: "give it after the file: -- PROGRAM ARGUMENTS, or as one word for the shell",
    });
  }
  if (args.length > 0) {
    // A path that the user typed here may well lie in the working folder; a bare name is looked up on PATH alone.
    const isPath = program.includes("/") || (host.platform === "win32" && program.includes("\\"));
    return { words: [isPath ? host.resolve(program) : program, ...args], verbatim: false };
  }
  if (host.platform === "win32") {
    const root = host.env["SystemRoot"] ?? "C:\\Windows";
    // With /s cmd.exe takes off the outer quotes and leaves the line in them as it is.
    return { words: [`${root}\\System32\\cmd.exe`, "/d", "/s", "/c", `"${program}"`], verbatim: true };
  }
  return { words: ["/bin/sh", "-c", program], verbatim: false };
}

/** A command that takes kseal's place on the terminal, with all three streams. */
export function inForeground(
  { verbatim }: CommandLine,
  options: { readonly env?: ExecOptions["env"]; readonly user?: string | undefined },
): ExecOptions {
  return {
    stdin: "inherit",
    output: "inherit",
    verbatim,
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.user === undefined ? {} : { user: options.user }),
  };
}
