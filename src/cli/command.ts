import type { Host } from "../core/ports.ts";
import type { OpContext } from "../ops/context.ts";
import type { Output } from "./output.ts";

/** One flag of a command, in commander's notation. */
export interface OptionSpec {
  readonly flags: string;
  readonly summary: string;
  readonly choices?: readonly string[];
  /** May be given several times; the values are collected. */
  readonly repeatable?: boolean;
  /** The heading in `--help` that it stands under; `Options` when left out. */
  readonly group?: string;
}

/** What the command table says of a command without loading it. */
export interface CommandSpec {
  readonly name: string;
  /** The positional arguments in commander's notation, e.g. `<file> <path>`. */
  readonly arguments: string;
  /** What the first argument can be, where the notation does not say it. For completion. */
  readonly words?: readonly string[];
  readonly summary: string;
  readonly options: readonly OptionSpec[];
  /** Real command lines, shown at the end of `--help`. */
  readonly examples: readonly string[];
  readonly load: () => Promise<{ readonly action: Action }>;
}

/** Runs a command and resolves to the exit status. */
export type Action = (input: CommandInput, cli: Cli) => Promise<number>;

interface CommandInput {
  readonly args: readonly string[];
  readonly options: OptionValues;
}

/** What an action works with: the machine, the voice, and the context of the operations. */
interface Cli {
  readonly host: Host;
  readonly output: Output;
  readonly context: () => Promise<OpContext>;
}

/** The flags of one call, read by their camel-case names. */
export class OptionValues {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === "string" ? value : undefined;
  }

  list(name: string): readonly string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
  }
}
