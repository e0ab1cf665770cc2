import { KsealError } from "../src/errors.ts";

/** Reads the text of a flag. @throws Error whose message says what is wrong with it: `is no number`. */
export type ReadFlag<T> = (text: string) => T;

/** One flag: `--key-size 2048`, `--key-size=2048`, or its variable `SEALED_SECRETS_KEY_SIZE`. */
export interface Flag<T> {
  readonly name: string;
  readonly standard: T;
  readonly read: ReadFlag<T>;
  /** May stand without a value: `--dry-run`. */
  readonly isSwitch?: boolean;
  /** An older name that still counts. */
  readonly alias?: string;
}

/** What was given, by name of flag, with where it stood, for messages. */
type Given = ReadonlyMap<string, { readonly text: string; readonly origin: string }>;

/** Values of flags that were given, or their standards. */
export interface FlagValues {
  get<T>(flag: Flag<T>): T;
}

/** Flags of the logging library that older controllers had: taken and ignored, so that a Deployment goes on starting. */
const ignored = [
  "add_dir_header",
  "alsologtostderr",
  "log_backtrace_at",
  "log_dir",
  "log_file",
  "log_file_max_size",
  "logtostderr",
  "one_output",
  "skip_headers",
  "skip_log_headers",
  "stderrthreshold",
  "v",
  "vmodule",
];

/**
 * Reads flags, then variables; a flag wins. A value that does not fit is an error wherever it stands, where upstream
 * ignores variables that it cannot read.
 *
 * @param arguments_ - Without the program.
 * @throws KsealError `USAGE` with one line that names everything that is wrong.
 */
export function parseFlags(
  flags: readonly Flag<unknown>[],
  arguments_: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): FlagValues {
  const problems: string[] = [];
  const given = new Map([
    ...fromEnvironment(flags, environment),
    ...fromArguments(flags, arguments_, problems),
  ]);
  const values = new Map<string, unknown>();
  for (const flag of flags) {
    const found = given.get(flag.name);
    if (found === undefined) continue;
    try {
      values.set(flag.name, flag.read(found.text));
    } catch (error) {
      problems.push(`${found.origin} ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  refuse(problems);
  return {
    get: <T>(flag: Flag<T>) => (values.has(flag.name) ? (values.get(flag.name) as T) : flag.standard),
  };
}

/** Ends with one line when anything is wrong. @throws KsealError `USAGE` */
export function refuse(problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new KsealError("USAGE", problems.join("; "), { hint: "docs/operations.md lists the flags" });
}

function fromEnvironment(
  flags: readonly Flag<unknown>[],
  environment: Readonly<Record<string, string | undefined>>,
): Given {
  const given = new Map<string, { text: string; origin: string }>();
  for (const flag of flags) {
    for (const name of [flag.alias, flag.name]) {
      const variable = name && `SEALED_SECRETS_${name.toUpperCase().replaceAll("-", "_")}`;
      const text = variable && environment[variable];
      if (text === undefined || variable === undefined) continue;
      // An empty variable in a manifest is one that nobody filled in.
      if (text !== "" || typeof flag.standard === "string") given.set(flag.name, { text, origin: variable });
    }
  }
  return given;
}

function fromArguments(
  flags: readonly Flag<unknown>[],
  arguments_: readonly string[],
  problems: string[],
): Given {
  const given = new Map<string, { text: string; origin: string }>();
  const rest = [...arguments_];
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const [, name = "", value] = /^--?([^=]+)(?:=(.*))?$/s.exec(argument) ?? [];
    const flag = flags.find((flag) => flag.name === name || flag.alias === name);
    if (flag !== undefined) {
      const text = value ?? (flag.isSwitch === true ? "true" : rest.shift());
      if (text === undefined) problems.push(`--${name} needs a value`);
      else given.set(flag.name, { text, origin: `--${name}` });
    } else if (ignored.includes(name)) {
      if (value === undefined && rest[0]?.startsWith("-") === false) rest.shift();
    } else if (name === "") problems.push(`${JSON.stringify(argument)} is no flag`);
    else problems.push(`unknown flag: --${name}`);
  }
  return given;
}
