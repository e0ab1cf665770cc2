import { deepEqual } from "./deep-equal.ts";
import { isEmpty } from "./emptiness.ts";
import { kindName } from "./go-type.ts";
import { nilItems } from "./nil-items.ts";
import { toInt64 } from "./sprig-cast.ts";
import {
  alias,
  define,
  defineVariadic,
  goBool,
  goList,
  goNil,
  integerAt,
  valueAt,
} from "./sprig-definition.ts";
import { GoError, type GoFunction, type GoType, type GoValue, type World } from "./value.ts";

const any: GoType = "interface {}";
type Items = readonly GoValue[];

/** Sprig's functions of lists; each has a twin whose name begins with `must`. */
export const listFunctions: readonly GoFunction[] = [
  defineVariadic("list", [any], goList),
  defineVariadic("tuple", [any], goList),
  ...named(["append", "push", "mustAppend", "mustPush"], "push on", (items, args) =>
    goList([...items, valueAt(args, 1)]),
  ),
  ...named(["prepend", "mustPrepend"], "prepend on", (items, args) => goList([valueAt(args, 1), ...items])),
  ...named(["first", "mustFirst"], "find first on", (items) => items[0] ?? goNil),
  ...named(["last", "mustLast"], "find last on", (items) => items.at(-1) ?? goNil),
  ...named(["rest", "mustRest"], "find rest on", (items) =>
    goList(items.length === 0 ? nilItems : items.slice(1)),
  ),
  ...named(["initial", "mustInitial"], "find initial on", (items) =>
    goList(items.length === 0 ? nilItems : items.slice(0, -1)),
  ),
  ...named(["reverse", "mustReverse"], "find reverse on", (items) => goList(items.toReversed())),
  ...named(["compact", "mustCompact"], "compact on", (items) =>
    goList(items.filter((item) => !isEmpty(item))),
  ),
  ...named(["uniq", "mustUniq"], "find uniq on", (items, _args, world) => goList(unique(items, world))),
  ...without(),
  ...searching(),
  ...slicing(),
  ...chunking(),
  defineVariadic("concat", [any], (args, world) => {
    const all = args.flatMap((value) => itemsOf(value, (kind) => `Cannot concat type ${kind} as list`));
    world.spend(all.length);
    return goList(all.length === 0 ? nilItems : all);
  }),
];

/** The functions of one list that take a list first, and two arguments if the operation is on a value too. */
function named(
  names: readonly string[],
  doing: string,
  call: (items: Items, args: Items, world: World) => GoValue,
): readonly GoFunction[] {
  const parameters: GoType[] = /^(push|prepend) on$/.test(doing) ? [any, any] : [any];
  return twins(
    names,
    define("", parameters, (args, world) => call(itemsOf(valueAt(args, 0), cannot(doing)), args, world)),
  );
}

function twins(names: readonly string[], original: GoFunction): readonly GoFunction[] {
  return names.map((name) => alias(name, original));
}

function without(): readonly GoFunction[] {
  return twins(
    ["without", "mustWithout"],
    defineVariadic("without", [any, any], (args, world) => {
      const items = itemsOf(valueAt(args, 0), cannot("find without on"));
      const unwanted = args.slice(1);
      world.spend(items.length * unwanted.length);
      return goList(items.filter((item) => !unwanted.some((other) => deepEqual(other, item))));
    }),
  );
}

function searching(): readonly GoFunction[] {
  return twins(
    ["has", "mustHas"],
    define("has", [any, any], (args) => {
      const haystack = valueAt(args, 1);
      if (haystack.kind === "nil") return goBool(false);
      const items = itemsOf(haystack, cannot("find has on"));
      return goBool(items.some((item) => deepEqual(valueAt(args, 0), item)));
    }),
  );
}

function slicing(): readonly GoFunction[] {
  return twins(
    ["slice", "mustSlice"],
    defineVariadic("slice", [any, any], (args) => {
      const list = valueAt(args, 0);
      const items = itemsOf(list, (kind) => `list should be type of slice or array but ${kind}`);
      if (list.kind !== "list" || items.length === 0) return goNil;
      const start = args.length > 1 ? Number(toInt64(valueAt(args, 1))) : 0;
      const end = args.length > 2 ? Number(toInt64(valueAt(args, 2))) : items.length;
      // A Go slice may be extended up to its capacity, which is not known here: the length is the bound.
      if (start < 0 || end < start || end > items.length) {
        throw new GoError("reflect.Value.Slice: slice index out of bounds");
      }
      return { ...list, items: items.slice(start, end) };
    }),
  );
}

function chunking(): readonly GoFunction[] {
  return twins(
    ["chunk", "mustChunk"],
    define("chunk", ["int", any], (args) => {
      const size = integerAt(args, 0);
      const items = itemsOf(valueAt(args, 1), cannot("chunk type"));
      // What Go's rounding makes of a negative size.
      if (size < -1 && items.length === 1) return chunked([goList(items)]);
      if (size < 0 && items.length > 1 && items.length - 1 <= -size) return chunked([]);
      if (size <= 0) throw new GoError("runtime error: makeslice: len out of range");
      const chunks: GoValue[] = [];
      for (let at = 0; at < items.length; at += size) chunks.push(goList(items.slice(at, at + size)));
      return chunked(chunks);
    }),
  );
}

function chunked(items: Items): GoValue {
  return { kind: "list", element: "[]interface {}", items };
}

function unique(items: Items, world: World): GoValue[] {
  const found: GoValue[] = [];
  for (const item of items) {
    world.spend(found.length);
    if (!found.some((other) => deepEqual(other, item))) found.push(item);
  }
  return found;
}

function cannot(doing: string): (kind: string) => string {
  return (kind) => `Cannot ${doing}${doing.endsWith("type") ? "" : " type"} ${kind}`;
}

/** The items of a list; anything else is refused, nil as Go does it when it asks for the type of nothing. */
function itemsOf(value: GoValue, refusal: (kind: string) => string): Items {
  if (value.kind === "list") return value.items;
  if (value.kind === "nil") {
    throw new GoError("runtime error: invalid memory address or nil pointer dereference");
  }
  throw new GoError(refusal(kindName(value)));
}
