import { normalizeTime } from "./time.ts";

/** A moment in UTC, as a calendar and a clock show it. Months and days count from 1. */
export interface CivilTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

const dayMs = 86_400_000;
/** Days from 1 March of the year 0 to 1 January 1970, in the Gregorian calendar. */
const epochDay = 719_468;
/** Days in 400 years, after which the calendar repeats. */
const eraDays = 146_097;

/** What calendar and clock show at a moment. @param epochMs - Milliseconds since 1970-01-01T00:00:00Z. */
export function civilTime(epochMs: number): CivilTime {
  const day = Math.floor(epochMs / dayMs);
  const seconds = Math.floor((epochMs - day * dayMs) / 1000);
  return {
    ...civilDay(day),
    hour: Math.floor(seconds / 3600),
    minute: Math.floor(seconds / 60) % 60,
    second: seconds % 60,
  };
}

/** An RFC 3339 time as milliseconds since 1970; `undefined` when the text is none. */
export function epochOf(text: string): number | undefined {
  const time = normalizeTime(text);
  if (time === undefined) return undefined;
  const field = (start: number, end: number) => Number(time.slice(start, end));
  const days = dayNumber(field(0, 4), field(5, 7), field(8, 10));
  const clock = (field(11, 13) * 60 + field(14, 16)) * 60 + field(17, 19);
  const [, fraction = "0", sign = "+", hours = "0", minutes = "0"] =
    /^(\.\d+)?(?:Z|([+-])(\d\d):(\d\d))$/.exec(time.slice(19)) ?? [];
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -1 : 1);
  return days * dayMs + (clock - offset * 60) * 1000 + Math.floor(Number(fraction) * 1000);
}

/**
 * The day of the Gregorian calendar, which is used for all times.
 *
 * @param day - Days since 1970-01-01.
 */
// Years that begin in March have their odd day at the end, so that the lengths of months follow one formula.
export function civilDay(day: number): Pick<CivilTime, "year" | "month" | "day"> {
  const shifted = day + epochDay;
  const era = Math.floor(shifted / eraDays);
  const inEra = shifted - era * eraDays;
  const yearOfEra = Math.floor(
    (inEra - Math.floor(inEra / 1460) + Math.floor(inEra / 36_524) - Math.floor(inEra / 146_096)) / 365,
  );
  const inYear = inEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * inYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: inYear - Math.floor((153 * fromMarch + 2) / 5) + 1,
  };
}

/** Days from 1970-01-01 to a day. The inverse of {@link civilDay}; a month 13 is the next year's first, and so on. */
export function dayNumber(year: number, month: number, day: number): number {
  const marchYear = year + Math.floor((month - 3) / 12);
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const fromMarch = (((month - 3) % 12) + 12) % 12;
  const inYear = Math.floor((153 * fromMarch + 2) / 5) + day - 1;
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * eraDays + yearOfEra * 365 + leapDays + inYear - epochDay;
}
