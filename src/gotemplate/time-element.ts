import { dayNames, monthNames } from "./time-layout.ts";

/** What the elements of a layout have said so far. */
export interface TimeReading {
  year: number;
  /** -1 when nothing was said, as in the other days and months. */
  month: number;
  day: number;
  dayOfYear: number;
  hour: number;
  minute: number;
  second: number;
  nanosecond: number;
  isMorning: boolean;
  isAfternoon: boolean;
  /** `Z` or `UTC`: counts more than what else is said about the zone. */
  isUtc: boolean;
  /** Seconds east of Greenwich. */
  offset: number | undefined;
  zoneName: string;
}

/** One element: how its text looks, and what is done with it. */
export interface ElementReader {
  readonly pattern: RegExp;
  /** @returns what is "out of range", an empty text for what is no such element after all. */
  readonly take: (reading: TimeReading, text: string) => string | undefined;
}

/** A reading of nothing: midnight of the first day. */
export function emptyReading(): TimeReading {
  return {
    year: 0,
    month: -1,
    day: -1,
    dayOfYear: -1,
    hour: 0,
    minute: 0,
    second: 0,
    nanosecond: 0,
    isMorning: false,
    isAfternoon: false,
    isUtc: false,
    offset: undefined,
    zoneName: "",
  };
}

/** The reader of an element such as `Jan`, `15`, `.000` or `Z07:00`. */
export function readerOf(element: string): ElementReader {
  const reader = readers[element];
  if (reader !== undefined) return reader;
  if (/^[.,]0/.test(element)) return { pattern: fractionOf(element.length - 1), take: takeFraction };
  if (/^[.,]9/.test(element)) return { pattern: /^([.,][0-9]+)?/, take: takeFraction };
  const mark = element.startsWith("Z") ? "Z|" : "";
  // What is no sign or no digit is refused later: Go looks at the ranges before.
  const shape = element.slice(1).replace(/[0-9]/g, ".");
  const stride = element.includes(":") ? 3 : 2;
  return {
    pattern: new RegExp(`^(?:${mark}[\\0-\\x7f]${shape})`, "s"),
    take: (to, text) => takeOffset(to, text, stride),
  };
}

const one = /^[0-9]{1,2}/;
const two = /^[0-9]{2}/;
/** A number up to 23, with any zeros in front. */
const hours = "0*(?:2[0-3]|1?[0-9])(?![0-9])";
/** GMT may have hours, a zone without a name has nothing else; other names have three letters, or more and a T. */
const zoneName = new RegExp(
  `^(?:UTC|ChST|MeST|GMT(?:[+-]${hours})?|(?=.{3})[+-]${hours}|(?:[A-Z]{4}T|[A-Z]{3}T|WITA|[A-Z]{3})(?![A-Z]))`,
  "s",
);

const readers: Readonly<Record<string, ElementReader>> = {
  "2006": { pattern: /^[0-9]{4}/, take: (to, text) => set(to, "year", text) },
  // Go reads a number, which may have a sign.
  "06": { pattern: /^(?:[0-9]{2}|[+-][0-9])/, take: takeShortYear },
  "1": { pattern: one, take: takeMonth },
  "01": { pattern: two, take: takeMonth },
  January: { pattern: named(monthNames), take: takeMonthName },
  Jan: { pattern: named(shortened(monthNames)), take: takeMonthName },
  Monday: { pattern: named(dayNames), take: () => undefined },
  Mon: { pattern: named(shortened(dayNames)), take: () => undefined },
  "2": { pattern: one, take: (to, text) => set(to, "day", text) },
  _2: { pattern: /^ ?[0-9]{1,2}/, take: (to, text) => set(to, "day", text) },
  "02": { pattern: two, take: (to, text) => set(to, "day", text) },
  __2: { pattern: /^ {0,2}[0-9]{1,3}/, take: (to, text) => set(to, "dayOfYear", text) },
  "002": { pattern: /^[0-9]{3}/, take: (to, text) => set(to, "dayOfYear", text) },
  "15": { pattern: one, take: (to, text) => within(to, "hour", text, 23) },
  "3": { pattern: one, take: (to, text) => within(to, "hour", text, 12) },
  "03": { pattern: two, take: (to, text) => within(to, "hour", text, 12) },
  "4": { pattern: one, take: (to, text) => within(to, "minute", text, 59) },
  "04": { pattern: two, take: (to, text) => within(to, "minute", text, 59) },
  "5": { pattern: one, take: (to, text) => within(to, "second", text, 59) },
  "05": { pattern: two, take: (to, text) => within(to, "second", text, 59) },
  PM: { pattern: /^(AM|PM)/, take: takeHalf },
  pm: { pattern: /^(am|pm)/, take: takeHalf },
  MST: { pattern: zoneName, take: takeZoneName },
};

