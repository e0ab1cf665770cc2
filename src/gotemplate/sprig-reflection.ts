import { deepEqual } from "./deep-equal.ts";
import { kindName, typeName } from "./go-type.ts";
import { define, goBool, goString, textAt, valueAt } from "./sprig-definition.ts";
import type { GoFunction, GoType } from "./value.ts";

const any: GoType = "interface {}";

/** Sprig's functions of types. */
export const reflectionFunctions: readonly GoFunction[] = [
  define("typeOf", [any], (args) => goString(typeName(valueAt(args, 0)))),
  define("kindOf", [any], (args) => goString(kindName(valueAt(args, 0)))),
  define("typeIs", ["string", any], (args) => goBool(textAt(args, 0) === typeName(valueAt(args, 1)))),
  define("typeIsLike", ["string", any], (args) => {
    const type = typeName(valueAt(args, 1));
    return goBool(textAt(args, 0) === type || `*${textAt(args, 0)}` === type);
  }),
  define("kindIs", ["string", any], (args) => goBool(textAt(args, 0) === kindName(valueAt(args, 1)))),
  define("deepEqual", [any, any], (args) => goBool(deepEqual(valueAt(args, 0), valueAt(args, 1)))),
];
