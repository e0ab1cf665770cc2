import { evaluatePipeline } from "./evaluate.ts";
import { type Frame, fail, located, spend, variableOf, write } from "./execution.ts";
import { elementOf, isTrue, type Reflected } from "./go-type.ts";
import type { Branch, List, Statement, TemplateCall } from "./node.ts";
import { sortedEntries, valueText } from "./print-value.ts";
import { quote } from "./quote.ts";
import type { GoValue } from "./value.ts";

/** How a list of statements ended: at its end, or at a `break` or `continue` of the loop around it. */
type Ending = "end" | "break" | "continue";

/** Executes statements and writes their output. */
export function walk(frame: Frame, dot: Reflected, list: List): Ending {
  frame.node = list;
  for (const statement of list.nodes) {
    const ending = walkStatement(frame, dot, statement);
    if (ending !== "end") return ending;
  }
  return "end";
}

function walkStatement(frame: Frame, dot: Reflected, node: Statement): Ending {
  frame.node = node;
  switch (node.kind) {
    case "text":
      write(frame, node.text);
      return "end";
    case "action": {
      const value = evaluatePipeline(frame, dot, node.pipeline);
      if (node.pipeline.variables.length === 0) {
        frame.node = node;
        write(frame, printed(frame, value));
      }
      return "end";
    }
    case "break":
    case "continue":
      return node.kind;
    case "if":
    case "with":
      return walkChoice(frame, dot, node);
    case "range":
      return walkRange(frame, dot, node);
    case "template":
      walkTemplate(frame, dot, node);
      return "end";
  }
}

/** A value as an action prints it. */
function printed(frame: Frame, value: GoValue): string {
  if (value.kind === "nil") return "<no value>";
  return located(frame, () => valueText(value, frame.execution.world));
}

function walkChoice(frame: Frame, dot: Reflected, node: Branch): Ending {
  const mark = frame.variables.length;
  const value = evaluatePipeline(frame, dot, node.pipeline);
  let ending: Ending = "end";
  if (isTrue(value)) ending = walk(frame, node.kind === "with" ? value : dot, node.body);
  else if (node.otherwise !== undefined) ending = walk(frame, dot, node.otherwise);
  frame.variables.length = mark;
  return ending;
}

function walkRange(frame: Frame, dot: Reflected, node: Branch): Ending {
  const mark = frame.variables.length;
  const value = evaluatePipeline(frame, dot, node.pipeline);
  const inner = frame.variables.length;
  let isEmpty = true;
  for (const [index, element] of turns(frame, value, node)) {
    isEmpty = false;
    spend(frame);
    setLoopVariables(frame, node, { index, element });
    const ending = walk(frame, element, node.body);
    frame.variables.length = inner;
    if (ending === "break") break;
  }
  let ending: Ending = "end";
  if (isEmpty && node.otherwise !== undefined) ending = walk(frame, dot, node.otherwise);
  // Go ends this loop, and not the one around it, at a break in its own else. A continue goes on to the one around.
  if (ending === "break") ending = "end";
  frame.variables.length = mark;
  return ending;
}

/** Indexes and elements of what a `range` goes over. */
function* turns(frame: Frame, ranged: GoValue, node: Branch): Generator<readonly [GoValue, Reflected]> {
  const value = ranged.kind === "object" ? (ranged.underlying ?? ranged) : ranged;
  switch (value.kind) {
    case "nil":
      return;
    case "int":
      if (node.pipeline.variables.length > 1) {
        fail(frame, `can't use ${textOf(frame, ranged)} to iterate over more than one variable`);
      }
      for (let i = 0n; i < value.value; i++) yield [{ kind: "nil" }, { ...value, value: i }];
      return;
    case "list":
      for (const [i, item] of value.items.entries()) {
        yield [{ kind: "int", type: "int", value: BigInt(i) }, elementOf(value.element, item)];
      }
      return;
    case "map":
      for (const [key, item] of sortedEntries(value.entries)) {
        yield [{ kind: "string", value: key }, elementOf(value.element, item)];
      }
      return;
    default:
      fail(frame, `range can't iterate over ${textOf(frame, ranged)}`);
  }
}

function textOf(frame: Frame, value: GoValue): string {
  return located(frame, () => valueText(value, frame.execution.world));
}

/** With two variables the index comes first; a single one takes the element. */
function setLoopVariables(
  frame: Frame,
  { pipeline }: Branch,
  { index, element }: { readonly index: GoValue; readonly element: Reflected },
): void {
  const [first, second] = pipeline.variables;
  if (first === undefined) return;
  if (second === undefined) variableOf(frame, first).value = element;
  else {
    variableOf(frame, first).value = index;
    variableOf(frame, second).value = element;
  }
}

function walkTemplate(frame: Frame, dot: Reflected, node: TemplateCall): void {
  const { execution, depth } = frame;
  const template =
    execution.templates.get(node.name) ?? fail(frame, `template ${quote(node.name)} not defined`);
  const { depth: limit } = execution.world.limits;
  if (depth >= limit) fail(frame, `exceeded maximum template depth (${limit})`);
  const value = evaluatePipeline(frame, dot, node.pipeline);
  // A template sees no variables of its caller.
  const variables = [{ name: "$", value }];
  walk({ execution, name: node.name, depth: depth + 1, variables, node: template }, value, template);
}
