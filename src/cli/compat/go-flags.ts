import { SopsArgsError } from "./sops-args-error.ts";

/** A flag as `sops` declares it. */
export interface FlagSpec {
  /** Its long name, then other names. */
  readonly names: readonly [string, ...string[]];
  readonly kind: "text" | "switch" | "number" | "list";
  /** The variable that stands in for the flag. */
  readonly env?: string;
  /** A switch that is on until it is turned off. */
  readonly startsOn?: true;
  readonly summary: string;
}

/** A flag on the command line. */
interface Occurrence {
  readonly spec: FlagSpec;
  /** The name that was used. */
  readonly form: string;
  readonly value: string;
}

/** Flags and operands of a command line, apart. */
export interface FlagsAndOperands {
  readonly occurrences: readonly Occurrence[];
  readonly operands: readonly string[];
  /** Whether `--` said that all the rest are operands. */
  readonly isEnded: boolean;
}

export interface TakeOptions {
  /** `stop` leaves everything from the first operand on untouched: the rest belongs to a subcommand. */
  readonly atOperand: "stop" | "go-on";
  /** What a word is that looks like a flag, is none, and stands behind an operand: `set file '["a"]' -5`. */
  readonly unknownBehindOperand: "operand" | "error";
}

/**
 * Reads flags as Go's package `flag` does: one dash or two, `--name=value` or `--name value`, a value even when it
 * starts with a dash, switches with `=true` or `=false`, no joined short flags, `--` ends them. Other than in Go they
 * may stand in any position (sops.md D29).
 *
 * @throws SopsArgsError with Go's words and status 1.
 */
export function takeFlags(
  args: readonly string[],
  specs: readonly FlagSpec[],
  { atOperand, unknownBehindOperand }: TakeOptions,
): FlagsAndOperands {
  const occurrences: Occurrence[] = [];
  const operands: string[] = [];
  let isEnded = false;
  let next = 0;
  while (next < args.length) {
    const word = args[next] ?? "";
    if (word === "--") {
      operands.push(...args.slice(next + 1));
      isEnded = true;
      break;
    }
    const known = findFlag(word, specs);
    if (known !== undefined) {
      const { occurrence, words } = readFlag(known, args[next + 1]);
      occurrences.push(occurrence);
      next += words;
      continue;
    }
    const mayBeOperand = operands.length > 0 && unknownBehindOperand === "operand";
    if (looksLikeFlag(word) && !mayBeOperand) {
      throw new SopsArgsError(`flag provided but not defined: -${splitFlag(word).form}`, { status: 1 });
    }
    if (atOperand === "stop") {
      operands.push(...args.slice(next));
      break;
    }
    operands.push(word);
    next++;
  }
  checkForms(occurrences);
  return { occurrences, operands, isEnded };
}

/** What the flags of a command line and the environment say together. An empty text counts as none, as in `sops`. */
export class FlagValues {
  readonly #occurrences: readonly Occurrence[];
  readonly #specs: readonly FlagSpec[];
  readonly #env: Readonly<Record<string, string | undefined>>;

  /** @throws SopsArgsError when a variable holds no truth value where one is needed. */
  constructor(
    specs: readonly FlagSpec[],
    occurrences: readonly Occurrence[],
    env: Readonly<Record<string, string | undefined>>,
  ) {
    this.#specs = specs;
    this.#occurrences = occurrences;
    this.#env = env;
    for (const { names, kind, env: variable } of specs) {
      const value = variable === undefined ? undefined : env[variable];
      if (kind !== "switch" || !value || truthOf(value) !== undefined) continue;
      throw new SopsArgsError(`could not parse ${variable} as bool value for flag ${names[0]}`, {
        status: 1,
      });
    }
  }

