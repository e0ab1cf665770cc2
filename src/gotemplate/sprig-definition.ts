import { GoError, type GoFunction, type GoType, type GoValue, type World } from "./value.ts";

type Call = (args: readonly GoValue[], world: World) => GoValue;

/** One function with a fixed number of parameters. What it returns stays below the limit of the caller. */
export function define(name: string, parameters: readonly GoType[], call: Call): GoFunction {
  return { name, parameters, variadic: false, call: bounded(call) };
}

/** One function whose last parameter may repeat, or be absent. */
export function defineVariadic(name: string, parameters: readonly GoType[], call: Call): GoFunction {
  return { name, parameters, variadic: true, call: bounded(call) };
}

/** The same function under another name. */
export function alias(name: string, original: GoFunction): GoFunction {
  return { ...original, name };
}

/**
 * Refuses a string that would become too long, before it is built.
 *
 * @param length characters it would have
 * @throws GoError
 */
export function checkLength(length: number, world: World): void {
  if (length > world.limits.output) {
    throw new GoError(`text of more than ${world.limits.output} characters`);
  }
}

/** An argument that the engine has checked to be a string. */
export function textAt(args: readonly GoValue[], index: number): string {
  const value = args[index];
  return value?.kind === "string" ? value.value : "";
}

/** An argument that the engine has checked to be an `int`; beyond 2^53 the last digits are lost. */
export function integerAt(args: readonly GoValue[], index: number): number {
  const value = args[index];
  return value?.kind === "int" ? Number(value.value) : 0;
}

/** An argument that the engine has checked to be an `int`, with all its digits. */
export function wholeAt(args: readonly GoValue[], index: number): bigint {
  const value = args[index];
  return value?.kind === "int" ? value.value : 0n;
}

/** Any argument; nil if it is absent. */
export function valueAt(args: readonly GoValue[], index: number): GoValue {
  return args[index] ?? goNil;
}

/** An argument that the engine has checked to be a `map[string]interface {}`. */
export function mapAt(args: readonly GoValue[], index: number): Map<string, GoValue> {
  const value = args[index];
  return value?.kind === "map" ? value.entries : new Map();
}

/** Go's untyped nil. */
export const goNil: GoValue = { kind: "nil" };

export function goString(value: string): GoValue {
  return { kind: "string", value };
}

export function goBool(value: boolean): GoValue {
  return { kind: "bool", value };
}

export function goInt(value: number | bigint): GoValue {
  return { kind: "int", type: "int", value: BigInt.asIntN(64, BigInt(value)) };
}

/** An `int64`, wrapped around as Go's arithmetic does. */
export function goInt64(value: bigint): GoValue {
  return { kind: "int", type: "int64", value: BigInt.asIntN(64, value) };
}

export function goFloat(value: number): GoValue {
  return { kind: "float", value };
}

/** A `[]interface {}`. */
export function goList(items: readonly GoValue[]): GoValue {
  return { kind: "list", element: "interface {}", items };
}

/** A `[]string`. */
export function goStrings(texts: readonly string[]): GoValue {
  return { kind: "list", element: "string", items: texts.map(goString) };
}

/** A `map[string]interface {}`. */
export function goMap(entries: Map<string, GoValue>): GoValue {
  return { kind: "map", element: "interface {}", entries };
}

function bounded(call: Call): Call {
  return (args, world) => {
    let work = 1;
    for (const arg of args) work += size(arg);
    world.spend(work);
    const result = orTooDeep(() => call(args, world));
    if (result.kind === "string") checkLength(result.value.length, world);
    return result;
  };
}

/** A dictionary may hold itself; where Go's stack would overflow, and end the process, this is an error. */
function orTooDeep(call: () => GoValue): GoValue {
  try {
    return call();
  } catch (error) {
    if (error instanceof RangeError) throw new GoError("values are nested too deep");
    throw error;
  }
}

/** What looking at a value costs: a step an item, or a step for 64 characters. */
function size(value: GoValue): number {
  if (value.kind === "string") return value.value.length >> 6;
  if (value.kind === "list") return value.items.length;
  return value.kind === "map" ? value.entries.size : 0;
}
