import { Command, CommanderError, Option } from "commander";
import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { version } from "../version.ts";
import type { CommandSpec } from "./command.ts";
import { commandTable, optionsOf } from "./command-table.ts";
import { runAction } from "./run-action.ts";

const usageExitCode = new KsealError("USAGE", "").exitCode;

/**
 * Runs a command line with commander, which knows how to help and how to correct.
 *
 * @param name - What the program is called: `kseal`, or `kubectl kseal` for its plugin.
 * @returns The exit status.
 */
export async function runProgram(args: readonly string[], host: Host, name: string): Promise<number> {
  let status = 0;
  const program = describeProgram(host, name);
  // Only the command that is called gets registered, unless help or a correction needs to know all of them.
  const called = commandTable.filter(({ name }) => name === args[0]);
  for (const spec of called.length > 0 ? called : commandTable) {
    program.addCommand(
      describeCommand(spec, name).action(async (...values: unknown[]) => {
        // commander hands over the positional arguments, the options and the command itself.
        const args = values
          .slice(0, -2)
          .flat()
          .filter((value) => typeof value === "string");
        status = await runAction(spec, { args, options: values.at(-2) as Record<string, unknown> }, host);
      }),
    );
  }
  try {
    await inheritOutput(program, host).parseAsync(args.length === 0 ? ["--help"] : [...args], {
      from: "user",
    });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const hint = hintFor(error, called[0], name);
    if (hint !== undefined) host.writeStderr(`  ${hint}\n`);
    return error.exitCode === 0 ? (args.length === 0 ? usageExitCode : 0) : usageExitCode;
  }
  return status;
}

/** What to type next, where commander does not say it. */
function hintFor({ code, message }: CommanderError, called: CommandSpec | undefined, program: string) {
  if (/Did you mean/.test(message)) return undefined;
  switch (code) {
    case "commander.unknownCommand":
      return `${program} help`;
    case "commander.unknownOption":
      return `${program} help ${called?.name ?? ""}`.trim();
    case "commander.missingArgument":
    case "commander.excessArguments": {
      const [example] = called?.examples ?? [];
      return example && `for example: ${example}`;
    }
    default:
      return undefined;
  }
}

function describeProgram(host: Host, name: string): Command {
  return new Command(name)
    .description("Keeps Kubernetes secrets in Git: encrypts the values of SOPS files, with readable diffs.")
    .version(`kseal ${version}`, "--version")
    .helpCommand("help [command]", "show help for a command")
    .configureHelp({ showGlobalOptions: false })
    .addHelpText(
      "after",
      "\nkseal sops ... and kseal kubeseal ... take the command lines of sops and kubeseal themselves.",
    )
    .configureOutput(voice(host));
}

function describeCommand(spec: CommandSpec, program: string): Command {
  const command = new Command(spec.name).summary(spec.summary).description(spec.summary);
  if (spec.arguments !== "") command.arguments(spec.arguments);
  for (const { flags, summary, choices, repeatable, group } of optionsOf(spec)) {
    const option = new Option(flags, summary);
    if (group !== undefined) option.helpGroup(`${group}:`);
    if (choices !== undefined) option.choices([...choices]);
    if (repeatable)
      option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
    command.addOption(option);
  }
  const examples = spec.examples.map((line) => `  $ ${line.replace(/^kseal /, `${program} `)}`).join("\n");
  return command.addHelpText("after", `\nExample${spec.examples.length > 1 ? "s" : ""}:\n${examples}`);
}

function inheritOutput(program: Command, host: Host): Command {
  program.exitOverride();
  for (const command of program.commands) command.exitOverride().configureOutput(voice(host));
  return program;
}

function voice(host: Host) {
  return {
    writeOut: (text: string) => void host.writeStdout(text),
    writeErr: (text: string) => host.writeStderr(text),
    outputError: (text: string, write: (text: string) => void) =>
      write(
        `kseal: ${withoutWords(text)
          .replace(/^error: /, "")
          .replace(/\.\n/g, "\n")}`,
      ),
  };
}

/** commander repeats words that it does not expect, and one of them may be a value: logs keep what is said here. */
function withoutWords(text: string): string {
  return text
    .replace(/^(error: too many arguments[^\n]*? but got \d+): [\s\S]*/, "$1.\n")
    .replace(/^(error: unknown option '--[^'=]+)=[\s\S]*'/, "$1'");
}
