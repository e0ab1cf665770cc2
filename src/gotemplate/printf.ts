import { typeName } from "./go-type.ts";
import type { Flags } from "./print-text.ts";
import {
  type Bounds,
  type Budget,
  formatValue,
  looseBounds,
  partText,
  pay,
  printBudget,
} from "./print-value.ts";
import type { GoValue } from "./value.ts";

/** Go's `fmt.Sprint`: a space between two operands of which none is a string. */
export function sprint(values: readonly GoValue[], bounds: Bounds = looseBounds): string {
  const budget = printBudget(bounds);
  let text = "";
  for (const [i, value] of values.entries()) {
    if (i > 0 && value.kind !== "string" && values[i - 1]?.kind !== "string") text += " ";
    text += partText(value, budget);
  }
  return text;
}

/** Go's `fmt.Sprintln`. */
export function sprintln(values: readonly GoValue[], bounds: Bounds): string {
  const budget = printBudget(bounds);
  return `${values.map((value) => partText(value, budget)).join(" ")}\n`;
}

/** Where the reading of a format is. */
interface Reading {
  readonly format: string;
  readonly values: readonly GoValue[];
  readonly budget: Budget;
  at: number;
  /** The next value to print. */
  next: number;
  /** An explicit index was used: values may stay unprinted. */
  reordered: boolean;
  isIndexGood: boolean;
  /** The last thing read was an index like `[3]`. */
  afterIndex: boolean;
}

/**
 * Go's `fmt.Sprintf`. What is wrong with the format shows in the result (`%!d(string=x)`, `%!s(MISSING)`), as in Go.
 */
export function sprintf(format: string, values: readonly GoValue[], bounds: Bounds): string {
  const reading: Reading = {
    format,
    values,
    budget: printBudget(bounds),
    at: 0,
    next: 0,
    reordered: false,
    isIndexGood: true,
    afterIndex: false,
  };
  let text = "";
  while (reading.at < format.length) {
    const percent = format.indexOf("%", reading.at);
    const end = percent < 0 ? format.length : percent;
    text += pay(reading.budget, format.slice(reading.at, end));
    reading.at = end + 1;
    if (percent >= 0) text += formatVerb(reading);
  }
  return text + extra(reading);
}

/** `%!(EXTRA int=1, string=x)` for values that no verb printed. */
function extra({ reordered, next, values, budget }: Reading): string {
  if (reordered || next >= values.length) return "";
  const rest = values
    .slice(next)
    .map((value) => (value.kind === "nil" ? "<nil>" : `${typeName(value)}=${partText(value, budget)}`));
  return `%!(EXTRA ${rest.join(", ")})`;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** One verb with its flags; what stands before the value (`%!(BADWIDTH)`) is part of the result. */
function formatVerb(reading: Reading): string {
  const { format, values } = reading;
  reading.isIndexGood = true;
  reading.afterIndex = false;
  const flags = readFlags(reading);
  const trouble = readWidth(reading, flags) + readPrecision(reading, flags);
  if (!reading.afterIndex) readIndex(reading);
  const code = format.codePointAt(reading.at);
  if (code === undefined) return `${trouble}%!(NOVERB)`;
  const verb = String.fromCodePoint(code);
  reading.at += verb.length;
  if (verb === "%") return `${trouble}%`;
  if (!reading.isIndexGood) return `${trouble}%!${verb}(BADINDEX)`;
  const value = values[reading.next];
  if (value === undefined) return `${trouble}%!${verb}(MISSING)`;
  reading.next++;
  // %w is read as %v, though it only takes the errors of another function.
  const isPlain = verb === "v" || verb === "w";
  const shown = isPlain ? { ...flags, goSyntax: flags.sharp, sharp: false, plus: false } : flags;
  return trouble + formatValue(value, { verb, flags: shown, budget: reading.budget });
}

function readFlags(reading: Reading): Writable<Flags> {
  const flags: Writable<Flags> = {
    minus: false,
    plus: false,
    sharp: false,
    space: false,
    zero: false,
    goSyntax: false,
  };
  for (; ; reading.at++) {
    switch (reading.format[reading.at]) {
      case "-":
        flags.minus = true;
        break;
      case "+":
        flags.plus = true;
        break;
      case "#":
        flags.sharp = true;
        break;
      case " ":
        flags.space = true;
        break;
      case "0":
        flags.zero = true;
        break;
      default:
        return flags;
    }
  }
}

function readWidth(reading: Reading, flags: Writable<Flags>): string {
  readIndex(reading);
  if (reading.format[reading.at] !== "*") {
    flags.width = readNumber(reading);
    if (reading.afterIndex && flags.width !== undefined) reading.isIndexGood = false;
    return "";
  }
  reading.at++;
  flags.width = takeInteger(reading);
  reading.afterIndex = false;
  if (flags.width === undefined) return "%!(BADWIDTH)";
  if (flags.width < 0) {
    flags.width = -flags.width;
    flags.minus = true;
    flags.zero = false;
  }
  return "";
}

function readPrecision(reading: Reading, flags: Writable<Flags>): string {
  const { format } = reading;
  // A point at the very end is the verb "." to Go.
  if (format[reading.at] !== "." || reading.at + 1 >= format.length) return "";
  reading.at++;
  if (reading.afterIndex) reading.isIndexGood = false;
  readIndex(reading);
  if (format[reading.at] !== "*") {
    flags.precision = readNumber(reading) ?? 0;
    return "";
  }
  reading.at++;
  const precision = takeInteger(reading);
  reading.afterIndex = false;
  if (precision === undefined || precision < 0) return "%!(BADPREC)";
  flags.precision = precision;
  return "";
}

const tooLarge = 1_000_000;

/** A decimal number; one beyond a million ends the format, as in Go. */
function readNumber(reading: Reading): number | undefined {
  const digits = /^[0-9]*/.exec(reading.format.slice(reading.at, reading.at + 20))?.[0] ?? "";
  const value = Number(digits);
  if (Math.floor(value / 10) > tooLarge) {
    reading.at = reading.format.length;
    return;
  }
  reading.at += digits.length;
  return digits === "" ? undefined : value;
}

/** The value for a `*`. */
function takeInteger(reading: Reading): number | undefined {
  const value = reading.values[reading.next];
  if (value === undefined) return;
  reading.next++;
  if (value.kind !== "int") return;
  const number = Number(value.value);
  return Math.abs(number) > tooLarge ? undefined : number;
}

/** An explicit index, `[2]`, counted from one. */
function readIndex(reading: Reading): void {
  reading.afterIndex = false;
  const { format, at, values } = reading;
  if (format[at] !== "[") return;
  reading.reordered = true;
  const close = format.indexOf("]", at);
  if (close < 0) {
    reading.at = at + 1;
    reading.isIndexGood = false;
    return;
  }
  reading.at = close + 1;
  const inside = format.slice(at + 1, close);
  const index = /^[0-9]{1,7}$/.test(inside) ? Number(inside) - 1 : undefined;
  reading.afterIndex = index !== undefined;
  if (index !== undefined && index >= 0 && index < values.length) reading.next = index;
  else reading.isIndexGood = false;
}
