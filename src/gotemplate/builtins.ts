import { compareValues, isEqual } from "./compare.ts";
import { elementAt, lengthOf, sliceOf } from "./element.ts";
import { escapeHtml, escapeJs, escapeQuery } from "./escape.ts";
import { isTrue, type Reflected, unbox } from "./go-type.ts";
import { sprint, sprintf, sprintln } from "./printf.ts";
import type { GoType, GoValue, World } from "./value.ts";

/** A function that Go's templates have without being told; it sees values as Go's reflection does. */
export interface Builtin {
  readonly parameters: readonly GoType[];
  readonly variadic: boolean;
  readonly call: (args: readonly Reflected[], world: World) => Reflected;
}

const nothing: GoValue = { kind: "nil" };

/** A function of one value and any number of others. */
function ofFirst(call: (first: Reflected, rest: readonly Reflected[], world: World) => Reflected): Builtin {
  return {
    parameters: ["reflect.Value", "reflect.Value"],
    variadic: true,
    call: ([first = nothing, ...rest], world) => call(first, rest, world),
  };
}

function ofOne(call: (value: Reflected) => GoValue): Builtin {
  return { parameters: ["reflect.Value"], variadic: false, call: ([value = nothing]) => call(value) };
}

function ofPair(test: (left: Reflected, right: Reflected, world: World) => boolean): Builtin {
  return {
    parameters: ["reflect.Value", "reflect.Value"],
    variadic: false,
    call: ([left = nothing, right = nothing], world) => bool(test(left, right, world)),
  };
}

/** A function of any values that makes one text. */
function ofText(write: (values: readonly GoValue[], world: World) => string): Builtin {
  return {
    parameters: ["interface {}"],
    variadic: true,
    call: (args, world) => ({ kind: "string", value: write(args.map(unbox), world) }),
  };
}

function bool(value: boolean): GoValue {
  return { kind: "bool", value };
}

/** The text that `html`, `js` and `urlquery` escape: nil is what an action prints for it. */
function textOf(values: readonly GoValue[], world: World): string {
  const noValue: GoValue = { kind: "string", value: "<no value>" };
  return sprint(
    values.map((value) => (value.kind === "nil" ? noValue : value)),
    world,
  );
}

/** `and`, `or` and `call` never arrive: the evaluator treats them itself, for what they do not evaluate or have to name. */
function decided(): Reflected {
  return nothing;
}

/** Go's built-in functions by name. */
export const builtins: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  ["and", ofFirst(decided)],
  ["or", ofFirst(decided)],
  ["call", ofFirst(decided)],
  ["eq", ofFirst((first, others, world) => bool(isEqual(first, others, world)))],
  ["ne", ofPair((left, right, world) => !isEqual(left, [right], world))],
  ["lt", ofPair((left, right) => compareValues(left, right) < 0)],
  ["le", ofPair((left, right) => compareValues(left, right) <= 0)],
  // Go turns the answers of le and lt around, which makes a NaN greater than all.
  ["gt", ofPair((left, right) => !(compareValues(left, right) <= 0))],
  ["ge", ofPair((left, right) => !(compareValues(left, right) < 0))],
  ["html", ofText((values, world) => escapeHtml(textOf(values, world)))],
  ["js", ofText((values, world) => escapeJs(textOf(values, world)))],
  ["urlquery", ofText((values, world) => escapeQuery(textOf(values, world)))],
  ["index", ofFirst(elementAt)],
  ["slice", ofFirst(sliceOf)],
  ["len", ofOne((value) => ({ kind: "int", type: "int", value: BigInt(lengthOf(value)) }))],
  ["not", ofOne((value) => bool(!isTrue(unbox(value))))],
  ["print", ofText(sprint)],
  ["println", ofText(sprintln)],
  [
    "printf",
    {
      parameters: ["string", "interface {}"],
      variadic: true,
      call: ([format = nothing, ...values], world) => {
        const text = unbox(format);
        return {
          kind: "string",
          value: sprintf(text.kind === "string" ? text.value : "", values.map(unbox), world),
        };
      },
    },
  ],
]);
