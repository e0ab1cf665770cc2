import type { CommandSpec, OptionSpec } from "./command.ts";
import { readFlags } from "./option-flags.ts";

/** The command line of one command, understood. */
export interface ParsedCall {
  readonly args: readonly string[];
  /** By commander's camel-case names. */
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * Reads the command line of a command when nothing about it is in doubt.
 *
 * Loading commander takes longer than decrypting a file, and `parseArgs` of Node half as long, so commander is kept
 * for help, for mistakes and for what may be one. A test holds the two against each other.
 *
 * @param words - What follows the command's name.
 * @returns `undefined` when commander shall have a look.
 */
export function quickParse(
  spec: CommandSpec,
  options: readonly OptionSpec[],
  words: readonly string[],
): ParsedCall | undefined {
  const flags = options.map(flagOf);
  const args: string[] = [];
  const queue = words.values();
  for (const word of queue) {
    if (word === "--") {
      args.push(...queue);
      break;
    }
    if (word === "-" || !word.startsWith("-")) args.push(word);
    else if (!takeFlag(word, flags, queue)) return undefined;
  }
  if (!fitsArguments(spec.arguments, args.length)) return undefined;
  return { args, options: Object.fromEntries(flags.flatMap(entryOf)) };
}

interface Flag {
  readonly short: string | undefined;
  readonly long: string;
  readonly takesValue: boolean;
  readonly repeatable: boolean;
  readonly choices: readonly string[] | undefined;
  /** What the command line gave, in order; for a switch its own name. */
  readonly given: string[];
}

function flagOf({ flags, repeatable = false, choices }: OptionSpec): Flag {
  const { short, long, value } = readFlags(flags);
  return { short, long, takesValue: value !== undefined, repeatable, choices, given: [] };
}

/** Notes a flag with its value. `false` when anything about it may be a mistake. */
function takeFlag(word: string, flags: readonly Flag[], queue: Iterator<string, undefined>): boolean {
  const end = word.indexOf("=");
  const name = end < 0 ? word : word.slice(0, end);
  const flag = flags.find(({ short, long }) => name === `--${long}` || (word === short && end < 0));
  if (flag === undefined) return false;
  if (!flag.takesValue) return end < 0 && flag.given.push(name) === 1;
  const next = end < 0 ? queue.next().value : word.slice(end + 1);
  // What looks like a flag is one that lost its place.
  if (next === undefined || (end < 0 && next.startsWith("-") && next !== "-")) return false;
  if (flag.choices?.includes(next) === false) return false;
  return flag.given.push(next) === 1 || flag.repeatable;
}

function entryOf({ long, takesValue, repeatable, given }: Flag): [string, unknown][] {
  // commander's notation for a switch that is on unless it is taken off.
  if (long.startsWith("no-")) return [[camelCase(long.slice(3)), given.length === 0]];
  if (given.length === 0) return [];
  return [[camelCase(long), takesValue ? (repeatable ? given : given[0]) : true]];
}

// `<file> <path>` needs two, `[files...]` takes any number, `<file> <command...>` two or more.
function fitsArguments(notation: string, count: number): boolean {
  const parts = notation.split(" ").filter((part) => part !== "");
  const needed = parts.filter((part) => part.startsWith("<")).length;
  const open = parts.some((part) => part.includes("..."));
  return count >= needed && (open || count <= parts.length);
}

function camelCase(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