function shortened(names: readonly string[]): readonly string[] {
  return names.map((name) => name.slice(0, 3));
}

function named(names: readonly string[]): RegExp {
  return new RegExp(`^(${names.join("|")})`, "i");
}

/** Go reads a number of so many bytes, which may have a sign, and only looks at the first nine. */
function fractionOf(length: number): RegExp {
  const [seen, unseen] = [Math.min(length, 9), Math.max(length - 9, 0)];
  return new RegExp(`^[.,](?:[0-9]{${seen}}|[+-][0-9]{${seen - 1}}).{${unseen}}`, "s");
}

function set(to: TimeReading, field: "year" | "day" | "dayOfYear", text: string): undefined {
  to[field] = Number(text);
  return undefined;
}

function within(
  to: TimeReading,
  field: "hour" | "minute" | "second",
  text: string,
  most: number,
): string | undefined {
  to[field] = Number(text);
  return to[field] > most ? field : undefined;
}

function takeShortYear(to: TimeReading, text: string): undefined {
  const year = Number(text);
  to.year = year + (year >= 69 ? 1900 : 2000);
  return undefined;
}

function takeMonth(to: TimeReading, text: string): string | undefined {
  to.month = Number(text);
  return to.month < 1 || to.month > 12 ? "month" : undefined;
}

function takeMonthName(to: TimeReading, text: string): undefined {
  const start = text.slice(0, 3).toLowerCase();
  to.month = monthNames.findIndex((name) => name.toLowerCase().startsWith(start)) + 1;
  return undefined;
}

function takeHalf(to: TimeReading, text: string): undefined {
  if (text.toLowerCase() === "pm") to.isAfternoon = true;
  else to.isMorning = true;
  return undefined;
}

/** The fraction of a second: a point or comma, and digits; or nothing. */
export function takeFraction(to: TimeReading, text: string): string | undefined {
  if (text === "") return undefined;
  const digits = text.slice(1, 10);
  to.nanosecond = Number(digits.replace(/[+-]/, "0").padEnd(9, "0"));
  return digits.startsWith("-") && to.nanosecond > 0 ? "fractional second" : undefined;
}

/** Hours, minutes and seconds, whose first digits are so far from each other. */
function takeOffset(to: TimeReading, text: string, stride: number): string | undefined {
  if (text === "Z") {
    to.isUtc = true;
    return undefined;
  }
  const parts = [1, 1 + stride, 1 + 2 * stride]
    .filter((start) => start < text.length)
    .map((start) => text.slice(start, start + 2));
  const broken = parts.findIndex((part) => !/^[0-9]{2}$/.test(part));
  const [hour = 0, minute = 0, second = 0] = parts.slice(0, broken < 0 ? undefined : broken).map(Number);
  if (second > 60) return "time zone offset second";
  if (minute > 60) return "time zone offset minute";
  if (hour > 24) return "time zone offset hour";
  if (broken >= 0 || !/^[+-]/.test(text)) return "";
  to.offset = (hour * 3600 + minute * 60 + second) * (text.startsWith("-") ? -1 : 1);
  return undefined;
}

function takeZoneName(to: TimeReading, text: string): undefined {
  if (text === "UTC") to.isUtc = true;
  else to.zoneName = text;
  return undefined;
}
