import { add, type Decimal, divide, fromFloat, multiply, subtract, toFloat } from "./decimal.ts";
import { goText, parseInteger, toFloat64, toInt64 } from "./sprig-cast.ts";
import {
  alias,
  define,
  defineVariadic,
  goFloat,
  goInt,
  goInt64,
  goString,
  integerAt,
  textAt,
  valueAt,
} from "./sprig-definition.ts";
import { GoError, type GoFunction, type GoType, type GoValue, type World } from "./value.ts";

const any: GoType = "interface {}";
const biggest = defineVariadic("max", [any, any], (args) => goInt64(extreme(args, (a, b) => b > a)));

/** Sprig's functions of numbers, and those that make numbers of other things. */
export const mathsFunctions: readonly GoFunction[] = [
  define("add1", [any], (args) => goInt64(toInt64(valueAt(args, 0)) + 1n)),
  defineVariadic("add", [any], (args) => goInt64(args.reduce((sum, value) => sum + toInt64(value), 0n))),
  define("sub", [any, any], (args) => goInt64(toInt64(valueAt(args, 0)) - toInt64(valueAt(args, 1)))),
  define("div", [any, any], (args) => goInt64(toInt64(valueAt(args, 0)) / divisor(args))),
  define("mod", [any, any], (args) => goInt64(toInt64(valueAt(args, 0)) % divisor(args))),
  defineVariadic("mul", [any, any], (args) =>
    goInt64(args.reduce((product, value) => BigInt.asIntN(64, product * toInt64(value)), 1n)),
  ),
  biggest,
  alias("biggest", biggest),
  defineVariadic("min", [any, any], (args) => goInt64(extreme(args, (a, b) => b < a))),
  defineVariadic("maxf", [any, any], (args) => goFloat(Math.max(...args.map(toFloat64)))),
  defineVariadic("minf", [any, any], (args) => goFloat(Math.min(...args.map(toFloat64)))),
  define("floor", [any], (args) => goFloat(Math.floor(toFloat64(valueAt(args, 0))))),
  define("ceil", [any], (args) => goFloat(Math.ceil(toFloat64(valueAt(args, 0))))),
  defineVariadic("round", [any, "int", "float64"], round),
  define("add1f", [any], (args) => decimally([valueAt(args, 0), goInt(1)], add)),
  defineVariadic("addf", [any], (args) => decimally([goFloat(0), ...args], add)),
  defineVariadic("subf", [any, any], (args) => decimally(args, subtract)),
  defineVariadic("mulf", [any, any], (args) => decimally(args, multiply)),
  defineVariadic("divf", [any, any], (args) => decimally(args, divide)),
  define("atoi", ["string"], (args) => {
    const { value, clamped } = parseInteger(textAt(args, 0), 10);
    return goInt(value ?? clamped ?? 0n);
  }),
  define("int", [any], (args) => goInt(toInt64(valueAt(args, 0)))),
  define("int64", [any], (args) => goInt64(toInt64(valueAt(args, 0)))),
  define("float64", [any], (args) => goFloat(toFloat64(valueAt(args, 0)))),
  define("toDecimal", [any], (args) => goInt64(parseInteger(goText(valueAt(args, 0)), 8).value ?? 0n)),
  define("until", ["int"], (args, world) => {
    const count = integerAt(args, 0);
    return integers(steps({ start: 0, stop: count, step: count < 0 ? -1 : 1 }, world));
  }),
  define("untilStep", ["int", "int", "int"], (args, world) =>
    integers(steps({ start: integerAt(args, 0), stop: integerAt(args, 1), step: integerAt(args, 2) }, world)),
  ),
  defineVariadic("seq", ["int"], (args, world) => goString(sequence(args, world).join(" "))),
];

function divisor(args: readonly GoValue[]): bigint {
  const value = toInt64(valueAt(args, 1));
  if (value === 0n) throw new GoError("runtime error: integer divide by zero");
  return value;
}

function extreme(args: readonly GoValue[], isBetter: (a: bigint, b: bigint) => boolean): bigint {
  return args.map(toInt64).reduce((best, value) => (isBetter(best, value) ? value : best));
}

/** Rounds up from a fraction of .5, or of the third argument; Go's way for negative numbers is to look at the sign too. */
function round(args: readonly GoValue[]): GoValue {
  const limit = args[2]?.kind === "float" ? args[2].value : 0.5;
  const power = 10 ** integerAt(args, 1);
  const digits = power * toFloat64(valueAt(args, 0));
  const fraction = digits - Math.trunc(digits);
  return goFloat((fraction >= limit ? Math.ceil(digits) : Math.floor(digits)) / power);
}

function decimally(args: readonly GoValue[], operation: (a: Decimal, b: Decimal) => Decimal): GoValue {
  const numbers = args.map((value) => fromFloat(toFloat64(value)));
  return goFloat(toFloat(numbers.reduce(operation)));
}

interface Steps {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
}

function steps({ start, stop, step }: Steps, world: World): number[] {
  const distance = stop - start;
  if (distance === 0 || Math.sign(distance) !== Math.sign(step)) return [];
  const count = Math.ceil(distance / step);
  world.spend(count);
  return Array.from({ length: count }, (_, index) => start + index * step);
}

function sequence(args: readonly GoValue[], world: World): number[] {
  if (args.length === 0 || args.length > 3) return [];
  const start = args.length === 1 ? 1 : integerAt(args, 0);
  const end = integerAt(args, args.length - 1);
  const direction = end < start ? -1 : 1;
  const step = args.length === 3 ? integerAt(args, 1) : direction;
  if (direction < 0 && step > 0) return [];
  return steps({ start, stop: end + direction, step }, world);
}

function integers(values: readonly number[]): GoValue {
  return { kind: "list", element: "int", items: values.map(goInt) };
}
