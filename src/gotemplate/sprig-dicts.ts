import { compareGoStrings } from "./go-string.ts";
import { kindName, typeName } from "./go-type.ts";
import { mergeInto } from "./merge.ts";
import { nilEntries } from "./nil-items.ts";
import { strval } from "./sprig-cast.ts";
import {
  define,
  defineVariadic,
  goBool,
  goList,
  goMap,
  goString,
  goStrings,
  mapAt,
  textAt,
  valueAt,
} from "./sprig-definition.ts";
import { zeroVersion } from "./sprig-semver.ts";
import { GoError, type GoFunction, type GoType, type GoValue, type World } from "./value.ts";

const any: GoType = "interface {}";
const dict: GoType = "map[string]interface {}";

/** Sprig's functions of dictionaries. Where Go's order of keys is random, they are sorted here. */
export const dictFunctions: readonly GoFunction[] = [
  defineVariadic("dict", [any], (args) => {
    const entries = new Map<string, GoValue>();
    for (let i = 0; i < args.length; i += 2) {
      entries.set(strval(valueAt(args, i)), args[i + 1] ?? goString(""));
    }
    return goMap(entries);
  }),
  define("get", [dict, "string"], (args) => mapAt(args, 0).get(textAt(args, 1)) ?? goString("")),
  define("set", [dict, "string", any], (args) => {
    writable(mapAt(args, 0)).set(textAt(args, 1), valueAt(args, 2));
    return valueAt(args, 0);
  }),
  define("unset", [dict, "string"], (args) => {
    mapAt(args, 0).delete(textAt(args, 1));
    return valueAt(args, 0);
  }),
  define("hasKey", [dict, "string"], (args) => goBool(mapAt(args, 0).has(textAt(args, 1)))),
  defineVariadic("pluck", ["string", dict], (args) => {
    const found = args.slice(1).map((_, index) => mapAt(args, index + 1).get(textAt(args, 0)));
    return goList(found.filter((value) => value !== undefined));
  }),
  defineVariadic("keys", [dict], (args) =>
    goStrings(args.flatMap((_, index) => sortedKeys(mapAt(args, index)))),
  ),
  define("values", [dict], (args) => {
    const entries = mapAt(args, 0);
    return goList(sortedKeys(entries).map((key) => entries.get(key) ?? goString("")));
  }),
  defineVariadic("pick", [dict, "string"], (args) => {
    const wanted = new Set(args.slice(1).map((_, index) => textAt(args, index + 1)));
    return goMap(new Map([...mapAt(args, 0)].filter(([key]) => wanted.has(key))));
  }),
  defineVariadic("omit", [dict, "string"], (args) => {
    const unwanted = new Set(args.slice(1).map((_, index) => textAt(args, index + 1)));
    return goMap(new Map([...mapAt(args, 0)].filter(([key]) => !unwanted.has(key))));
  }),
  ...["merge", "mustMerge"].map((name) => defineVariadic(name, [dict, dict], merging(false))),
  ...["mergeOverwrite", "mustMergeOverwrite"].map((name) =>
    defineVariadic(name, [dict, dict], merging(true)),
  ),
  ...["deepCopy", "mustDeepCopy"].map((name) =>
    define(name, [any], (args, world) => {
      const value = valueAt(args, 0);
      if (value.kind === "nil") throw new GoError("reflect: call of reflect.Value.Type on zero Value");
      return deepCopy(value, world);
    }),
  ),
  defineVariadic("dig", [any], dig),
];

function merging(overwrites: boolean): (args: readonly GoValue[], world: World) => GoValue {
  return (args, world) => {
    const [target, ...sources] = args.filter((value) => value.kind === "map");
    if (target === undefined || sources.length === 0) return valueAt(args, 0);
    // A nil map has no room: mergo makes a new one.
    const merged = target.entries === nilEntries ? { ...target, entries: new Map() } : target;
    for (const source of sources) mergeInto(merged, source, overwrites, world);
    return merged;
  };
}

function sortedKeys(entries: ReadonlyMap<string, GoValue>): string[] {
  return [...entries.keys()].sort(compareGoStrings);
}

/** A map that is not nil. */
function writable(entries: Map<string, GoValue>): Map<string, GoValue> {
  if (entries === nilEntries) throw new GoError("assignment to entry in nil map");
  return entries;
}

function deepCopy(value: GoValue, world: World): GoValue {
  world.spend(1);
  if (value.kind === "list") return { ...value, items: value.items.map((item) => deepCopy(item, world)) };
  // Go's copy leaves out the fields that are private to the package: all of them.
  if (value.kind === "object" && value.type === "*semver.Version") return zeroVersion();
  if (value.kind !== "map") return value;
  const entries = new Map<string, GoValue>();
  for (const [key, item] of value.entries) entries.set(key, deepCopy(item, world));
  return { ...value, entries };
}

/** `dig "a" "b" DEFAULT DICT`: what is at the end of the path. */
function dig(args: readonly GoValue[]): GoValue {
  if (args.length < 3) throw new GoError("dig needs at least three arguments");
  let value = valueAt(args, args.length - 1);
  const path = args.slice(0, -2);
  let entries = dictionary(value);
  const keys = path.map((key) => {
    if (key.kind !== "string")
      throw new GoError(`interface conversion: interface {} is ${shown(key)}, not string`);
    return key.value;
  });
  for (const [depth, key] of keys.entries()) {
    const next = entries.get(key);
    if (next === undefined) return valueAt(args, args.length - 2);
    value = next;
    if (depth < keys.length - 1) entries = dictionary(next);
  }
  return value;
}

function dictionary(value: GoValue): Map<string, GoValue> {
  if (value.kind === "map" && value.element === "interface {}") return value.entries;
  throw new GoError(`interface conversion: interface {} is ${shown(value)}, not map[string]interface {}`);
}

function shown(value: GoValue): string {
  return kindName(value) === "invalid" ? "nil" : typeName(value);
}
