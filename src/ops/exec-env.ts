import type { Environment } from "../core/ports.ts";
import type { MapNode } from "../core/tree.ts";
import { printTreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import { spellScalar } from "../formats/scalar-spelling.ts";
import { type CommandOptions, commandLine, inForeground } from "./command-line.ts";
import type { OpContext } from "./context.ts";
import { openText, readText } from "./load-file.ts";
import { selectOne } from "./select-files.ts";

export interface ExecEnvOptions extends CommandOptions {
  /** Gives the command the file's values and nothing else. */
  readonly pristine?: boolean | undefined;
  /** The command takes over kseal's own process. */
  readonly sameProcess?: boolean | undefined;
}

/**
 * Runs a command with the top-level values of a file's first document in its environment.
 *
 * @returns The command's exit status; 128 + signal number when a signal ended it.
 * @throws KsealError `FORMAT_CANNOT_HOLD` naming a key that cannot be a variable or has no scalar as its value.
 */
export async function execEnv(options: ExecEnvOptions, context: OpContext): Promise<number> {
  const { host } = context;
  const line = commandLine(options.command, host);
  const text = await readText(await selectOne(options.path, context), {}, context);
  const opened = await openText(text, options, context);
  const [document] = opened.plain.branches;
  const env = { ...(options.pristine ? {} : host.env), ...variablesOf(document, opened.file) };
  const run = inForeground(line, { env, user: options.user });
  return options.sameProcess ? host.become(line.words, run) : (await host.exec(line.words, run)).status;
}

const topLevelHint =
  "the values at the top level of the first document become variables; for other files there is kseal exec-file";

function variablesOf(document: MapNode | undefined, file: string): Environment {
  const variables = new Map<string, string>();
  for (const item of document?.items ?? []) {
    if (item.kind !== "entry") continue;
    const { key, value } = item;
    try {
      // Before the name: a mapping is the likelier mistake.
      const text = spellScalar(value, { format: "the environment", path: [key] });
      if (key === "" || /[=\0]/.test(key)) throw cannotBe("a name with = or NUL, or without a letter", key);
      if (text.includes("\0")) throw cannotBe("a value with a NUL", key);
      variables.set(key, text);
    } catch (error) {
      throw error instanceof KsealError ? error.at({ file }, topLevelHint) : error;
    }
  }
  return Object.fromEntries(variables);
}

function cannotBe(what: string, key: string): KsealError {
  return new KsealError("FORMAT_CANNOT_HOLD", `the environment has no place for ${what}`, {
    where: { path: printTreePath([key]) },
  });
}
