import { daysIn, type Instant, instantOf, unixSeconds } from "./civil-time.ts";
import { quoteForTime } from "./go-duration.ts";
import { emptyReading, readerOf, type TimeReading, takeFraction } from "./time-element.ts";
import { splitLayout } from "./time-layout.ts";
import { fixedZone, type TimeZone, utc } from "./time-zone.ts";
import { GoError } from "./value.ts";

/** Makes an error of what is wrong with the text as a whole. */
type Refusal = (what: string) => GoError;

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
      `parsing time ${quoteForTime(text)} as ${quoteForTime(layout)}: cannot parse ${quoteForTime(rest)} as ${quoteForTime(element)}`,
    );
  const wrong: Refusal = (what) => new GoError(`parsing time ${quoteForTime(text)}: ${what}`);
  const pieces = splitLayout(layout);
  for (const [index, piece] of pieces.entries()) {
    if (!piece.element) {
      const { left, matches } = skip(rest, piece.text);
      rest = left;
      if (!matches) throw refuse(piece.text);
      continue;
    }
    const reader = readerOf(piece.text);
    const found = reader.pattern.exec(rest)?.[0];
    if (found === undefined) throw refuse(piece.text);
    const problem = reader.take(reading, found);
    if (problem === "") throw refuse(piece.text);
    if (problem !== undefined) throw wrong(`${problem} out of range`);
    rest = rest.slice(found.length);
    const next = pieces.slice(index + 1).find(({ element }) => element)?.text ?? "";
    if (/^0?5$/.test(piece.text) && !/^[.,]/.test(next)) {
      // A fraction may follow the seconds although the layout has none.
      const fraction = /^[.,][0-9]+/.exec(rest)?.[0] ?? "";
      takeFraction(reading, fraction);
      rest = rest.slice(fraction.length);
    }
  }
  if (rest !== "") throw wrong(`extra text: ${quoteForTime(rest)}`);
  return momentOf(reading, local, wrong);
}

/** Text that stands for itself; a run of blanks stands for any blanks. Skips as far as it is there. */
function skip(text: string, literal: string): { readonly left: string; readonly matches: boolean } {
  let rest = text;
  for (const character of literal.replace(/ +/g, " ")) {
    if (character === " ") {
      if (rest !== "" && !rest.startsWith(" ")) return { left: rest, matches: false };
      rest = rest.replace(/^ +/, "");
    } else if (rest.startsWith(character)) rest = rest.slice(character.length);
    else return { left: rest, matches: false };
  }
  return { left: rest, matches: true };
}

function momentOf(reading: TimeReading, local: TimeZone, wrong: Refusal): Instant {
  const civil = { ...reading, ...dateOf(reading, wrong), hour: hourOf(reading) };
  const { isUtc, offset, zoneName } = reading;
  if (isUtc) return instantOf(civil, utc);
  // -1 means to Go that there was no offset.
  if (offset !== undefined && offset !== -1) {
    const moment = instantOf(civil, fixedZone(offset, zoneName));
    const here = local.at(unixSeconds(moment));
    const isLocal = here.offset === offset && (zoneName === "" || zoneName === here.abbreviation);
    return isLocal ? { ...moment, zone: local } : moment;
  }
  if (zoneName === "") return instantOf(civil, local);
  // A name says nothing of an offset: Go takes zero, and keeps the name. That of "GMT+3" is only for show.
  const hours = /^GMT./.test(zoneName) ? Number(zoneName.slice(3)) : 0;
  return { ...instantOf(civil, utc), zone: fixedZone(hours * 3600, zoneName) };
}

function hourOf({ hour, isAfternoon, isMorning }: TimeReading): number {
  if (isAfternoon && hour < 12) return hour + 12;
  return isMorning && hour === 12 ? 0 : hour;
}

/** Month and day, which the day of the year says as well, or instead. */
function dateOf({ year, month, day, dayOfYear }: TimeReading, wrong: Refusal) {
  if (dayOfYear < 0) {
    const said = { month: month < 0 ? 1 : month, day: day < 0 ? 1 : day };
    if (said.day < 1 || said.day > daysIn(year, said.month)) throw wrong("day out of range");
    return said;
  }
  if (dayOfYear < 1 || dayOfYear > (daysIn(year, 2) === 29 ? 366 : 365)) {
    throw wrong("day-of-year out of range");
  }
  const found = { month: 1, day: dayOfYear };
  while (found.day > daysIn(year, found.month)) found.day -= daysIn(year, found.month++);
  if (month >= 0 && month !== found.month) throw wrong("day-of-year does not match month");
  if (day >= 0 && day !== found.day) throw wrong("day-of-year does not match day");
  return found;
}
