import { quote } from "../../gotemplate/quote.ts";
import { type FlagValue, isTrue, readFlagValue } from "./kubeseal-flag-value.ts";
import type { PflagSpec } from "./kubeseal-flags.ts";

/** A command line that `pflag` refuses: its words, which go to standard output behind the list of flags. */
export class PflagError extends Error {
  override readonly name: string = "PflagError";
}

/** What flags, operands and variables say together. */
export class PflagValues {
  readonly #values: ReadonlyMap<string, readonly string[]>;
  readonly operands: readonly string[];
  /** Said while reading: flags that are deprecated. */
  readonly notes: readonly string[];
  /** `-h`, which is no flag: it asks for the list of flags. */
  readonly asksForUsage: boolean;

  constructor(state: {
    readonly values: ReadonlyMap<string, readonly string[]>;
    readonly operands: readonly string[];
    readonly notes: readonly string[];
    readonly asksForUsage: boolean;
  }) {
    this.#values = state.values;
    this.operands = state.operands;
    this.notes = state.notes;
    this.asksForUsage = state.asksForUsage;
  }

  /** The value of a flag, given on the command line or by its variable; `undefined` when neither is there. */
  text(name: string): string | undefined {
    return this.#values.get(name)?.at(-1);
  }

  isOn(name: string): boolean {
    return isTrue(this.text(name) ?? "");
  }

  list(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }
}

/**
 * Reads flags as Go's package `pflag` does: `--name=value` or `--name value`, `-nvalue`, `-n value`, joined short flags,
 * switches with `=true` or `=false`, flags and operands in any order, `--` ends them.
 *
 * @param environment - Variables that stand in for flags; what they hold and the flag refuses counts for nothing.
 * @param prefix - Of these variables.
 * @throws PflagError at the first mistake.
 */
export function parsePflags(
  args: readonly string[],
  specs: readonly PflagSpec[],
  { environment, prefix }: { environment: Readonly<Record<string, string | undefined>>; prefix: string },
): PflagValues {
  const parser = new Parser(specs);
  for (const spec of specs) {
    const value = environment[`${prefix}_${spec.name.toUpperCase().replaceAll("-", "_")}`];
    if (value !== undefined && spec.noVariable === undefined)
      parser.take(spec, readFlagValue(spec.kind, value));
  }
  return parser.parse(args);
}

class Parser {
  readonly #specs: readonly PflagSpec[];
  readonly #values = new Map<string, readonly string[]>();
  readonly #operands: string[] = [];
  readonly #notes: string[] = [];
  #asksForUsage = false;
  #rest: string[] = [];

  constructor(specs: readonly PflagSpec[]) {
    this.#specs = specs;
  }

  /** Notes a value. A list grows, also that of a variable. @returns Why the flag refuses it. */
  take(spec: PflagSpec, value: FlagValue): string | undefined {
    if ("refused" in value) return value.refused;
    const isList = spec.kind === "strings" || spec.kind === "stringArray";
    this.#values.set(
      spec.name,
      isList ? [...(this.#values.get(spec.name) ?? []), ...value.words] : value.words,
    );
    return undefined;
  }

  parse(args: readonly string[]): PflagValues {
    this.#rest = [...args];
    while (!this.#asksForUsage) {
      const word = this.#rest.shift();
      if (word === undefined) break;
      if (!word.startsWith("-") || word === "-") this.#operands.push(word);
      else if (word === "--") this.#operands.push(...this.#rest.splice(0));
      else if (word.startsWith("--")) this.#long(word);
      else this.#short(word.slice(1));
    }
    return new PflagValues({
      values: this.#values,
      operands: this.#operands,
      notes: this.#notes,
      asksForUsage: this.#asksForUsage,
    });
  }

  #long(word: string): void {
    const [, name = "", inline] = /^--([^=]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
    if (name === "" || name.startsWith("-")) throw new PflagError(`bad flag syntax: ${word}`);
    const spec = this.#specs.find((one) => one.name === name);
    if (spec === undefined) throw new PflagError(`unknown flag: --${name}`);
    const value = inline ?? (isSwitch(spec) ? "true" : this.#rest.shift());
    if (value === undefined) throw new PflagError(`flag needs an argument: --${name}`);
    this.#set(spec, value);
  }

  #short(joined: string): void {
    // Words of `go test`, which pflag lets pass.
    if (joined.startsWith("test.")) return;
    for (let letters = joined; letters !== ""; ) {
      const letter = firstByte(letters);
      const spec = this.#specs.find(({ shorthand }) => shorthand === letter);
      if (spec === undefined) {
        if (letter !== "h") {
          throw new PflagError(`unknown shorthand flag: ${quote(letter, { mark: "'" })} in -${letters}`);
        }
        this.#asksForUsage = true;
        return;
      }
      const behind = letters.slice(1);
      letters = "";
      if (behind.length > 1 && behind.startsWith("=")) this.#set(spec, behind.slice(1));
      else if (isSwitch(spec)) {
        this.#set(spec, "true");
        letters = behind;
      } else if (behind !== "") this.#set(spec, behind);
      else {
        const value = this.#rest.shift();
        if (value === undefined) throw new PflagError(`flag needs an argument: '${letter}' in -${letter}`);
        this.#set(spec, value);
      }
    }
  }

  #set(spec: PflagSpec, value: string): void {
    const refused = this.take(spec, readFlagValue(spec.kind, value));
    if (refused !== undefined) {
      const name = spec.shorthand === undefined ? `--${spec.name}` : `-${spec.shorthand}, --${spec.name}`;
      throw new PflagError(`invalid argument ${quote(value)} for "${name}" flag: ${refused}`);
    }
    if (spec.deprecated !== undefined) {
      this.#notes.push(`Flag --${spec.name} has been deprecated, ${spec.deprecated}\n`);
    }
  }
}

function isSwitch({ kind }: PflagSpec): boolean {
  return kind === "bool" || kind === "goBool";
}

/** Go looks at bytes, and shows one as the character with its number. */
function firstByte(text: string): string {
  return String.fromCharCode(new TextEncoder().encode(text.slice(0, 2))[0] ?? 0);
}
