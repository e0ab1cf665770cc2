import { civilTime, type Instant, instantOf, unixSeconds } from "./civil-time.ts";
import { formatTime } from "./format-time.ts";
import { durationText } from "./go-duration.ts";
import { goBool, goInt, goInt64, goString, integerAt, textAt, valueAt } from "./sprig-definition.ts";
import { dayNames, monthNames } from "./time-layout.ts";
import { localZone, utc } from "./time-zone.ts";
import type { GoObject, GoType, GoValue } from "./value.ts";

const instants = new WeakMap<GoValue, Instant>();
type Method = (instant: Instant, args: readonly GoValue[], localMinutes: number) => GoValue;

/** A `time.Time`. */
export function goTime(instant: Instant, localMinutes: number): GoObject {
  const value: GoObject = {
    kind: "object",
    type: "time.Time",
    member: (name) => {
      const method = methods[name];
      return (
        method && { call: (args) => method(instant, args, localMinutes), parameters: parameters[name] ?? [] }
      );
    },
    text: () => formatTime(instant, "2006-01-02 15:04:05.999999999 -0700 MST"),
  };
  instants.set(value, instant);
  return value;
}

/** The moment that a `time.Time` holds; undefined for every other value. */
export function timeOf(value: GoValue): Instant | undefined {
  return instants.get(value);
}

/** A `time.Duration`. */
function goDuration(nanoseconds: bigint): GoObject {
  const float =
    (unit: number): (() => GoValue) =>
    () => ({ kind: "float", value: Number(nanoseconds) / unit });
  const members: Readonly<Record<string, () => GoValue>> = {
    Hours: float(3.6e12),
    Minutes: float(6e10),
    Seconds: float(1e9),
    Milliseconds: () => goInt64(nanoseconds / 1_000_000n),
    Microseconds: () => goInt64(nanoseconds / 1000n),
    Nanoseconds: () => goInt64(nanoseconds),
    String: () => goString(durationText(nanoseconds)),
  };
  return {
    kind: "object",
    type: "time.Duration",
    member: (name) => {
      const call = members[name];
      return call && { call, parameters: [] };
    },
    text: () => durationText(nanoseconds),
    underlying: goInt64(nanoseconds),
  };
}

/** A number with a name: `time.Month`, `time.Weekday`. */
function namedNumber(type: string, value: number, name: string): GoObject {
  return {
    kind: "object",
    type,
    member: (member) => (member === "String" ? { call: () => goString(name), parameters: [] } : undefined),
    text: () => name,
    underlying: goInt(value),
  };
}

const methods: Readonly<Record<string, Method>> = {
  Year: (time) => goInt(civilTime(time).year),
  Month: (time) => {
    const { month } = civilTime(time);
    return namedNumber("time.Month", month, monthNames[month - 1] ?? "");
  },
  Weekday: (time) => {
    const { weekday } = civilTime(time);
    return namedNumber("time.Weekday", weekday, dayNames[weekday] ?? "");
  },
  Day: (time) => goInt(civilTime(time).day),
  YearDay: (time) => goInt(civilTime(time).dayOfYear),
  Hour: (time) => goInt(civilTime(time).hour),
  Minute: (time) => goInt(civilTime(time).minute),
  Second: (time) => goInt(civilTime(time).second),
  Nanosecond: (time) => goInt(civilTime(time).nanosecond),
  Unix: (time) => goInt64(BigInt(unixSeconds(time))),
  UnixMilli: (time) => goInt64(floorDivide(time.nanoseconds, 1_000_000n)),
  UnixMicro: (time) => goInt64(floorDivide(time.nanoseconds, 1000n)),
  UnixNano: (time) => goInt64(time.nanoseconds),
  IsZero: ({ nanoseconds }) => goBool(nanoseconds === zeroTime.nanoseconds),
  Format: (time, args) => goString(formatTime(time, textAt(args, 0))),
  String: (time) => goString(formatTime(time, "2006-01-02 15:04:05.999999999 -0700 MST")),
  UTC: (time, _args, minutes) => goTime({ ...time, zone: utc }, minutes),
  Local: (time, _args, minutes) => goTime({ ...time, zone: localZone(minutes) }, minutes),
  AddDate: (time, args, minutes) => {
    const civil = civilTime(time);
    const month = civil.month + integerAt(args, 1);
    const parts = {
      ...civil,
      year: civil.year + integerAt(args, 0),
      month,
      day: civil.day + integerAt(args, 2),
    };
    return goTime(instantOf(parts, time.zone), minutes);
  },
  Before: (time, args) => goBool(time.nanoseconds < other(args)),
  After: (time, args) => goBool(time.nanoseconds > other(args)),
  Equal: (time, args) => goBool(time.nanoseconds === other(args)),
  Compare: (time, args) => {
    const difference = time.nanoseconds - other(args);
    return goInt(difference === 0n ? 0 : difference < 0n ? -1 : 1);
  },
  Sub: (time, args) => goDuration(time.nanoseconds - other(args)),
  Add: (time, args, minutes) =>
    goTime({ ...time, nanoseconds: time.nanoseconds + durationAt(args, 0) }, minutes),
  Truncate: (time, args, minutes) =>
    goTime({ ...time, nanoseconds: truncated(time, durationAt(args, 0)) }, minutes),
  Round: (time, args, minutes) => {
    const unit = durationAt(args, 0);
    const half = unit > 0n ? unit / 2n + (unit % 2n) : 0n;
    return goTime(
      { ...time, nanoseconds: truncated({ nanoseconds: time.nanoseconds + half }, unit) },
      minutes,
    );
  },
};

/** What the methods take that take anything. */
const parameters: Readonly<Record<string, readonly GoType[]>> = {
  Format: ["string"],
  AddDate: ["int", "int", "int"],
  Before: ["time.Time"],
  After: ["time.Time"],
  Equal: ["time.Time"],
  Compare: ["time.Time"],
  Sub: ["time.Time"],
  Add: ["time.Duration"],
  Truncate: ["time.Duration"],
  Round: ["time.Duration"],
};

/** The first second of the year 1, UTC: what Go's times are before they are set. */
export const zeroTime: Instant = instantOf(
  { year: 1, month: 1, day: 1, hour: 0, minute: 0, second: 0, nanosecond: 0 },
  utc,
);

function other(args: readonly GoValue[]): bigint {
  return (timeOf(valueAt(args, 0)) ?? zeroTime).nanoseconds;
}

/** Whole units since the first second of the year 1, as Go counts them. */
function truncated({ nanoseconds }: Pick<Instant, "nanoseconds">, unit: bigint): bigint {
  if (unit <= 0n) return nanoseconds;
  const since = nanoseconds - zeroTime.nanoseconds;
  return zeroTime.nanoseconds + floorDivide(since, unit) * unit;
}

/** A `time.Duration`, or a whole number that a template writes for one. */
function durationAt(args: readonly GoValue[], index: number): bigint {
  const value = valueAt(args, index);
  const plain = value.kind === "object" ? value.underlying : value;
  return plain?.kind === "int" ? plain.value : 0n;
}

function floorDivide(value: bigint, by: bigint): bigint {
  return (value - (((value % by) + by) % by)) / by;
}
