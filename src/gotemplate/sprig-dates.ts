import type { Instant } from "./civil-time.ts";
import { unixSeconds } from "./civil-time.ts";
import { formatTime } from "./format-time.ts";
import { durationText, parseDuration, roundedDuration } from "./go-duration.ts";
import { goTime, timeOf, zeroTime } from "./go-time.ts";
import { parseTime } from "./parse-time.ts";
import { parseInteger } from "./sprig-cast.ts";
import { alias, define, goString, textAt, valueAt } from "./sprig-definition.ts";
import { loadZone, localZone } from "./time-zone.ts";
import { GoError, type GoFunction, type GoType, type GoValue, type World } from "./value.ts";

const any: GoType = "interface {}";
const billion = 1_000_000_000n;

const dateInZone = define("dateInZone", ["string", any, "string"], (args, world) =>
  goString(show(textAt(args, 0), valueAt(args, 1), textAt(args, 2), world)),
);
const dateModify = define("dateModify", ["string", "time.Time"], (args, world) =>
  orElse(() => modified(args, world), valueAt(args, 1)),
);
const mustDateModify = define("mustDateModify", ["string", "time.Time"], modified);

/** Sprig's functions of dates and durations. */
export const dateFunctions: readonly GoFunction[] = [
  define("now", [], (_args, world) => goTime(now(world), world.utcOffset)),
  define("date", ["string", any], (args, world) =>
    goString(show(textAt(args, 0), valueAt(args, 1), "Local", world)),
  ),
  dateInZone,
  alias("date_in_zone", dateInZone),
  define("htmlDate", [any], (args, world) => goString(show("2006-01-02", valueAt(args, 0), "Local", world))),
  define("htmlDateInZone", [any, "string"], (args, world) =>
    goString(show("2006-01-02", valueAt(args, 0), textAt(args, 1), world)),
  ),
  dateModify,
  alias("date_modify", dateModify),
  mustDateModify,
  alias("must_date_modify", mustDateModify),
  define("toDate", ["string", "string"], (args, world) =>
    orElse(() => parsed(args, world), goTime(zeroTime, world.utcOffset)),
  ),
  define("mustToDate", ["string", "string"], parsed),
  define("unixEpoch", ["time.Time"], (args) =>
    goString(String(unixSeconds(timeOf(valueAt(args, 0)) ?? zeroTime))),
  ),
  define("ago", [any], (args, world) => {
    const since =
      now(world).nanoseconds - (momentOf(valueAt(args, 0), ["int", "int64"]) ?? now(world)).nanoseconds;
    return goString(durationText(roundToSecond(since)));
  }),
  define("duration", [any], (args) =>
    goString(durationText(BigInt.asIntN(64, seconds(valueAt(args, 0)) * billion))),
  ),
  define("durationRound", [any], (args, world) =>
    goString(roundedDuration(lengthOf(valueAt(args, 0), world))),
  ),
];

function now(world: World): Instant {
  return { nanoseconds: BigInt(Math.trunc(world.now())) * 1_000_000n, zone: localZone(world.utcOffset) };
}

/** A moment in a layout and a zone; what is no moment counts as now. */
function show(layout: string, value: GoValue, zone: string, world: World): string {
  const { nanoseconds } = momentOf(value, ["int", "int32", "int64"]) ?? now(world);
  return formatTime({ nanoseconds, zone: loadZone(zone, world.utcOffset) }, layout);
}

/** A `time.Time`, or a number of seconds since 1970 of one of these types. */
function momentOf(value: GoValue, types: readonly string[]): Pick<Instant, "nanoseconds"> | undefined {
  if (value.kind === "int" && types.includes(value.type)) return { nanoseconds: value.value * billion };
  return timeOf(value);
}

function modified(args: readonly GoValue[], world: World): GoValue {
  const duration = parseDuration(textAt(args, 0));
  const time = timeOf(valueAt(args, 1)) ?? zeroTime;
  return goTime({ ...time, nanoseconds: time.nanoseconds + duration }, world.utcOffset);
}

function parsed(args: readonly GoValue[], world: World): GoValue {
  return goTime(parseTime(textAt(args, 0), textAt(args, 1), localZone(world.utcOffset)), world.utcOffset);
}

function orElse(attempt: () => GoValue, otherwise: GoValue): GoValue {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof GoError) return otherwise;
    throw error;
  }
}

function seconds(value: GoValue): bigint {
  if (value.kind === "int" && value.type === "int64") return value.value;
  if (value.kind !== "string") return 0n;
  const { value: whole, clamped } = parseInteger(value.value, 10);
  return whole ?? clamped ?? 0n;
}

function lengthOf(value: GoValue, world: World): bigint {
  const time = timeOf(value);
  if (time !== undefined) return now(world).nanoseconds - time.nanoseconds;
  if (value.kind === "int" && value.type === "int64") return value.value;
  if (value.kind !== "string") return 0n;
  try {
    return parseDuration(value.value);
  } catch (error) {
    if (error instanceof GoError) return 0n;
    throw error;
  }
}

/** Half a second and more goes away from zero. */
function roundToSecond(nanoseconds: bigint): bigint {
  const half = nanoseconds < 0n ? -billion / 2n : billion / 2n;
  return ((nanoseconds + half) / billion) * billion;
}
