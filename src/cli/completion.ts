import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import type { CommandSpec, OptionSpec } from "./command.ts";
import { commandTable, optionsOf } from "./command-table.ts";
import { readFlags } from "./option-flags.ts";

/** A word that may stand where the user is typing. */
interface Candidate {
  readonly value: string;
  readonly about?: string;
}

/** What may follow, and what the shell adds to it of its own. The numbers are those of cobra. */
interface Completion {
  readonly candidates: readonly Candidate[];
  readonly directive: (typeof directives)[keyof typeof directives];
}

const directives = { files: 0, nothingElse: 4, folders: 16 } as const;

/** Words that are no command of the table: they have command lines of their own. */
const dropIns: readonly Candidate[] = [
  { value: "sops", about: "the command line of sops" },
  { value: "kubeseal", about: "the command line of kubeseal" },
  { value: "ksops", about: "the command line of ksops" },
];

const help: Candidate = { value: "help", about: "show help for a command" };

/**
 * Prints what may stand in the place of the last word, as programs built with cobra do, so that `kubectl` understands
 * it as well: a candidate a line, a tab and what it means; then a colon and a number that says what the shell adds.
 *
 * @param words - What was typed behind `kseal`, up to and including the word at the cursor, which may be empty.
 * @returns The exit status, which is always 0: a shell that completes has no use for an error.
 */
export async function printCompletions(words: readonly string[], host: Host): Promise<number> {
  const { candidates, directive } = await complete(words, host);
  const lines = candidates.map(({ value, about }) => (about === undefined ? value : `${value}\t${about}`));
  await host.writeStdout([...lines, `:${directive}\n`].join("\n"));
  return 0;
}

async function complete(words: readonly string[], host: Host): Promise<Completion> {
  // Old PowerShells drop empty arguments; the script gives them quotes then.
  const typed = words.at(-1) === '""' ? "" : (words.at(-1) ?? "");
  const [name, ...before] = words.slice(0, -1);
  if (name === undefined) return fitting([...commandNames(), help, ...dropIns, ...programFlags], typed);
  if (name === "help") return before.length > 0 ? nothing : fitting(commandNames(), typed);
  const spec = commandTable.find((one) => one.name === name);
  if (spec === undefined) return { candidates: [], directive: directives.files };
  return completeCommand(spec, before, typed, host);
}

async function completeCommand(
  spec: CommandSpec,
  before: readonly string[],
  typed: string,
  host: Host,
): Promise<Completion> {
  const options = optionsOf(spec);
  const { given, waiting, args, isClosed } = readWords(before, options);
  if (waiting !== undefined) return valuesOf(waiting, typed, { given, host });
  const [, flag, value] = isClosed ? [] : (/^(--[\w-]+)=(.*)$/s.exec(typed) ?? []);
  const assigned = options.find((option) => `--${readFlags(option.flags).long}` === flag);
  if (assigned !== undefined) return valuesOf(assigned, value ?? "", { given, host });
  if (typed.startsWith("-") && !isClosed) return fitting(flagsLeft(options, given), typed);
  return argumentAt(spec, args, typed);
}

interface ReadWords {
  /** The values of the flags so far, by the long names. */
  readonly given: ReadonlyMap<string, string>;
  /** The option whose value comes next. */
  readonly waiting: OptionSpec | undefined;
  /** How many positional arguments there are. */
  readonly args: number;
  /** Whether `--` has ended the flags. */
  readonly isClosed: boolean;
}

function readWords(words: readonly string[], options: readonly OptionSpec[]): ReadWords {
  const given = new Map<string, string>();
  let waiting: OptionSpec | undefined;
  let args = 0;
  let isClosed = false;
  for (const word of words) {
    if (waiting !== undefined) {
      given.set(readFlags(waiting.flags).long, word);
      waiting = undefined;
    } else if (isClosed || !word.startsWith("-") || word === "-") args += 1;
    else if (word === "--") isClosed = true;
    else {
      const [flag = "", value] = word.split("=", 2);
      const option = options.find(({ flags }) => isCalled(flags, flag));
      if (option === undefined) continue;
      given.set(readFlags(option.flags).long, value ?? "");
      if (value === undefined && readFlags(option.flags).value !== undefined) waiting = option;
    }
  }
  return { given, waiting, args, isClosed };
}

function isCalled(flags: string, word: string): boolean {
  const { short, long } = readFlags(flags);
  return word === `--${long}` || word === short;
}

function flagsLeft(options: readonly OptionSpec[], given: ReadonlyMap<string, string>): readonly Candidate[] {
  const left = options.filter(({ flags, repeatable }) => repeatable || !given.has(readFlags(flags).long));
  return [
    ...left.map(({ flags, summary }) => ({ value: `--${readFlags(flags).long}`, about: summary })),
    { value: "--help", about: "display help for command" },
  ];
}

const folders = ["folder", "dir"];
const files = ["file", "path", "place"];

async function valuesOf(
  { flags, choices }: OptionSpec,
  typed: string,
  { given, host }: { readonly given: ReadonlyMap<string, string>; readonly host: Host },
): Promise<Completion> {
  if (choices !== undefined)
    return fitting(
      choices.map((value) => ({ value })),
      typed,
    );
  const { long, value = "" } = readFlags(flags);
  if (long === "context") return fitting(await contextNames(given.get("kubeconfig"), host), typed);
  if (folders.includes(value)) return { candidates: [], directive: directives.folders };
  return files.includes(value) ? { candidates: [], directive: directives.files } : nothing;
}

/** The contexts of the kubeconfig, if it can be read; what is wrong with it is said by the command. */
async function contextNames(kubeconfig: string | undefined, host: Host): Promise<readonly Candidate[]> {
  // Loaded when needed: nothing else here needs to read YAML.
  const { loadKubeconfig } = await import("../kube/kubeconfig.ts");
  try {
    const { contexts } = await loadKubeconfig(host, kubeconfig);
    return [...contexts].map(([value, { cluster }]) => ({ value, about: `cluster ${cluster}` }));
  } catch (error) {
    if (error instanceof KsealError) return [];
    throw error;
  }
}

/** What the positional argument with this number may be, counted from 0. */
function argumentAt(spec: CommandSpec, index: number, typed: string): Completion {
  const parts = spec.arguments.split(" ").filter((part) => part !== "");
  const last = parts.at(-1);
  const part = parts[index] ?? (last?.includes("...") ? last : undefined);
  if (part === undefined) return nothing;
  const listed = part.includes("|") ? part.slice(1, -1).split("|") : undefined;
  const words = listed ?? (index === 0 ? spec.words : undefined);
  if (words !== undefined)
    return fitting(
      words.map((value) => ({ value })),
      typed,
    );
  const name = part.replaceAll(/[<>[\].]/g, "");
  const isFile = ["file", "files", "place", "names", "command", "folder"].includes(name);
  return isFile ? { candidates: [], directive: directives.files } : nothing;
}

function commandNames(): readonly Candidate[] {
  return commandTable.map(({ name, summary }) => ({ value: name, about: summary }));
}

const programFlags: readonly Candidate[] = [
  { value: "--version", about: "output the version number" },
  { value: "--help", about: "display help for command" },
];

const nothing: Completion = { candidates: [], directive: directives.nothingElse };

/** Flags are offered only to who begins one. */
function fitting(candidates: readonly Candidate[], typed: string): Completion {
  return {
    candidates: candidates.filter(
      ({ value }) => value.startsWith(typed) && (typed !== "" || !value.startsWith("-")),
    ),
    directive: directives.nothingElse,
  };
}
