import { byteSlice } from "./byte-slice.ts";
import { byteLength } from "./go-string.ts";
import { quote } from "./quote.ts";
import { goText, strval } from "./sprig-cast.ts";
import {
  alias,
  checkLength,
  define,
  defineVariadic,
  goBool,
  goString,
  integerAt,
  textAt,
  valueAt,
  wholeAt,
} from "./sprig-definition.ts";
import { GoError, type GoFunction, type GoValue, type World } from "./value.ts";
import { camelCase, lowerWords } from "./word-case.ts";
import { abbreviate, initials, swapCase, titleCase, uncapitalize, withoutSpace, wrap } from "./words.ts";

/** Sprig's functions of strings. */
export const stringFunctions: readonly GoFunction[] = [
  ...trimming(),
  define("upper", ["string"], (args) => goString(mapCharacters(validText(args), upperCharacter))),
  define("lower", ["string"], (args) => goString(mapCharacters(validText(args), lowerCharacter))),
  define("title", ["string"], (args) => goString(titleCase(validText(args)))),
  define("untitle", ["string"], (args) => goString(uncapitalize(validText(args)))),
  define("swapcase", ["string"], (args) => goString(swapCase(validText(args)))),
  define("nospace", ["string"], (args) => goString(withoutSpace(textAt(args, 0)))),
  define("initials", ["string"], (args) => goString(initials(textAt(args, 0)))),
  define("snakecase", ["string"], (args) => goString(lowerWords(textAt(args, 0), "_"))),
  define("kebabcase", ["string"], (args) => goString(lowerWords(textAt(args, 0), "-"))),
  define("camelcase", ["string"], (args) => goString(camelCase(validText(args)))),
  define("abbrev", ["int", "string"], (args) => {
    const [width, text] = [integerAt(args, 0), textAt(args, 1)];
    return goString(width < 4 ? text : abbreviate(text, 0, width));
  }),
  define("abbrevboth", ["int", "int", "string"], (args) => {
    const [left, right, text] = [wholeAt(args, 0), integerAt(args, 1), textAt(args, 2)];
    if (right < 4 || (left > 0n && right < 7)) return goString(text);
    const length = byteLength(text);
    // The difference of Go's integers: beyond the smallest one it wraps around.
    const behind = BigInt.asIntN(64, BigInt(length) - left);
    return goString(abbreviate(text, length - Number(behind), right));
  }),
  define("trunc", ["int", "string"], (args) => goString(truncate(integerAt(args, 0), textAt(args, 1)))),
  define("substr", ["int", "int", "string"], (args) =>
    goString(substring(wholeAt(args, 0), wholeAt(args, 1), textAt(args, 2))),
  ),
  define("repeat", ["int", "string"], (args, world) =>
    goString(repeat(textAt(args, 1), integerAt(args, 0), world)),
  ),
  define("wrap", ["int", "string"], (args, world) =>
    goString(wrap(textAt(args, 1), { width: integerAt(args, 0), lineEnd: "", cutsWords: false }, world)),
  ),
  define("wrapWith", ["int", "string", "string"], (args, world) =>
    goString(
      wrap(textAt(args, 2), { width: integerAt(args, 0), lineEnd: textAt(args, 1), cutsWords: true }, world),
    ),
  ),
  define("contains", ["string", "string"], (args) => goBool(textAt(args, 1).includes(textAt(args, 0)))),
  define("hasPrefix", ["string", "string"], (args) => goBool(textAt(args, 1).startsWith(textAt(args, 0)))),
  define("hasSuffix", ["string", "string"], (args) => goBool(textAt(args, 1).endsWith(textAt(args, 0)))),
  defineVariadic("quote", ["interface {}"], (args) => joined(args, (value) => quote(strval(value)))),
  defineVariadic("squote", ["interface {}"], (args) => joined(args, (value) => `'${goText(value)}'`)),
  defineVariadic("cat", ["interface {}"], (args) => joined(args, goText)),
  define("indent", ["int", "string"], (args, world) => goString(indent(args, world))),
  define("nindent", ["int", "string"], (args, world) => goString(`\n${indent(args, world)}`)),
  define("replace", ["string", "string", "string"], (args, world) =>
    goString(replaceAll(textAt(args, 2), { old: textAt(args, 0), replacement: textAt(args, 1) }, world)),
  ),
  define("plural", ["string", "string", "int"], (args) =>
    goString(textAt(args, integerAt(args, 2) === 1 ? 0 : 1)),
  ),
  define("toString", ["interface {}"], (args) => goString(strval(valueAt(args, 0)))),
  define("hello", [], () => goString("Hello!")),
];

