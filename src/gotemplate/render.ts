import type { Execution } from "./execution.ts";
import { parseTemplate, type Templates } from "./parser.ts";
import { GoError, type GoFunction, type GoValue, type World } from "./value.ts";
import { walk } from "./walk.ts";

/** A template that has been parsed, to be rendered any number of times. */
export interface ParsedTemplate {
  readonly name: string;
  readonly text: string;
  readonly templates: Templates;
  readonly functions: ReadonlyMap<string, GoFunction>;
}

/**
 * Parses a template of Go's `text/template`.
 *
 * @param name - In a SealedSecret the key of the entry; error messages begin with it.
 * @param functions - Besides Go's own, which they may replace.
 * @throws {GoError} with Go's whole text: `template: NAME:LINE: ...`.
 */
export function readTemplate(
  name: string,
  text: string,
  functions: ReadonlyMap<string, GoFunction>,
): ParsedTemplate {
  return { name, text, templates: parseTemplate(name, text, functions), functions };
}

/**
 * Executes a template with the default handling of missing keys.
 *
 * @param data - What `.` and `$` are.
 * @param world - Time and randomness of the functions, and the bounds: a loop, a recursion or a flood of text ends in an
 * error when one of them is reached.
 * @returns The output, in which a byte that is no UTF-8 stands as go-string.ts says.
 * @throws {GoError} with Go's whole text: `template: NAME:LINE:COLUMN: executing "NAME" at <...>: ...`.
 */
export function executeTemplate(parsed: ParsedTemplate, data: GoValue, world: World): string {
  const { name, text, templates, functions } = parsed;
  const execution: Execution = { name, text, templates, functions, world, output: [], written: 0 };
  const template = templates.get(name) ?? { kind: "list", at: 0, nodes: [] };
  const variables = [{ name: "$", value: data }];
  try {
    walk({ execution, name, depth: 0, variables, node: template }, data, template);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // Our own stack ended before the limit did.
    throw new GoError(`template: ${name}: exceeded maximum template depth (${world.limits.depth})`);
  }
  return execution.output.join("");
}

/** Parses a template and executes it once: see {@link readTemplate} and {@link executeTemplate}. */
export function renderTemplate(
  name: string,
  text: string,
  data: GoValue,
  functions: ReadonlyMap<string, GoFunction>,
  world: World,
): string {
  return executeTemplate(readTemplate(name, text, functions), data, world);
}
