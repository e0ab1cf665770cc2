import { formatTime } from "./format-time.ts";
import { compareGoStrings } from "./go-string.ts";
import { timeOf } from "./go-time.ts";
import { nilEntries, nilItems } from "./nil-items.ts";
import { GoError, type GoObject, type GoValue, type World } from "./value.ts";

type Nested = Extract<GoValue, { kind: "map" | "list" }>;
type Leaf = Exclude<GoValue, Nested>;

/** How `encoding/json` prints. */
export interface JsonStyle {
  /** `<`, `>` and `&` as `\u003c` and so on. */
  readonly escapesHtml: boolean;
  /** Two spaces a level, or everything in one line. */
  readonly pretty: boolean;
}

/**
 * A value as `encoding/json` prints it, keys in the order of their bytes.
 *
 * @throws GoError for what JSON cannot hold: NaN and the infinities, and a dictionary that holds itself
 */
export function printJson(value: GoValue, style: JsonStyle, world: World): string {
  const open: GoValue[] = [];
  let length = 0;
  const line = (depth: number): string => (style.pretty ? `\n${"  ".repeat(depth)}` : "");
  const print = (node: GoValue): string => {
    if (node.kind === "object" && node.json !== undefined) return print(node.json());
    const text = node.kind === "map" || node.kind === "list" ? nested(node) : leaf(node, style);
    length += text.length;
    if (length > 4 * world.limits.output) throw new GoError("json: text is too long");
    return text;
  };
  const nested = (node: Nested): string => {
    world.spend(1);
    if (open.includes(node)) throw new GoError("json: unsupported value: encountered a cycle");
    if (open.length > 10_000) throw new GoError("json: unsupported value: nested too deep");
    open.push(node);
    const pieces = node.kind === "map" ? members(node.entries) : node.items.map(print);
    open.pop();
    if (node.kind === "list" ? node.items === nilItems : node.entries === nilEntries) return "null";
    const [start, end] = node.kind === "map" ? ["{", "}"] : ["[", "]"];
    if (pieces.length === 0) return start + end;
    const indent = line(open.length + 1);
    return `${start}${indent}${pieces.join(`,${indent}`)}${line(open.length)}${end}`;
  };
  const members = (entries: ReadonlyMap<string, GoValue>): string[] =>
    [...entries.entries()]
      .sort(([a], [b]) => compareGoStrings(a, b))
      .map(([key, item]) => `${quoteJson(key, style)}:${style.pretty ? " " : ""}${print(item)}`);
  return print(value);
}

function leaf(value: Leaf, style: JsonStyle): string {
  if (value.kind === "nil") return "null";
  if (value.kind === "float") return printFloat(value.value);
  if (value.kind === "string") return quoteJson(value.value, style);
  return value.kind === "object" ? objectJson(value, style) : String(value.value);
}

/** Times in RFC 3339, numbers with a name as numbers, everything else as its text. */
function objectJson(value: GoObject, style: JsonStyle): string {
  const time = timeOf(value);
  if (time !== undefined) return quoteJson(formatTime(time, "2006-01-02T15:04:05.999999999Z07:00"), style);
  if (value.underlying?.kind === "int") return String(value.underlying.value);
  return quoteJson(value.text(), style);
}

function printFloat(value: number): string {
  if (!Number.isFinite(value)) {
    const name = Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
    throw new GoError(`json: unsupported value: ${name}`);
  }
  return Object.is(value, -0) ? "-0" : String(value);
}

const short: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

function quoteJson(text: string, { escapesHtml }: JsonStyle): string {
  const special = escapesHtml ? /["\\<>&\u2028\u2029\p{Cc}\p{Cs}]/gu : /["\\\u2028\u2029\p{Cc}\p{Cs}]/gu;
  const escaped = text.replace(special, (character) => {
    const point = character.charCodeAt(0);
    if (point >= 0x7f && point <= 0x9f) return character;
    if (point >= 0xd800 && point <= 0xdfff) return "\\ufffd";
    return short[character] ?? `\\u${point.toString(16).padStart(4, "0")}`;
  });
  return `"${escaped}"`;
}
