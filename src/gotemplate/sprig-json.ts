import { type JsonStyle, printJson } from "./go-json.ts";
import { jsonMistake } from "./json-syntax.ts";
import {
  define,
  goBool,
  goFloat,
  goList,
  goMap,
  goNil,
  goString,
  textAt,
  valueAt,
} from "./sprig-definition.ts";
import { GoError, type GoFunction, type GoValue, type World } from "./value.ts";

/** Sprig's functions of JSON; the ones without `must` return nothing where those fail. */
export const jsonFunctions: readonly GoFunction[] = [
  ...reading(),
  ...printing("ToJson", { escapesHtml: true, pretty: false }),
  ...printing("ToPrettyJson", { escapesHtml: true, pretty: true }),
  ...printing("ToRawJson", { escapesHtml: false, pretty: false }),
];

function reading(): readonly GoFunction[] {
  return [
    define("fromJson", ["string"], (args, world) => {
      const result = parse(textAt(args, 0), world);
      return result instanceof GoError ? goNil : result;
    }),
    define("mustFromJson", ["string"], (args, world) => {
      const result = parse(textAt(args, 0), world);
      if (result instanceof GoError) throw result;
      return result;
    }),
  ];
}

function printing(name: string, style: JsonStyle): readonly GoFunction[] {
  return [
    define(`t${name.slice(1)}`, ["interface {}"], (args, world) => {
      try {
        return goString(printJson(valueAt(args, 0), style, world));
      } catch (error) {
        if (error instanceof GoError && error.message.startsWith("json: unsupported") && style.escapesHtml) {
          return goString("");
        }
        throw error;
      }
    }),
    define(`must${name}`, ["interface {}"], (args, world) =>
      goString(printJson(valueAt(args, 0), style, world)),
    ),
  ];
}

function parse(text: string, world: World): GoValue | GoError {
  world.spend(text.length >> 2);
  const mistake = jsonMistake(text);
  if (mistake !== undefined) return mistake;
  try {
    return fromParsed(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof GoError)) throw error;
    // Go goes on after a number that is too large; what it returns then is of no use.
    const number = /-?[0-9.]+[eE]\+?[0-9]{3,}/.exec(text)?.[0] ?? "";
    return new GoError(`${error.message} ${number} into Go value of type float64`);
  }
}

function fromParsed(value: unknown): GoValue {
  if (typeof value === "string") return goString(value.toWellFormed());
  if (typeof value === "boolean") return goBool(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new GoError("json: cannot unmarshal number");
    return goFloat(value);
  }
  if (Array.isArray(value)) return goList(value.map(fromParsed));
  if (typeof value !== "object" || value === null) return goNil;
  return goMap(new Map(Object.entries(value).map(([key, item]) => [key.toWellFormed(), fromParsed(item)])));
}
