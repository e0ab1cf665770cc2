import type { FlagSpec } from "./go-flags.ts";
import { type CommandName, commands, rootFlags } from "./sops-flags.ts";

/**
 * The help text of a command of `sops`.
 *
 * @param topic - `encrypt`, `groups add`, `groups`; empty for the whole program.
 * @returns `undefined` when there is no such command.
 */
export function helpText(topic: string): string | undefined {
  const spec = isCommand(topic) ? commands[topic] : undefined;
  if (spec !== undefined) {
    const usage = ["sops", topic, "[flags]", spec.operands].filter((part) => part !== "").join(" ");
    return page([`${spec.summary}`], { usage: [usage], flags: spec.flags });
  }
  const below = commandNames.filter((name) => topic === "" || name.startsWith(`${topic} `));
  if (below.length === 0) return undefined;
  const list = below.map((name) => `  ${name.padEnd(18)}${commands[name].summary}`);
  return topic === ""
    ? page(["kseal in the place of sops: the same commands, flags and files", "", "Commands:", ...list], {
        usage: ["sops [flags] file", "sops command [flags] [file]"],
        flags: rootFlags,
      })
    : page(["Commands:", ...list], { usage: [`sops ${topic} command [flags]`], flags: [] });
}

/** What may follow on the command line, for completions: the names of subcommands. */
export function nextWords(topic: string): readonly string[] {
  if (isCommand(topic)) return [];
  const prefix = topic === "" ? "" : `${topic} `;
  const names = commandNames
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length).split(" ", 1)[0] ?? "");
  return [...new Set([...names, "help", "h"])];
}

/** Whether a word or two name a command that does something. */
export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(commands, name);
}

const commandNames = Object.keys(commands).filter(isCommand);

function page(
  about: readonly string[],
  options: { usage: readonly string[]; flags: readonly FlagSpec[] },
): string {
  const flags = options.flags.map(describeFlag);
  const lines = [
    ...options.usage.map((line, index) => `${index === 0 ? "Usage:" : "      "} ${line}`),
    "",
    ...about,
    ...(flags.length > 0 ? ["", "Flags:", ...flags] : []),
  ];
  return `${lines.join("\n")}\n`;
}

function describeFlag({ names, kind, env, summary }: FlagSpec): string {
  const forms = names.map((name) => (name.length === 1 ? `-${name}` : `--${name}`)).join(", ");
  const value = { text: " value", list: " value", number: " number", switch: "" }[kind];
  return `  ${`${forms}${value}`.padEnd(42)} ${summary}${env === undefined ? "" : ` [$${env}]`}`;
}
