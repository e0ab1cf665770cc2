import { compareGoStrings } from "./go-string.ts";
import { strslice, strval } from "./sprig-cast.ts";
import { checkLength, define, goString, goStrings, integerAt, textAt, valueAt } from "./sprig-definition.ts";
import type { GoFunction, GoValue, World } from "./value.ts";

/** Sprig's functions between strings and lists of strings. */
export const stringListFunctions: readonly GoFunction[] = [
  define("split", ["string", "string"], (args, world) =>
    numbered(split(textAt(args, 1), textAt(args, 0), -1, world)),
  ),
  define("splitn", ["string", "int", "string"], (args, world) =>
    numbered(split(textAt(args, 2), textAt(args, 0), integerAt(args, 1), world)),
  ),
  define("splitList", ["string", "string"], (args, world) =>
    goStrings(split(textAt(args, 1), textAt(args, 0), -1, world)),
  ),
  define("join", ["string", "interface {}"], (args, world) => {
    const [separator, texts] = [textAt(args, 0), strslice(valueAt(args, 1))];
    checkLength(
      texts.reduce((sum, text) => sum + text.length + separator.length, -separator.length),
      world,
    );
    return goString(texts.join(separator));
  }),
  define("sortAlpha", ["interface {}"], (args) => {
    const value = valueAt(args, 0);
    return goStrings(value.kind === "list" ? strslice(value).sort(compareGoStrings) : [strval(value)]);
  }),
  define("toStrings", ["interface {}"], (args) => goStrings(strslice(valueAt(args, 0)))),
];

/** `strings.SplitN`: at most `count` parts, all of them if it is negative; an empty separator splits characters. */
function split(text: string, separator: string, count: number, world: World): string[] {
  if (count === 0) return [];
  world.spend(text.length);
  const parts = separator === "" ? [...text] : text.split(separator);
  if (count < 0 || parts.length <= count) return parts;
  return [...parts.slice(0, count - 1), parts.slice(count - 1).join(separator)];
}

/** The map `_0`, `_1`, ... that `split` returns. */
function numbered(parts: readonly string[]): GoValue {
  const entries = new Map(parts.map((part, index) => [`_${index}`, goString(part)]));
  return { kind: "map", element: "string", entries };
}
