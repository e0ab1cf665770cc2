import { type Execution, type Frame, fail } from "./execution.ts";
import { type Reflected, typeName, unbox } from "./go-type.ts";
import { nilEntries, nilItems } from "./nil-items.ts";
import { type NumberNode, type Operand, sourceOf } from "./node.ts";
import type { GoType, GoValue } from "./value.ts";

/** What a call takes: a parameter's type, or nothing in particular. */
export type Expected = GoType | undefined;

const nothing: GoValue = { kind: "nil" };

/** A function that a template calls, of Go or of the caller. */
export interface Callable {
  readonly parameters: readonly GoType[];
  readonly variadic: boolean;
  readonly isBuiltin: boolean;
  readonly call: (args: readonly Reflected[]) => Reflected;
}

/** The function of this name: the caller's come before Go's own. */
export function callableOf(
  { functions, world }: Execution,
  name: string,
  builtins: ReadonlyMap<string, Omit<Callable, "isBuiltin" | "call"> & { call: BuiltinCall }>,
): Callable | undefined {
  const own = functions.get(name);
  if (own !== undefined) {
    return { ...own, isBuiltin: false, call: (args) => own.call(args.map(unbox), world) };
  }
  const builtin = builtins.get(name);
  if (builtin === undefined) return;
  return { ...builtin, isBuiltin: true, call: (args) => builtin.call(args, world) };
}

type BuiltinCall = (args: readonly Reflected[], world: Execution["world"]) => Reflected;

/**
 * Checks a value against a parameter's type, as Go does before it calls.
 *
 * @throws {GoError} "wrong type for value; expected ...; got ...".
 */
export function checkType(frame: Frame, value: Reflected, type: Expected): Reflected {
  if (type === undefined || type === "reflect.Value") return value;
  if (value.kind === "nil") return zeroOf(type) ?? fail(frame, `invalid value; expected ${type}`);
  if (type === "interface {}") return value;
  const plain = unbox(value);
  if (plain.kind === "nil") return fail(frame, `wrong type for value; expected ${type}; got interface {}`);
  if (typeName(plain) === type) return plain;
  return fail(frame, `wrong type for value; expected ${type}; got ${typeName(plain)}`);
}

/** What `nil` is as a value of this type, if the type has it. */
function zeroOf(type: GoType): GoValue | undefined {
  switch (type) {
    case "interface {}":
    case "reflect.Value":
    case "*semver.Version":
      return nothing;
    case "[]interface {}":
      return { kind: "list", element: "interface {}", items: nilItems };
    case "[]string":
      return { kind: "list", element: "string", items: nilItems };
    case "map[string]interface {}":
      return { kind: "map", element: "interface {}", entries: nilEntries };
    case "string":
    case "int":
    case "int64":
    case "uint32":
    case "float64":
    case "bool":
    case "time.Time":
    case "time.Duration":
    case "sprig.certificate":
      return;
  }
}

/** `nil` as an argument. */
export function nilArgument(frame: Frame, type: Expected): Reflected {
  if (type === undefined) return nothing;
  return zeroOf(type) ?? fail(frame, `cannot assign nil to ${type}`);
}

/** A constant as an argument: the parameter's type decides what a number is. */
export function constantArgument(
  frame: Frame,
  node: Extract<Operand, { readonly kind: "bool" | "number" | "string" }>,
  type: Expected,
): Reflected {
  frame.node = node;
  switch (type) {
    case undefined:
    case "interface {}":
    case "reflect.Value":
      return constantOf(frame, node);
    case "bool":
      if (node.kind === "bool") return { kind: "bool", value: node.value };
      return fail(frame, `expected bool; found ${sourceOf(node)}`);
    case "string":
      if (node.kind === "string") return { kind: "string", value: node.text };
      return fail(frame, `expected string; found ${sourceOf(node)}`);
    case "int":
    case "int64":
    case "time.Duration":
      if (node.kind === "number" && node.int !== undefined) {
        return { kind: "int", type: type === "int" ? type : "int64", value: node.int };
      }
      return fail(frame, `expected integer; found ${sourceOf(node)}`);
    case "uint32":
      if (node.kind === "number" && node.isUint) {
        const value = node.int ?? BigInt(node.source.replaceAll("_", ""));
        // Go's reflection cuts off what does not fit.
        return { kind: "int", type, value: BigInt.asUintN(32, value) };
      }
      return fail(frame, `expected unsigned integer; found ${sourceOf(node)}`);
    case "float64":
      if (node.kind === "number" && node.float !== undefined) return { kind: "float", value: node.float };
      return fail(frame, `expected float; found ${sourceOf(node)}`);
    case "[]interface {}":
    case "[]string":
    case "map[string]interface {}":
    case "time.Time":
    case "*semver.Version":
    case "sprig.certificate":
      return fail(frame, `can't handle ${sourceOf(node)} for arg of type ${type}`);
  }
}

/** A constant where any type will do. */
export function constantOf(
  frame: Frame,
  node: Extract<Operand, { readonly kind: "bool" | "number" | "string" }>,
): GoValue {
  if (node.kind === "bool") return { kind: "bool", value: node.value };
  return node.kind === "string" ? { kind: "string", value: node.text } : idealNumber(frame, node);
}

/** The syntax of a number decides: a point or an exponent makes it a float. */
function idealNumber(frame: Frame, node: NumberNode): GoValue {
  frame.node = node;
  const { source, int, float } = node;
  const isWhole = source.startsWith("'") || (/^0[xX]/.test(source) && !/[pP]/.test(source));
  if (float !== undefined && !isWhole && /[.eEpP]/.test(source)) return { kind: "float", value: float };
  if (int !== undefined) return { kind: "int", type: "int", value: int };
  return node.isUint ? fail(frame, `${source} overflows int`) : nothing;
}