  text(name: string): string | undefined {
    return (this.#typed(name).at(-1) ?? this.#fromEnvironment(name)) || undefined;
  }

  /** The items of a flag that holds several, by commas or by being repeated. */
  items(name: string): readonly string[] {
    const typed = this.#typed(name);
    const isList = this.#specs.find(({ names }) => names[0] === name)?.kind === "list";
    const texts = typed.length === 0 ? [this.#fromEnvironment(name) ?? ""] : isList ? typed : typed.slice(-1);
    return texts
      .flatMap((text) => text.split(","))
      .map((item) => item.trim())
      .filter((item) => item !== "");
  }

  isOn(name: string): boolean {
    const fromEnvironment = this.#fromEnvironment(name);
    const typed = this.#typed(name).at(-1);
    if (typed !== undefined) return truthOf(typed) === true;
    if (fromEnvironment !== undefined) return truthOf(fromEnvironment) === true;
    return this.#specs.some(({ names, startsOn }) => names[0] === name && startsOn);
  }

  /** A whole number; `undefined` for 0, which stands for "not given" everywhere in `sops` but in `--indent`. */
  number(name: string): number | undefined {
    return Number(this.digits(name) ?? 0) || undefined;
  }

  /** A whole number in decimal digits, 0 included. */
  digits(name: string): string | undefined {
    const number = wholeNumber(this.#typed(name).at(-1) ?? "");
    return typeof number === "number" ? String(number) : undefined;
  }

  /** How the user said it: `--kms`, or the variable. */
  origin(name: string): string {
    if (this.#typed(name).length > 0) return `--${name}`;
    return this.#specs.find(({ names }) => names[0] === name)?.env ?? `--${name}`;
  }

  #typed(name: string): readonly string[] {
    return this.#occurrences.filter(({ spec }) => spec.names[0] === name).map(({ value }) => value);
  }

  #fromEnvironment(name: string): string | undefined {
    const variable = this.#specs.find(({ names }) => names[0] === name)?.env;
    return variable === undefined ? undefined : this.#env[variable];
  }
}

interface KnownFlag {
  readonly spec: FlagSpec;
  readonly form: string;
  readonly inline: string | undefined;
}

function findFlag(word: string, specs: readonly FlagSpec[]): KnownFlag | undefined {
  if (!looksLikeFlag(word)) return undefined;
  const { form, inline } = splitFlag(word);
  if (form === "" || form.startsWith("-")) {
    throw new SopsArgsError(`bad flag syntax: ${word}`, { status: 1 });
  }
  const spec = specs.find(({ names }) => names.includes(form));
  return spec && { spec, form, inline };
}

function readFlag(
  { spec, form, inline }: KnownFlag,
  following: string | undefined,
): { occurrence: Occurrence; words: number } {
  const takesNext = inline === undefined && spec.kind !== "switch";
  const value = inline ?? (takesNext ? following : "true");
  if (value === undefined) throw new SopsArgsError(`flag needs an argument: -${form}`, { status: 1 });
  checkValue(value, { spec, form });
  return { occurrence: { spec, form, value }, words: takesNext ? 2 : 1 };
}

function looksLikeFlag(word: string): boolean {
  return word.startsWith("-") && word !== "-";
}

function splitFlag(word: string): { form: string; inline: string | undefined } {
  const [, form = "", inline] = /^--?([^=]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
  return { form, inline };
}

function checkValue(value: string, { spec, form }: { spec: FlagSpec; form: string }): void {
  if (spec.kind === "switch" && truthOf(value) === undefined) {
    throw new SopsArgsError(`invalid boolean value ${JSON.stringify(value)} for -${form}: parse error`, {
      status: 1,
    });
  }
  if (spec.kind === "number") {
    const number = wholeNumber(value);
    if (typeof number === "number") return;
    const reason = number === "too-large" ? "value out of range" : "parse error";
    throw new SopsArgsError(`invalid value ${JSON.stringify(value)} for flag -${form}: ${reason}`, {
      status: 1,
    });
  }
}

function checkForms(occurrences: readonly Occurrence[]): void {
  for (const { spec, form } of occurrences) {
    const other = occurrences.find((one) => one.spec === spec && one.form !== form);
    if (other === undefined) continue;
    const [first, second] = [form, other.form].sort((a, b) => spec.names.indexOf(a) - spec.names.indexOf(b));
    throw new SopsArgsError(`Cannot use two forms of the same flag: ${second} ${first}`, { status: 1 });
  }
}

// The words of Go's strconv.ParseBool.
function truthOf(word: string): boolean | undefined {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(word)) return true;
  return ["0", "f", "F", "false", "FALSE", "False"].includes(word) ? false : undefined;
}

/** A number as Go reads it with base 0: decimal, `0x`, `0b`, `0o`, and octal after a bare zero. */
function wholeNumber(word: string): number | "too-large" | undefined {
  const [, sign, prefix = "", digits = ""] =
    /^([-+]?)(0[xX]|0[bB]|0[oO]|0(?=[0-7]+$))?([0-9a-fA-F]+)$/.exec(word) ?? [];
  if (sign === undefined || (prefix === "" && !/^(0|[1-9][0-9]*)$/.test(digits))) return undefined;
  const spelling = (prefix === "0" ? "0o" : prefix.toLowerCase()) + digits;
  try {
    const magnitude = BigInt(spelling);
    if (magnitude > BigInt(Number.MAX_SAFE_INTEGER)) return "too-large";
    return sign === "-" ? -Number(magnitude) : Number(magnitude);
  } catch {
    return undefined;
  }
}
