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
  wholeAt,
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
    const count = wholeAt(args, 0);
    return integers(steps({ start: 0n, stop: count, step: count < 0n ? -1n : 1n }, world));
  }),
  define("untilStep", ["int", "int", "int"], (args, world) =>
    integers(steps({ start: wholeAt(args, 0), stop: wholeAt(args, 1), step: wholeAt(args, 2) }, world)),
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
  const power = powerOfTen(integerAt(args, 1));
  const digits = power * toFloat64(valueAt(args, 0));
  const fraction = digits - Math.trunc(digits);
  return goFloat((fraction >= limit ? Math.ceil(digits) : Math.floor(digits)) / power);
}

/**
 * 10 to a whole power as Go's `math.Pow` has it: by repeated squaring of the fraction, which above 10^22 is not always
 * the nearest number.
 */
function powerOfTen(exponent: number): number {
  let rest = Math.abs(exponent);
  if (rest > 400) return exponent > 0 ? Number.POSITIVE_INFINITY : 0;
  let [fraction, scale] = [0.625, 4];
  let [result, resultScale] = [1, 0];
  for (; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) {
      result *= fraction;
      resultScale += scale;
    }
    fraction *= fraction;
    scale *= 2;
    if (fraction < 0.5) {
      fraction += fraction;
      scale--;
    }
  }
  const [significand, power] = exponent < 0 ? [1 / result, -resultScale] : [result, resultScale];
  // In two steps: 2^power alone may be out of range.
  const half = Math.trunc(power / 2);
  return significand * 2 ** half * 2 ** (power - half);
}

function decimally(args: readonly GoValue[], operation: (a: Decimal, b: Decimal) => Decimal): GoValue {
  const numbers = args.map((value) => fromFloat(toFloat64(value)));
  return goFloat(toFloat(numbers.reduce(operation)));
}

interface Steps {
  readonly start: bigint;
  readonly stop: bigint;
  readonly step: bigint;
}

/** Go's loop from start to before stop: its integers go round where a step passes the largest. */
function steps({ start, stop, step }: Steps, world: World): readonly bigint[] {
  if (start === stop || start < stop !== step > 0n || step === 0n) return [];
  // Before they are made: a billion of them would fill the memory first.
  world.spend(Number((stop - start) / step));
  const values: bigint[] = [];
  for (let at = start; step > 0n ? at < stop : at > stop; at = BigInt.asIntN(64, at + step)) {
    world.spend(1);
    values.push(at);
  }
  return values;
}

function sequence(args: readonly GoValue[], world: World): readonly bigint[] {
  if (args.length === 0 || args.length > 3) return [];
  const start = args.length === 1 ? 1n : wholeAt(args, 0);
  const end = wholeAt(args, args.length - 1);
  const direction = end < start ? -1n : 1n;
  const step = args.length === 3 ? wholeAt(args, 1) : direction;
  if (direction < 0n && step > 0n) return [];
  return steps({ start, stop: BigInt.asIntN(64, end + direction), step }, world);
}

function integers(values: readonly bigint[]): GoValue {
  return { kind: "list", element: "int", items: values.map(goInt) };
}
