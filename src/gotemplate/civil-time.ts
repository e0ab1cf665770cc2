import { civilDay, dayNumber } from "../core/calendar.ts";
import type { TimeZone } from "./time-zone.ts";

/** A moment, and the zone whose clock shows it. */
export interface Instant {
  /** Nanoseconds since 1970. */
  readonly nanoseconds: bigint;
  readonly zone: TimeZone;
}

/** What calendar and clock of the zone show. */
export interface CivilTime {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly nanosecond: number;
  /** 0 is Sunday. */
  readonly weekday: number;
  /** 1 is the first of January. */
  readonly dayOfYear: number;
  /** Seconds east of Greenwich. */
  readonly offset: number;
  readonly abbreviation: string;
}

const billion = 1_000_000_000n;

/** Whole seconds since 1970, rounded down. */
export function unixSeconds({ nanoseconds }: Instant): number {
  return Number((nanoseconds - modulo(nanoseconds, billion)) / billion);
}

/** What the zone's clock shows. */
export function civilTime(instant: Instant): CivilTime {
  const seconds = unixSeconds(instant);
  const { offset, abbreviation } = instant.zone.at(seconds);
  const days = Math.floor((seconds + offset) / 86_400);
  const ofDay = seconds + offset - days * 86_400;
  const { year, month, day } = civilDay(days);
  return {
    year,
    month,
    day,
    hour: Math.floor(ofDay / 3600),
    minute: Math.floor(ofDay / 60) % 60,
    second: ofDay % 60,
    nanosecond: Number(modulo(instant.nanoseconds, billion)),
    weekday: (((days + 4) % 7) + 7) % 7,
    dayOfYear: days - dayNumber(year, 1, 1) + 1,
    offset,
    abbreviation,
  };
}

/** Where calendar and clock of a zone show these numbers; a month 13 is the next year's first, and so on. */
export function instantOf(
  civil: Pick<CivilTime, "year" | "month" | "day" | "hour" | "minute" | "second" | "nanosecond">,
  zone: TimeZone,
): Instant {
  const days = dayNumber(civil.year, civil.month, civil.day);
  const shown = days * 86_400 + civil.hour * 3600 + civil.minute * 60 + civil.second;
  // As Go does: the offset of a first guess, and again of what it leads to.
  const guess = shown - zone.at(shown).offset;
  const seconds = shown - zone.at(guess).offset;
  return { nanoseconds: BigInt(seconds) * billion + BigInt(civil.nanosecond), zone };
}

/** Days of a month. */
export function daysIn(year: number, month: number): number {
  return dayNumber(year, month + 1, 1) - dayNumber(year, month, 1);
}

function modulo(value: bigint, by: bigint): bigint {
  return ((value % by) + by) % by;
}
