import { RE2JS } from "re2js";
import { nilItems } from "./nil-items.ts";
import { quote } from "./quote.ts";
import { checkLength, define, goBool, goString, goStrings, integerAt, textAt } from "./sprig-definition.ts";
import { GoError, type GoFunction, type GoType, type GoValue, type World } from "./value.ts";

/** The places of a match and of its groups in the text, as pairs of start and end; -1 for a group that is not there. */
type Places = readonly number[];
type Search = (args: readonly GoValue[], pattern: RE2JS, world: World) => GoValue;

/** Sprig's functions of regular expressions, on RE2 as Go's. */
export const regexFunctions: readonly GoFunction[] = [
  define("regexMatch", ["string", "string"], (args) => {
    const pattern = compile(textAt(args, 0));
    return goBool(!(pattern instanceof GoError) && pattern.test(textAt(args, 1)));
  }),
  searching("mustRegexMatch", ["string", "string"], (args, pattern) => goBool(pattern.test(textAt(args, 1)))),
  ...twins("egexFind", ["string", "string"], (args, pattern, world) => {
    const text = textAt(args, 1);
    const [start = 0, end = 0] = matches(pattern, text, 1, world)[0] ?? [];
    return goString(text.slice(start, end));
  }),
  ...twins("egexFindAll", ["string", "string", "int"], (args, pattern, world) => {
    const text = textAt(args, 1);
    const found = matches(pattern, text, integerAt(args, 2), world);
    return strings(found.map(([start, end]) => text.slice(start, end)));
  }),
  ...twins("egexReplaceAll", ["string", "string", "string"], (args, pattern, world) => {
    const [text, template] = [textAt(args, 1), textAt(args, 2)];
    const names = pattern.namedGroups();
    return goString(
      replaceAll({ pattern, text, replace: (places) => expand(template, { text, places, names }) }, world),
    );
  }),
  ...twins("egexReplaceAllLiteral", ["string", "string", "string"], (args, pattern, world) =>
    goString(replaceAll({ pattern, text: textAt(args, 1), replace: () => textAt(args, 2) }, world)),
  ),
  ...twins("egexSplit", ["string", "string", "int"], (args, pattern, world) => split(args, pattern, world)),
  define("regexQuoteMeta", ["string"], (args) =>
    goString(textAt(args, 0).replace(/[\\.+*?()|[\]{}^$]/g, "\\$&")),
  ),
];

/** The function that returns its error, and the one that panics with it. */
function twins(name: string, parameters: readonly GoType[], search: Search): readonly GoFunction[] {
  return [
    searching(`mustR${name}`, parameters, search),
    define(`r${name}`, parameters, (args, world) => {
      const source = textAt(args, 0);
      const pattern = compile(source);
      if (pattern instanceof GoError) {
        const shown = /[`\ufeff\p{Cs}[\p{Cc}--[\t\u0080-\u009f]]]/v.test(source)
          ? quote(source)
          : `\`${source}\``;
        throw new GoError(`regexp: Compile(${shown}): ${pattern.message}`);
      }
      return search(args, pattern, world);
    }),
  ];
}

function searching(name: string, parameters: readonly GoType[], search: Search): GoFunction {
  return define(name, parameters, (args, world) => {
    const pattern = compile(textAt(args, 0));
    if (pattern instanceof GoError) throw pattern;
    return search(args, pattern, world);
  });
}

function compile(source: string): RE2JS | GoError {
  const invalid = source.search(/\p{Cs}/u);
  if (invalid >= 0) return new GoError(`error parsing regexp: invalid UTF-8: \`${source.slice(invalid)}\``);
  try {
    return RE2JS.compile(source);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return new GoError(message.endsWith("end of expression") ? `${message}: \`\`` : message);
  }
}

function matches(pattern: RE2JS, text: string, count: number, world: World): readonly Places[] {
  world.spend(text.length);
  const found: readonly Places[] | null = pattern.re2().findAllSubmatchIndex(text, count);
  return found ?? [];
}

function strings(texts: readonly string[]): GoValue {
  return texts.length === 0 ? { kind: "list", element: "string", items: nilItems } : goStrings(texts);
}

interface Replacement {
  readonly pattern: RE2JS;
  readonly text: string;
  readonly replace: (places: Places) => string;
}

function replaceAll({ pattern, text, replace }: Replacement, world: World): string {
  const parts: string[] = [];
  let at = 0;
  let length = text.length;
  for (const places of matches(pattern, text, -1, world)) {
    const replacement = replace(places);
    length += replacement.length;
    checkLength(length - text.length, world);
    parts.push(text.slice(at, places[0]), replacement);
    at = places[1] ?? at;
  }
  return parts.join("") + text.slice(at);
}

interface Groups {
  readonly text: string;
  readonly places: Places;
  readonly names: Readonly<Record<string, number>>;
}

/** `$1`, `${name}` and `$$` in a replacement; a name goes as far as Unicode's letters, digits and underscores do. */
function expand(template: string, { text, places, names }: Groups): string {
  return template.replace(
    /\$(?:(\$)|([\p{L}\p{Nd}_]+)|\{([\p{L}\p{Nd}_]+)\})/gu,
    (_all, dollar?: string, plain?: string, braced?: string) => {
      if (dollar !== undefined) return "$";
      const name = plain ?? braced ?? "";
      const group = /^(0|[1-9][0-9]{0,8})$/.test(name) ? Number(name) : names[name];
      const start = group === undefined ? -1 : (places[2 * group] ?? -1);
      return start < 0 || group === undefined ? "" : text.slice(start, places[2 * group + 1]);
    },
  );
}

function split(args: readonly GoValue[], pattern: RE2JS, world: World): GoValue {
  const [text, count] = [textAt(args, 1), integerAt(args, 2)];
  if (count === 0) return strings([]);
  if (textAt(args, 0) !== "" && text === "") return strings([""]);
  const parts: string[] = [];
  let at = 0;
  let end = 0;
  for (const [start = 0, stop = 0] of matches(pattern, text, count, world)) {
    if (count > 0 && parts.length === count - 1) break;
    end = start;
    if (stop !== 0) parts.push(text.slice(at, end));
    at = stop;
  }
  if (end !== text.length) parts.push(text.slice(at));
  return strings(parts);
}
