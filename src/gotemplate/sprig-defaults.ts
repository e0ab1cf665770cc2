import { isEmpty } from "./emptiness.ts";
import { define, defineVariadic, goBool, goNil, textAt, valueAt } from "./sprig-definition.ts";
import { GoError, type GoFunction, type GoType } from "./value.ts";

const any: GoType = "interface {}";

/** Sprig's functions of what is there and what is not. */
export const defaultFunctions: readonly GoFunction[] = [
  defineVariadic("default", [any, any], (args) => {
    const given = valueAt(args, 1);
    return isEmpty(given) ? valueAt(args, 0) : given;
  }),
  define("empty", [any], (args) => goBool(isEmpty(valueAt(args, 0)))),
  defineVariadic("coalesce", [any], (args) => args.find((value) => !isEmpty(value)) ?? goNil),
  defineVariadic("all", [any], (args) => goBool(!args.some(isEmpty))),
  defineVariadic("any", [any], (args) => goBool(!args.every(isEmpty))),
  define("ternary", [any, any, "bool"], (args) => {
    const condition = valueAt(args, 2);
    return valueAt(args, condition.kind === "bool" && condition.value ? 0 : 1);
  }),
  define("fail", ["string"], (args) => {
    throw new GoError(textAt(args, 0));
  }),
];
