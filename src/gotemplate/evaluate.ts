import {
  type Callable,
  callableOf,
  checkType,
  constantArgument,
  constantOf,
  type Expected,
  nilArgument,
} from "./argument.ts";
import { builtins } from "./builtins.ts";
import { type Frame, fail, located, spend, variableOf } from "./execution.ts";
import { elementOf, isTrue, type Reflected, typeName, unbox } from "./go-type.ts";
import { type Command, type Operand, type Pipeline, sourceOf, type TemplateNode } from "./node.ts";
import type { GoValue } from "./value.ts";

/** What a command is given besides its first word: its operands, and the value piped into it. */
interface Given {
  /** The first is the command's own word. */
  readonly operands: readonly Operand[];
  readonly piped?: Reflected | undefined;
}

const nothing: GoValue = { kind: "nil" };
const alone: Given = { operands: [] };

/**
 * The value of a pipeline, which its variables take.
 *
 * A declaration stays on the frame's variables; who opens a scope cuts them back.
 */
export function evaluatePipeline(frame: Frame, dot: Reflected, pipeline: Pipeline | undefined): GoValue {
  if (pipeline === undefined) return nothing;
  frame.node = pipeline;
  let value: GoValue | undefined;
  for (const command of pipeline.commands) {
    value = unbox(evaluateCommand(frame, dot, { command, piped: value }));
  }
  const result = value ?? nothing;
  for (const name of pipeline.variables) {
    if (pipeline.assigns) variableOf(frame, name).value = result;
    else frame.variables.push({ name, value: result });
  }
  return result;
}

function evaluateCommand(
  frame: Frame,
  dot: Reflected,
  { command, piped }: { readonly command: Command; readonly piped: Reflected | undefined },
): Reflected {
  spend(frame);
  const [word] = command.operands;
  const given: Given = { operands: command.operands, piped };
  switch (word.kind) {
    case "field":
    case "chain":
    case "variable":
      return evaluateOperand(frame, dot, { operand: word, given });
    case "identifier":
      return evaluateFunction(frame, dot, { name: word.name, at: word, node: command, given });
    case "pipeline":
      refuseArguments(frame, given);
      return evaluatePipeline(frame, dot, word);
    default:
      frame.node = word;
      refuseArguments(frame, given);
      if (word.kind === "dot") return dot;
      if (word.kind === "nil") return fail(frame, "nil is not a command");
      return constantOf(frame, word);
  }
}

function refuseArguments(frame: Frame, { operands, piped }: Given): void {
  const [word] = operands;
  if (word !== undefined && (operands.length > 1 || piped !== undefined)) {
    const source = sourceOf(word);
    fail(frame, `can't give argument to non-function ${source}`);
  }
}

/** A field, a variable or a chain, with arguments if it is a method. */
function evaluateOperand(
  frame: Frame,
  dot: Reflected,
  {
    operand,
    given,
  }: {
    readonly operand: Extract<Operand, { readonly kind: "field" | "variable" | "chain" }>;
    readonly given: Given;
  },
): Reflected {
  frame.node = operand;
  if (operand.kind === "field") {
    return evaluateFields(frame, dot, { receiver: dot, node: operand, names: operand.names, given });
  }
  if (operand.kind === "chain") {
    if (operand.operand.kind === "nil")
      return fail(frame, `indirection through explicit nil in ${sourceOf(operand)}`);
    const receiver = evaluateArgument(frame, dot, { node: operand.operand, type: undefined });
    return evaluateFields(frame, dot, { receiver, node: operand, names: operand.fields, given });
  }
  const [name = "$", ...names] = operand.names;
  const { value } = variableOf(frame, name);
  if (names.length > 0) {
    return evaluateFields(frame, dot, { receiver: value, node: operand, names, given });
  }
  refuseArguments(frame, given);
  return value;
}

interface FieldAccess {
  readonly receiver: Reflected;
  readonly node: TemplateNode;
  readonly names: readonly string[];
  /** For the last of the names. */
  readonly given: Given;
}

function evaluateFields(
  frame: Frame,
  dot: Reflected,
  { receiver, node, names, given }: FieldAccess,
): Reflected {
  let value = receiver;
  for (const [i, name] of names.entries()) {
    const isLast = i === names.length - 1;
    value = evaluateField(frame, dot, { receiver: value, node, name, given: isLast ? given : alone });
  }
  return value;
}

function evaluateField(
  frame: Frame,
  dot: Reflected,
  { receiver, node, name, given }: Omit<FieldAccess, "names"> & { readonly name: string },
): Reflected {
  if (receiver.kind === "nil") return nothing;
  const type = typeName(receiver);
  const plain = unbox(receiver);
  switch (plain.kind) {
    case "nil":
      return fail(frame, `nil pointer evaluating ${type}.${name}`);
    case "map": {
      if (hasArguments(given)) fail(frame, `${name} is not a method but has arguments`);
      const found = plain.entries.get(name);
      return found === undefined ? nothing : elementOf(plain.element, found);
    }
    case "object": {
      const member = plain.member(name);
      if (member === undefined) break;
      const { parameters } = member;
      if (parameters !== undefined) {
        const invoke = (args: readonly Reflected[]) => member.call(args.map(unbox));
        const callee: Callable = { parameters, variadic: false, isBuiltin: false, call: invoke };
        return call(frame, dot, { callee, name, node, given });
      }
      if (hasArguments(given)) fail(frame, `${name} has arguments but cannot be invoked as function`);
      return member.call([]);
    }
    default:
  }
  return fail(frame, `can't evaluate field ${name} in type ${type}`);
}