function trimming(): readonly GoFunction[] {
  const trimAll = define("trimAll", ["string", "string"], (args) => {
    const cut = new Set(textAt(args, 0));
    const characters = [...textAt(args, 1)];
    let start = 0;
    let end = characters.length;
    while (start < end && cut.has(characters[start] ?? "")) start++;
    while (end > start && cut.has(characters[end - 1] ?? "")) end--;
    return goString(characters.slice(start, end).join(""));
  });
  return [
    define("trim", ["string"], (args) => goString(trimSpace(textAt(args, 0)))),
    trimAll,
    alias("trimall", trimAll),
    define("trimSuffix", ["string", "string"], (args) => {
      const [suffix, text] = [textAt(args, 0), textAt(args, 1)];
      return goString(text.endsWith(suffix) ? text.slice(0, text.length - suffix.length) : text);
    }),
    define("trimPrefix", ["string", "string"], (args) => {
      const [prefix, text] = [textAt(args, 0), textAt(args, 1)];
      return goString(text.startsWith(prefix) ? text.slice(prefix.length) : text);
    }),
  ];
}

/** `strings.TrimSpace`: Unicode's White_Space, which has U+0085 and lacks U+FEFF where JavaScript differs. */
function trimSpace(text: string): string {
  return text.replace(/^\p{White_Space}+/u, "").replace(/\p{White_Space}+$/u, "");
}

/** Go maps each character to one character: "ß" stays in upper case, "İ" becomes "i". */
function mapCharacters(text: string, change: (character: string) => string): string {
  return Array.from(text, change).join("");
}

function upperCharacter(character: string): string {
  const upper = character.toUpperCase();
  return [...upper].length === 1 ? upper : character;
}

function lowerCharacter(character: string): string {
  const lower = character.toLowerCase();
  return [...lower].length === 1 ? lower : ([...lower][0] ?? character);
}

function joined(args: readonly GoValue[], print: (value: GoValue) => string): GoValue {
  return goString(
    args
      .filter((value) => value.kind !== "nil")
      .map(print)
      .join(" "),
  );
}

function truncate(count: number, text: string): string {
  const length = byteLength(text);
  if (count < 0 && length + count > 0) return byteSlice(text, length + count, length);
  return count >= 0 && length > count ? byteSlice(text, 0, count) : text;
}

/** The text with U+FFFD for every byte that is no UTF-8, as Go's maps of characters leave it. */
function validText(args: readonly GoValue[]): string {
  return textAt(args, 0).toWellFormed();
}

function substring(start: bigint, end: bigint, text: string): string {
  const length = byteLength(text);
  if (start < 0) {
    if (end < 0 || end > length) throw new GoError(outOfRange(`:${end}`, end < 0 ? undefined : length));
    return byteSlice(text, 0, Number(end));
  }
  if (end < 0 || end > length) {
    if (start > length) throw new GoError(outOfRange(`${start}:${length}`));
    return byteSlice(text, Number(start), length);
  }
  if (start > end) throw new GoError(outOfRange(`${start}:${end}`));
  return byteSlice(text, Number(start), Number(end));
}

function outOfRange(range: string, length?: number): string {
  const against = length === undefined ? "" : ` with length ${length}`;
  return `runtime error: slice bounds out of range [${range}]${against}`;
}

function repeat(text: string, count: number, world: World): string {
  if (count < 0) throw new GoError("strings: negative Repeat count");
  checkLength(text.length * count, world);
  world.spend((text.length * count) >> 6);
  return text.repeat(count);
}

function indent(args: readonly GoValue[], world: World): string {
  const text = textAt(args, 1);
  const lines = text.split("\n");
  checkLength(text.length + lines.length * integerAt(args, 0), world);
  const pad = repeat(" ", integerAt(args, 0), world);
  return lines.map((line) => pad + line).join("\n");
}

function replaceAll(
  text: string,
  { old, replacement }: { readonly old: string; readonly replacement: string },
  world: World,
): string {
  // An empty pattern is found before every character and at the end.
  const parts = old === "" ? ["", ...text, ""] : text.split(old);
  const pieces = old === "" ? parts.length - 1 : parts.length;
  checkLength(text.length + pieces * replacement.length, world);
  if (old !== "") return parts.join(replacement);
  return Array.from(text, (character) => replacement + character).join("") + replacement;
}
