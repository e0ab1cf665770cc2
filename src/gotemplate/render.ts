import type { Execution } from "./execution.ts";
import { parseTemplate } from "./parser.ts";
import { GoError, type GoFunction, type GoValue, type World } from "./value.ts";
import { walk } from "./walk.ts";

/**
 * Renders a template of Go's `text/template` with the default handling of missing keys.
 *
 * @param name - In a SealedSecret the key of the entry; error messages begin with it.
 * @param data - What `.` and `$` are.
 * @param functions - Besides Go's own, which they may replace.
 * @param world - Time and randomness of the functions, and the bounds: a loop, a recursion or a flood of text ends in an
 * error when one of them is reached.
 * @returns The output, in which a byte that is no UTF-8 stands as go-string.ts says.
 * @throws {GoError} with Go's whole text: `template: NAME:LINE: ...` when the text does not parse,
 * `template: NAME:LINE:COLUMN: executing "NAME" at <...>: ...` when it fails.
 */
export function renderTemplate(
  name: string,
  text: string,
  data: GoValue,
  functions: ReadonlyMap<string, GoFunction>,
  world: World,
): string {
  const templates = parseTemplate(name, text, functions);
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
