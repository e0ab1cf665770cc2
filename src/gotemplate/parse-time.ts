import { daysIn, type Instant, instantOf } from "./civil-time.ts";
import { quote } from "./quote.ts";
import { dayNames, monthNames, splitLayout } from "./time-layout.ts";
import { fixedZone, type TimeZone, utc } from "./time-zone.ts";
import { GoError } from "./value.ts";

/** What the elements of a layout say, as they are read. */
interface Reading {
  year: number;
  month: number;
  day: number;
  dayOfYear: number;
  hour: number;
  minute: number;
  second: number;
  nanosecond: number;
  afternoon: "am" | "pm" | undefined;
  zone: TimeZone | undefined;
}

/** One element: how its text looks, and what is done with it; a word in return means "WORD out of range". */
interface Reader {
  readonly pattern: RegExp;
  readonly take: (reading: Reading, text: string) => string | undefined;
}

/**
 * `time.ParseInLocation`.
 *
 * @throws GoError as Go words it
 */
export function parseTime(layout: string, text: string, local: TimeZone): Instant {
  const reading = emptyReading();
  let rest = text;
  const refuse = (element: string): GoError =>
    new GoError(
      `parsing time ${quote(text)} as ${quote(layout)}: cannot parse ${quote(rest)} as ${quote(element)}`,
    );
  const range = (what: string): GoError => new GoError(`parsing time ${quote(text)}: ${what} out of range`);
  const pieces = splitLayout(layout);
  for (const [index, piece] of pieces.entries()) {
    if (!piece.element) {
      const left = skip(rest, piece.text);
      if (left === undefined) throw refuse(piece.text);
      rest = left;
      continue;
    }
    const reader = readerOf(piece.text);
    const found = reader.pattern.exec(rest)?.[0];
    if (found === undefined) throw refuse(piece.text);
    const problem = reader.take(reading, found);
    if (problem !== undefined) throw range(problem);
    rest = rest.slice(found.length);
    if (/^0?5$/.test(piece.text) && !/^[.,]/.test(pieces[index + 1]?.text ?? "")) {
      // A fraction may follow the seconds although the layout has none.
      const fraction = /^[.,][0-9]+/.exec(rest)?.[0] ?? "";
      reading.nanosecond = nanoseconds(fraction);
      rest = rest.slice(fraction.length);
    }
  }
  if (rest !== "") throw new GoError(`parsing time ${quote(text)}: extra text: ${quote(rest)}`);
  return finish(reading, local, range);
}

function finish(reading: Reading, local: TimeZone, range: (what: string) => GoError): Instant {
  const { year, dayOfYear, afternoon } = reading;
  let { month, day, hour } = reading;
  if (afternoon === "pm" && hour < 12) hour += 12;
  if (afternoon === "am" && hour === 12) hour = 0;
  if (dayOfYear > 0) {
    if (dayOfYear > (daysIn(year, 2) === 29 ? 366 : 365)) throw range("day-of-year");
    [month, day] = [1, dayOfYear];
  } else {
    month = month < 0 ? 1 : month;
    day = day < 0 ? 1 : day;
    if (day < 1 || day > daysIn(year, month)) throw range("day");
  }
  return instantOf({ ...reading, year, month, day, hour }, reading.zone ?? local);
}

function emptyReading(): Reading {
  return {
    year: 0,
    month: -1,
    day: -1,
    dayOfYear: -1,
    hour: 0,
    minute: 0,
    second: 0,
    nanosecond: 0,
    afternoon: undefined,
    zone: undefined,
  };
}

/** Text that stands for itself; a run of blanks stands for any blanks. */
function skip(text: string, literal: string): string | undefined {
  let rest = text;
  for (const character of literal.replace(/ +/g, " ")) {
    if (character === " ") {
      if (rest !== "" && !rest.startsWith(" ")) return undefined;
      rest = rest.replace(/^ +/, "");
    } else if (rest.startsWith(character)) rest = rest.slice(character.length);
    else return undefined;
  }
  return rest;
}

const one = /^[0-9]{1,2}/;
const two = /^[0-9]{2}/;

