import { compareGoStrings, decodeGoString } from "./go-string.ts";
import { type Reflected, typeName, unbox } from "./go-type.ts";
import {
  type Flags,
  formatBytes,
  formatFloatVerb,
  formatInteger,
  formatString,
  pad,
  plainFlags,
} from "./print-text.ts";
import { GoError, type GoObject, type GoValue, type World } from "./value.ts";

/** What bounds printing: a few shared lists can stand for more text than fits in memory. */
export type Bounds = Pick<World, "spend" | "limits">;

/** A printing in progress: what bounds it, and how many characters may still come. */
export interface Budget {
  readonly bounds: Bounds;
  left: number;
}

/** The bounds of a function that knows of none. */
export const looseBounds: Bounds = {
  spend: () => undefined,
  limits: { steps: Number.POSITIVE_INFINITY, output: 2 ** 24, depth: Number.POSITIVE_INFINITY },
};

/** A new budget, for one call of a printing function. */
export function printBudget(bounds: Bounds): Budget {
  return { bounds, left: bounds.limits.output };
}

/** Counts printed text against the budget. */
export function pay(budget: Budget, text: string): string {
  budget.bounds.spend(1);
  budget.left -= text.length;
  if (budget.left < 0) throw new GoError(outputTooLong(budget.bounds.limits.output));
  return text;
}

/** The refusal of too much text. */
export function outputTooLong(limit: number): string {
  return `the text is longer than ${limit} characters`;
}

/** A value under one verb of a format, as Go's `fmt` prints it. */
export function formatValue(
  value: GoValue,
  { verb, flags, budget }: { readonly verb: string; readonly flags: Flags; readonly budget: Budget },
): string {
  switch (verb) {
    case "T":
      return pad(typeName(value), flags);
    case "p":
      if (value.kind === "map" || value.kind === "list") {
        // An address of the controller's memory: it would differ on every run.
        throw new GoError("%p of a map or slice is not supported");
      }
      return badVerb(value, { verb, flags, budget, depth: 0 });
    case "w":
      return badVerb(value, { verb, flags, budget, depth: 0 });
    default:
      return print(value, { verb, flags, budget, depth: 0 });
  }
}

/** The entries of a map in the order of Go's `range` and `fmt`. */
export function sortedEntries(
  entries: ReadonlyMap<string, GoValue>,
): readonly (readonly [string, GoValue])[] {
  return [...entries].sort(([a], [b]) => compareGoStrings(a, b));
}

interface Printing {
  readonly verb: string;
  readonly flags: Flags;
  readonly budget: Budget;
  /** How deep in maps and lists. */
  readonly depth: number;
  /** The verb that the value does not have: no method of it is asked then. */
  readonly refused?: string;
}

function print(value: GoValue, printing: Printing): string {
  const text = printAny(value, printing);
  // Maps and lists have paid for their parts.
  return value.kind === "map" || value.kind === "list" ? text : pay(printing.budget, text);
}

function printAny(value: GoValue, printing: Printing): string {
  const { verb, flags } = printing;
  switch (value.kind) {
    case "nil":
      return verb === "v" ? pad("<nil>", flags) : badVerb(value, printing);
    case "bool":
      return verb === "t" || verb === "v" ? pad(String(value.value), flags) : badVerb(value, printing);
    case "int":
      return (
        formatInteger(value.value, verb, { ...flags, unsigned: value.type.startsWith("u") }) ??
        badVerb(value, printing)
      );
    case "float":
      return formatFloatVerb(value.value, verb, flags) ?? badVerb(value, printing);
    case "string":
      return formatString(value.value, verb, flags) ?? badVerb(value, printing);
    case "map":
      return printMap(value, printing);
    case "list":
      return printList(value, printing);
    case "object":
      return printObject(value, printing);
  }
}

/** An element, which an `interface {}` may hold nil in. */
function printElement(value: GoValue, element: string, printing: Printing): string {
  if (value.kind === "nil")
    return pay(printing.budget, printing.flags.goSyntax ? `${element}(nil)` : "<nil>");
  return print(value, { ...printing, depth: printing.depth + 1 });
}

function printMap(value: GoValue & { readonly kind: "map" }, printing: Printing): string {
  const { flags, budget } = printing;
  pay(budget, "map[]");
  const entries = sortedEntries(value.entries).map(([key, item]) => {
    const name = printElement({ kind: "string", value: key }, "string", printing);
    return `${name}:${printElement(item, value.element, printing)}`;
  });
  return flags.goSyntax ? `${typeName(value)}{${entries.join(", ")}}` : `map[${entries.join(" ")}]`;
}

function printList(value: GoValue & { readonly kind: "list" }, printing: Printing): string {
  const { verb, flags, depth, budget } = printing;
  pay(budget, "[]");
  if (value.element === "uint8") {
    const bytes = Uint8Array.from(value.items, (item) => (item.kind === "int" ? Number(item.value) : 0));
    if (verb === "x" || verb === "X") return formatBytes(bytes, verb, flags);
    if (verb === "s" || verb === "q") {
      return formatString(decodeGoString(bytes), verb, flags) ?? badVerb(value, printing);
    }
  }
  const items = value.items.map((item) => printElement(item, value.element, printing));
  if (!flags.goSyntax) return `[${items.join(" ")}]`;
  const type = value.element === "uint8" && depth === 0 ? "[]byte" : typeName(value);
  return `${type}{${items.join(", ")}}`;
}

function printObject(value: GoObject, printing: Printing): string {
  const { verb, flags, refused } = printing;
  const asksText = !flags.goSyntax && refused === undefined;
  const text = asksText ? formatString(value.text(), verb, flags) : undefined;
  if (text !== undefined) return text;
  if (value.underlying?.kind === "int") {
    const number = formatInteger(value.underlying.value, verb, { ...flags, unsigned: false });
    return number ?? badVerb(value, printing);
  }
  // Go prints the private fields of the struct.
  const asked = refused ?? verb;
  throw new GoError(`%${flags.goSyntax ? "#" : ""}${asked} of a ${value.type} is not supported`);
}

/** `%!d(string=x)`: what Go prints for a verb that the type does not have. */
function badVerb(value: GoValue, printing: Printing): string {
  const { verb } = printing;
  if (value.kind === "nil") return `%!${verb}(<nil>)`;
  return `%!${verb}(${typeName(value)}=${print(value, { ...printing, verb: "v", refused: verb })})`;
}

/** A value as `%v` prints it. */
export function valueText(value: Reflected, bounds: Bounds): string {
  return print(unbox(value), { verb: "v", flags: plainFlags, budget: printBudget(bounds), depth: 0 });
}

/** A value as `%v` prints it, within a printing that has begun. */
export function partText(value: GoValue, budget: Budget): string {
  return print(value, { verb: "v", flags: plainFlags, budget, depth: 0 });
}
