import { byteLength } from "./go-string.ts";
import type { Reflected } from "./go-type.ts";
import { sourceOf, type TemplateNode } from "./node.ts";
import type { Templates } from "./parser.ts";
import { outputTooLong } from "./print-value.ts";
import { quote } from "./quote.ts";
import { GoError, type GoFunction, type World } from "./value.ts";

/** What all templates of one execution share. */
export interface Execution {
  /** Name of the text that was parsed. */
  readonly name: string;
  readonly text: string;
  readonly templates: Templates;
  readonly functions: ReadonlyMap<string, GoFunction>;
  readonly world: World;
  readonly output: string[];
  /** Characters of output so far. */
  written: number;
}

/** One template that is being executed. */
export interface Frame {
  readonly execution: Execution;
  /** The template's own name, of a `define` or `block` or the text's. */
  readonly name: string;
  /** Templates that called this one. */
  readonly depth: number;
  readonly variables: { readonly name: string; value: Reflected }[];
  /** What is being evaluated, for messages. */
  node: TemplateNode;
}

/** An error with Go's whole text, place included. */
class LocatedError extends GoError {}

/**
 * Ends the execution.
 *
 * @throws {GoError} `template: NAME:LINE:COLUMN: executing "TEMPLATE" at <NODE>: MESSAGE`, where the column counts bytes
 * from 0 as in Go.
 */
export function fail(frame: Frame, message: string): never {
  const { execution, node } = frame;
  const before = execution.text.slice(0, node.at);
  const column = byteLength(before.slice(before.lastIndexOf("\n") + 1));
  const line = before.split("\n").length;
  const place = `${execution.name}:${line}:${column}`;
  throw new LocatedError(
    `template: ${place}: executing ${quote(frame.name)} at <${sourceOf(node)}>: ${message}`,
  );
}

/** Runs what may throw an error without a place, and gives it this one. */
export function located<T>(frame: Frame, run: () => T, prefix = ""): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof GoError && !(error instanceof LocatedError)) fail(frame, prefix + error.message);
    throw error;
  }
}

/** Counts work, and text that was made. */
export function spend(frame: Frame, text = ""): void {
  located(frame, () => {
    const { world } = frame.execution;
    world.spend(1 + (text.length >> 8));
    if (text.length > world.limits.output) throw new GoError(outputTooLong(world.limits.output));
  });
}

/** Writes to the output of the template. */
export function write(frame: Frame, text: string): void {
  const { execution } = frame;
  spend(frame, text);
  execution.written += text.length;
  const { output } = execution.world.limits;
  if (execution.written > output) fail(frame, outputTooLong(output));
  execution.output.push(text);
}

/** The value of a variable, the innermost of its name. */
export function variableOf(frame: Frame, name: string): { value: Reflected } {
  return (
    frame.variables.findLast((known) => known.name === name) ?? fail(frame, `undefined variable: ${name}`)
  );
}