function hasArguments({ operands, piped }: Given): boolean {
  return operands.length > 1 || piped !== undefined;
}

function evaluateFunction(
  frame: Frame,
  dot: Reflected,
  {
    name,
    at,
    node,
    given,
  }: { readonly name: string; readonly at: Operand; readonly node: TemplateNode; readonly given: Given },
): Reflected {
  frame.node = at;
  const callee = callableOf(frame.execution, name, builtins);
  if (callee === undefined) return fail(frame, `"${name}" is not a defined function`);
  return call(frame, dot, { callee, name, node, given });
}

interface Call {
  readonly callee: Callable;
  readonly name: string;
  /** What an error of the function points at. */
  readonly node: TemplateNode;
  readonly given: Given;
}

function call(frame: Frame, dot: Reflected, { callee, name, node, given }: Call): Reflected {
  const operands = given.operands.slice(1);
  const { piped } = given;
  const count = operands.length + (piped === undefined ? 0 : 1);
  const { length } = callee.parameters;
  if (callee.variadic && count < length - 1) {
    fail(frame, `wrong number of args for ${name}: want at least ${length - 1} got ${operands.length}`);
  }
  if (!callee.variadic && count !== length) {
    fail(frame, `wrong number of args for ${name}: want ${length} got ${count}`);
  }
  if (callee.isBuiltin && (name === "and" || name === "or")) {
    return decide(frame, dot, { until: name === "or", operands, piped });
  }
  const typeOf = (i: number): Expected => callee.parameters[Math.min(i, length - 1)];
  const args = operands.map((operand, i) => evaluateArgument(frame, dot, { node: operand, type: typeOf(i) }));
  if (piped !== undefined) args.push(checkType(frame, piped, typeOf(count - 1)));
  if (callee.isBuiltin && name === "call") {
    frame.node = node;
    return refuseCall(frame, args[0] ?? nothing, operands[0]);
  }
  const result = perform(frame, node, { callee, name, args });
  const plain = unbox(result);
  spend(frame, plain.kind === "string" ? plain.value : "");
  return result;
}

/** Runs the function; its own error points at the whole command. */
function perform(
  frame: Frame,
  node: TemplateNode,
  {
    callee,
    name,
    args,
  }: { readonly callee: Callable; readonly name: string; readonly args: readonly Reflected[] },
): Reflected {
  const before = frame.node;
  frame.node = node;
  const result = located(frame, () => callee.call(args), `error calling ${name}: `);
  frame.node = before;
  return result;
}

/** `and` and `or`: the first argument that decides, else the last; what comes after it is not evaluated. */
function decide(
  frame: Frame,
  dot: Reflected,
  {
    until,
    operands,
    piped,
  }: {
    readonly until: boolean;
    readonly operands: readonly Operand[];
    readonly piped: Reflected | undefined;
  },
): Reflected {
  let value: Reflected = nothing;
  for (const node of operands) {
    value = evaluateArgument(frame, dot, { node, type: "reflect.Value" });
    if (isTrue(unbox(value)) === until) return value;
  }
  return piped ?? value;
}

/** `call`: nothing in a template of a Secret is a function value. */
function refuseCall(frame: Frame, value: Reflected, operand: Operand | undefined): never {
  const plain = unbox(value);
  if (plain.kind === "nil") return fail(frame, "error calling call: call of nil");
  const text = plain.kind === "string" ? plain.value : `<${typeName(plain)} Value>`;
  const name = operand === undefined ? text : sourceOf(operand);
  return fail(frame, `error calling call: non-function ${name} of type ${typeName(plain)}`);
}

function evaluateArgument(
  frame: Frame,
  dot: Reflected,
  { node, type }: { readonly node: Operand; readonly type: Expected },
): Reflected {
  frame.node = node;
  switch (node.kind) {
    case "dot":
      return checkType(frame, dot, type);
    case "nil":
      return nilArgument(frame, type);
    case "field":
    case "variable":
    case "chain":
      return checkType(frame, evaluateOperand(frame, dot, { operand: node, given: alone }), type);
    case "pipeline":
      return checkType(frame, evaluatePipeline(frame, dot, node), type);
    case "identifier": {
      const value = evaluateFunction(frame, dot, { name: node.name, at: node, node, given: alone });
      return checkType(frame, value, type);
    }
    case "bool":
    case "number":
    case "string":
      return constantArgument(frame, node, type);
  }
}
