import { KsealError } from "../../errors.ts";
import { type FlagSpec, type FlagsAndOperands, FlagValues, takeFlags } from "./go-flags.ts";
import { SopsArgsError } from "./sops-args-error.ts";
import { readCommand } from "./sops-call.ts";
import { commands, helpFlag, rootFlags } from "./sops-flags.ts";
import { helpText, isCommand, nextWords } from "./sops-help.ts";
import type { SopsInvocation } from "./sops-invocation.ts";

type Environment = Readonly<Record<string, string | undefined>>;

// The shell's completion puts it at the end.
const completionFlag = "--generate-bash-completion";

/**
 * Reads a command line of `sops` 3.13: subcommands and the legacy form without one, with the environment variables
 * that stand in for flags. Every flag works in any position, also a command's flag before its name (sops.md D29).
 *
 * A word behind the file that looks like a flag and is none is refused, where `sops` warns and goes on without it:
 * a misspelt `--encrypted-regex` would decide what stays in clear.
 *
 * @param warn - Told of words and flags that have no effect.
 * @throws KsealError with the status of `sops` for the same mistake.
 */
export function parseSopsArgs(
  args: readonly string[],
  env: Environment,
  warn: (text: string) => void = () => {},
): SopsInvocation {
  if (args.at(-1) === completionFlag) return completions(args.slice(0, -1));
  const root = takeFlags(args, rootFlags, { atOperand: "stop", unknownBehindOperand: "error" });
  const asked = new FlagValues(rootFlags, root.occurrences, env);
  if (asked.isOn("help")) return help("");
  if (asked.isOn("version")) return { command: "version" };
  const [name = "", ...rest] = root.operands;
  if (name === "help" || name === "h") return helpCommand(rest, "");
  if (name === "groups" || name === "completion")
    return subcommandOf(name, { before: root, rest, env, warn });
  if (isCommand(name)) return runCommand(name, { before: root, rest, env, warn });
  return legacy(root, { env, warn });
}

interface Rest {
  /** Flags in front of the command's name. */
  readonly before: FlagsAndOperands;
  readonly rest: readonly string[];
  readonly env: Environment;
  readonly warn: (text: string) => void;
}

function subcommandOf(group: "groups" | "completion", { before, rest, env, warn }: Rest): SopsInvocation {
  const below = nextWords(group).flatMap((word) =>
    isCommand(`${group} ${word}`) ? [`${group} ${word}` as const] : [],
  );
  const specs = uniqueFlags(below.flatMap((name) => (isCommand(name) ? commands[name].flags : [])));
  const between = takeFlags(rest, specs, { atOperand: "stop", unknownBehindOperand: "error" });
  const [name, ...after] = between.operands;
  if (name === undefined || new FlagValues(specs, between.occurrences, {}).isOn("help")) return help(group);
  if (name === "help" || name === "h") return helpCommand(after, group);
  const command = `${group} ${name}`;
  if (!isCommand(command)) throw noTopic(name);
  const flags = {
    occurrences: [...before.occurrences, ...between.occurrences],
    operands: [],
    isEnded: false,
  };
  return runCommand(command, { before: flags, rest: after, env, warn });
}

function runCommand(
  name: Parameters<typeof readCommand>[0],
  { before, rest, env, warn }: Rest,
): SopsInvocation {
  const { flags, freeOperands } = commands[name];
  const after = takeFlags(rest, flags, {
    atOperand: "go-on",
    unknownBehindOperand: freeOperands ? "operand" : "error",
  });
  // The same flag may be declared for the command and for the legacy form; what counts is its name.
  const own = new Map(flags.map((spec) => [spec.names[0], spec]));
  const fromBefore = before.occurrences.flatMap((occurrence) => {
    const spec = own.get(occurrence.spec.names[0]);
    if (spec === undefined) warn(`--${occurrence.spec.names[0]} has no effect on ${name}`);
    return spec === undefined ? [] : [{ ...occurrence, spec }];
  });
  const values = new FlagValues(flags, [...fromBefore, ...after.occurrences], env);
  return values.isOn("help")
    ? help(name)
    : readCommand(name, { values, operands: after.operands, isLegacy: false, warn });
}

/** `sops -d file` and its like; without a mode the file is edited. */
function legacy(
  root: FlagsAndOperands,
  { env, warn }: { env: Environment; warn: (text: string) => void },
): SopsInvocation {
  const behind = root.isEnded
    ? { occurrences: [], operands: root.operands }
    : takeFlags(root.operands, rootFlags, { atOperand: "go-on", unknownBehindOperand: "error" });
  const values = new FlagValues(rootFlags, [...root.occurrences, ...behind.occurrences], env);
  if (values.isOn("help")) return help("");
  if (values.isOn("version")) return { command: "version" };
  const [file] = behind.operands;
  if (file === undefined) throw new KsealError("NO_FILE", "no file specified");
  if (values.isOn("in-place") && values.text("output") !== undefined) {
    throw new KsealError("USAGE", "cannot operate on both --output and --in-place");
  }
  // The order in which sops carries them out; each writes over what the one before it wrote.
  const modes = (["encrypt", "decrypt", "rotate"] as const).filter((mode) => values.isOn(mode));
  const set = values.text("set");
  if (modes.length + (set === undefined ? 0 : 1) > 1) {
    warn("more than one of --encrypt, --decrypt, --rotate and --set: only the last of them counts");
  }
  if (set === undefined)
    return readCommand(modes.at(-1) ?? "edit", {
      values,
      operands: behind.operands,
      isLegacy: true,
      warn,
    });
  const [, path, json] = /^([\s\S]*?\]) ([\s\S]*)$/.exec(set) ?? [];
  if (path === undefined || json === undefined) {
    throw new KsealError("SET_INVALID", "invalid --set format", { hint: `write --set '["key"] "value"'` });
  }
  return readCommand("set", { values, operands: [file, path, json], isLegacy: true, warn });
}

function completions(args: readonly string[]): SopsInvocation {
  const words = args.filter((word) => !word.startsWith("-"));
  const topic = words.slice(0, 2).find((_, index) => isCommand(words.slice(0, index + 1).join(" ")));
  const names =
    topic === undefined ? nextWords(words[0] === "groups" || words[0] === "completion" ? words[0] : "") : [];
  return { command: "print", text: names.map((name) => `${name}\n`).join("") };
}

function helpCommand(rest: readonly string[], group: string): SopsInvocation {
  const { operands } = takeFlags(rest, [helpFlag], { atOperand: "go-on", unknownBehindOperand: "operand" });
  const topic = [group, operands[0] ?? ""].filter((word) => word !== "").join(" ");
  if (helpText(topic) === undefined) throw noTopic(operands[0] ?? "");
  return help(topic);
}

function help(topic: string): SopsInvocation {
  return { command: "print", text: helpText(topic) ?? "" };
}

function noTopic(name: string): SopsArgsError {
  return new SopsArgsError(`no help topic for ${JSON.stringify(name)}`, { status: 3 });
}

function uniqueFlags(specs: readonly FlagSpec[]): readonly FlagSpec[] {
  return [...new Map(specs.map((spec) => [spec.names[0], spec])).values()];
}
