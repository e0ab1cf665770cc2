import type { CommandSpec, OptionSpec } from "./command.ts";
import { deliveryCommands } from "./delivery-commands.ts";
import { fileCommands } from "./file-commands.ts";
import { readFlags } from "./option-flags.ts";
import { programCommands } from "./program-commands.ts";
import { reviewCommands } from "./review-commands.ts";
import { sealedCommands } from "./sealed-commands.ts";

/** Options that every command has. */
const globalOptions: readonly OptionSpec[] = [
  { flags: "--config <file>", summary: "use this .sops.yaml instead of searching for one" },
  {
    flags: "-o, --output <format>",
    summary: "how a report or an error is printed",
    choices: ["text", "json"],
  },
];

/** All options of a command: its own, and the global ones that it does not have in a form of its own. */
export function optionsOf({ options }: CommandSpec): readonly OptionSpec[] {
  const taken = new Set(options.map(({ flags }) => readFlags(flags).long));
  return [...options, ...globalOptions.filter(({ flags }) => !taken.has(readFlags(flags).long))];
}

/** Every command of kseal: what `--help` says, and where the command lives. Nothing is loaded before it is called. */
export const commandTable: readonly CommandSpec[] = [
  ...fileCommands,
  ...reviewCommands,
  ...programCommands,
  ...sealedCommands,
  ...deliveryCommands,
];
