import { encodeGoString } from "../../src/gotemplate/go-string.ts";
import {
  GoError,
  type GoFunction,
  type GoType,
  type GoValue,
  type Limits,
  type World,
} from "../../src/gotemplate/value.ts";

/** A world at a fixed time whose steps are counted. */
export function testWorld(limits: Partial<Limits> = {}): World {
  const all: Limits = { steps: 200_000, output: 1_000_000, depth: 500, ...limits };
  let left = all.steps;
  return {
    now: () => 0,
    random: (length) => new Uint8Array(length),
    utcOffset: 0,
    limits: all,
    spend: (steps) => {
      left -= steps;
      if (left < 0) throw new GoError("the template takes too long");
    },
  };
}

/** The data of a Secret as a template sees it. */
export function secretData(data: Readonly<Record<string, string>>): GoValue {
  const entries = Object.entries(data).map(([key, value]): [string, GoValue] => [
    key,
    { kind: "string", value },
  ]);
  return { kind: "map", element: "string", entries: new Map(entries) };
}

function declare(
  name: string,
  parameters: readonly GoType[],
  call: (...args: readonly GoValue[]) => GoValue,
): readonly [string, GoFunction] {
  const variadic = parameters.length === 1 && (name === "list" || name === "strings" || name === "dict");
  return [name, { name, parameters, variadic, call: (args) => call(...args) }];
}

const int = (value: bigint): GoValue => ({ kind: "int", type: "int", value });
const itemsOf = (value: GoValue | undefined) => (value?.kind === "list" ? value.items : []);
const textOf = (value: GoValue | undefined) => (value?.kind === "string" ? value.value : "");
const same = (value: GoValue = { kind: "nil" }) => value;

/** The functions of oracle/main.go: one of each kind of parameter. */
export const testFunctions: ReadonlyMap<string, GoFunction> = new Map([
  declare("dict", ["interface {}"], (...args) => {
    const entries = new Map<string, GoValue>();
    for (let i = 0; i + 1 < args.length; i += 2) entries.set(textOf(args[i]), args[i + 1]!);
    return { kind: "map", element: "interface {}", entries };
  }),
  declare("list", ["interface {}"], (...items) => ({ kind: "list", element: "interface {}", items })),
  declare("strings", ["string"], (...items) => ({ kind: "list", element: "string", items })),
  declare("upper", ["string"], (text) => ({ kind: "string", value: textOf(text).toUpperCase() })),
  declare("int", ["string"], (text) => int(BigInt(textOf(text) || "0"))),
  declare("int64", ["int64"], same),
  declare("uint", ["int64"], (value) =>
    value?.kind === "int" ? { kind: "int", type: "uint64", value: BigInt.asUintN(64, value.value) } : same(),
  ),
  declare("float", ["float64"], same),
  declare("bool", ["bool"], same),
  declare("bytes", ["string"], (text) => ({
    kind: "list",
    element: "uint8",
    items: Array.from(encodeGoString(textOf(text)), (byte) => ({
      kind: "int",
      type: "uint8",
      value: BigInt(byte),
    })),
  })),
  declare("keys", ["map[string]interface {}"], (map) =>
    int(BigInt(map?.kind === "map" ? map.entries.size : 0)),
  ),
  declare("count", ["[]interface {}", "int"], (list, more) =>
    int(BigInt(itemsOf(list).length) + (more?.kind === "int" ? more.value : 0n)),
  ),
  declare("first", ["[]interface {}"], (list) => {
    const [first] = itemsOf(list);
    if (first === undefined) throw new GoError("runtime error: index out of range [0] with length 0");
    return first;
  }),
]);