const readers: Readonly<Record<string, Reader>> = {
  "2006": { pattern: /^[0-9]{4}/, take: (to, text) => set(to, "year", Number(text)) },
  "06": {
    pattern: two,
    take: (to, text) => set(to, "year", Number(text) + (Number(text) >= 69 ? 1900 : 2000)),
  },
  "1": { pattern: one, take: month },
  "01": { pattern: two, take: month },
  January: { pattern: new RegExp(`^(${monthNames.join("|")})`, "i"), take: monthName },
  Jan: {
    pattern: new RegExp(`^(${monthNames.map((name) => name.slice(0, 3)).join("|")})`, "i"),
    take: monthName,
  },
  Monday: { pattern: new RegExp(`^(${dayNames.join("|")})`, "i"), take: () => undefined },
  Mon: {
    pattern: new RegExp(`^(${dayNames.map((name) => name.slice(0, 3)).join("|")})`, "i"),
    take: () => undefined,
  },
  "2": { pattern: one, take: (to, text) => set(to, "day", Number(text)) },
  _2: { pattern: /^ ?[0-9]{1,2}/, take: (to, text) => set(to, "day", Number(text)) },
  "02": { pattern: two, take: (to, text) => set(to, "day", Number(text)) },
  __2: { pattern: /^ {0,2}[0-9]{1,3}/, take: (to, text) => set(to, "dayOfYear", Number(text)) },
  "002": { pattern: /^[0-9]{3}/, take: (to, text) => set(to, "dayOfYear", Number(text)) },
  "15": { pattern: one, take: (to, text) => within(to, "hour", Number(text), 23) },
  "3": { pattern: one, take: (to, text) => within(to, "hour", Number(text), 12) },
  "03": { pattern: two, take: (to, text) => within(to, "hour", Number(text), 12) },
  "4": { pattern: one, take: (to, text) => within(to, "minute", Number(text), 59) },
  "04": { pattern: two, take: (to, text) => within(to, "minute", Number(text), 59) },
  "5": { pattern: one, take: (to, text) => within(to, "second", Number(text), 59) },
  "05": { pattern: two, take: (to, text) => within(to, "second", Number(text), 59) },
  PM: { pattern: /^(AM|PM)/, take: afternoon },
  pm: { pattern: /^(am|pm)/, take: afternoon },
  MST: { pattern: /^([A-Z]{3,5}|[+-][0-9]{2}(?![0-9]))/, take: namedZone },
};

function readerOf(element: string): Reader {
  const reader = readers[element];
  if (reader !== undefined) return reader;
  if (/^[.,]0/.test(element)) {
    return { pattern: new RegExp(`^[.,][0-9]{${element.length - 1}}(?![0-9])`), take: fraction };
  }
  if (/^[.,]9/.test(element)) return { pattern: /^([.,][0-9]+)?/, take: fraction };
  const numbers = element.slice(1).replace(/[0-9]/g, "[0-9]");
  return { pattern: new RegExp(`^(${element.startsWith("Z") ? "Z|" : ""}[+-]${numbers})`), take: zone };
}

function set(to: Reading, field: "year" | "day" | "dayOfYear", value: number): undefined {
  to[field] = value;
  return undefined;
}

function within(
  to: Reading,
  field: "hour" | "minute" | "second",
  value: number,
  most: number,
): string | undefined {
  to[field] = value;
  return value > most ? field : undefined;
}

function month(to: Reading, text: string): string | undefined {
  to.month = Number(text);
  return to.month < 1 || to.month > 12 ? "month" : undefined;
}

function monthName(to: Reading, text: string): undefined {
  const start = text.slice(0, 3).toLowerCase();
  to.month = monthNames.findIndex((name) => name.toLowerCase().startsWith(start)) + 1;
  return undefined;
}

function afternoon(to: Reading, text: string): undefined {
  to.afternoon = text.toLowerCase() === "pm" ? "pm" : "am";
  return undefined;
}

function fraction(to: Reading, text: string): undefined {
  to.nanosecond = nanoseconds(text);
  return undefined;
}

function nanoseconds(text: string): number {
  return Number(text.slice(1, 10).padEnd(9, "0"));
}

function zone(to: Reading, text: string): string | undefined {
  if (text === "Z") {
    to.zone = utc;
    return undefined;
  }
  const [hours = 0, minutes = 0, seconds = 0] = (text.slice(1).match(/[0-9]{2}/g) ?? []).map(Number);
  if (hours > 24) return "time zone offset hour";
  if (minutes > 60) return "time zone offset minute";
  const offset = (hours * 3600 + minutes * 60 + seconds) * (text.startsWith("-") ? -1 : 1);
  to.zone = offset === 0 ? utc : fixedZone(offset);
  return undefined;
}

/** Letters alone say nothing of an offset: Go takes zero, and keeps the name. */
function namedZone(to: Reading, text: string): undefined {
  to.zone = text === "UTC" ? utc : fixedZone(0, text);
  return undefined;
}
