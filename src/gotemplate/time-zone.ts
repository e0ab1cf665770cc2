import { dayNumber } from "../core/calendar.ts";
/** A place's clock. */
export interface TimeZone {
  /** As `time.Location` prints it: `UTC`, `Local`, `Europe/Berlin`. */
  readonly name: string;
  /** What its clock shows at a moment, in seconds since 1970. */
  readonly at: (seconds: number) => ZoneOffset;
}

interface ZoneOffset {
  /** Seconds east of Greenwich. */
  readonly offset: number;
  /** `UTC`, `CET`, or `+0530` where the zone has no letters. */
  readonly abbreviation: string;
}

export const utc: TimeZone = { name: "UTC", at: () => ({ offset: 0, abbreviation: "UTC" }) };

/** A fixed distance to Greenwich, without a name of its own unless one is given. */
export function fixedZone(offset: number, name = ""): TimeZone {
  return { name, at: () => ({ offset, abbreviation: name }) };
}

/** The zone of the process, from minutes east of UTC. */
export function localZone(minutes: number): TimeZone {
  const abbreviation = minutes === 0 ? "UTC" : offsetText(minutes * 60);
  return { name: "Local", at: () => ({ offset: minutes * 60, abbreviation }) };
}

/** A zone of the time zone database; UTC for a name that it does not know, as Sprig has it. */
export function loadZone(name: string, localMinutes: number): TimeZone {
  if (name === "Local") return localZone(localMinutes);
  if (name === "" || name === "UTC" || !/^[A-Za-z][\w+/-]*$/.test(name)) return utc;
  try {
    const numbers = new Intl.DateTimeFormat("en-US", {
      timeZone: name,
      hourCycle: "h23",
      era: "short",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    const names = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "short" });
    return { name, at: (seconds) => offsetAt(likeIn(seconds), numbers, names, name) };
  } catch {
    return utc;
  }
}

/** The last moment that is asked for: JavaScript's dates end a thousand years after, in the year 275760. */
const lastSecond = 8.6e12;
/** 400 years, after which calendar and weekdays repeat, and the rules of a zone with them. */
const cycle = 146_097 * 86_400;

/** A moment within JavaScript's dates at which the zone's clock is as far from UTC. Nothing changes in the far past. */
function likeIn(seconds: number): number {
  if (seconds <= lastSecond) return Math.max(seconds, -lastSecond);
  return lastSecond - cycle + ((seconds - lastSecond) % cycle);
}

/** `+0530`, as the time zone database names zones that have no letters: `+05`, `+0545`. */
function offsetText(offset: number): string {
  const minutes = Math.abs(Math.trunc(offset / 60));
  const hours = String(Math.trunc(minutes / 60)).padStart(2, "0");
  const rest = minutes % 60 === 0 ? "" : String(minutes % 60).padStart(2, "0");
  return `${offset < 0 ? "-" : "+"}${hours}${rest}`;
}

/** Winter and summer abbreviations that English (US) does not use, by the start of the zone's name. */
const letters: readonly (readonly [RegExp, string, string])[] = [
  [/^Europe\/(London|Jersey|Guernsey|Belfast|Isle_of_Man)$/, "GMT", "BST"],
  [/^Europe\/Dublin$/, "GMT", "IST"],
  [/^Europe\/(Lisbon)$|^Atlantic\/(Canary|Madeira|Faroe)$/, "WET", "WEST"],
  [/^Europe\/(Moscow|Minsk|Simferopol|Kirov|Volgograd)$/, "MSK", "MSK"],
  [
    /^Europe\/(Athens|Helsinki|Kiev|Kyiv|Bucharest|Sofia|Riga|Tallinn|Vilnius|Chisinau|Mariehamn)$/,
    "EET",
    "EEST",
  ],
  [/^Africa\/(Cairo)$|^Asia\/(Beirut|Nicosia)$/, "EET", "EEST"],
  [/^Europe\/(?!Istanbul|Samara|Saratov|Astrakhan|Ulyanovsk)/, "CET", "CEST"],
  [/^Asia\/(Kolkata|Calcutta)$/, "IST", "IST"],
  [/^Asia\/Tokyo$/, "JST", "JST"],
  [/^Asia\/Seoul$/, "KST", "KST"],
  [/^Asia\/(Shanghai|Taipei|Macau)$/, "CST", "CST"],
  [/^Asia\/Hong_Kong$/, "HKT", "HKT"],
  [/^Asia\/Jerusalem$/, "IST", "IDT"],
  [/^Australia\/(Sydney|Melbourne|Hobart|Canberra|Brisbane)$/, "AEST", "AEDT"],
  [/^Australia\/(Adelaide|Darwin|Broken_Hill)$/, "ACST", "ACDT"],
  [/^Australia\/Perth$/, "AWST", "AWST"],
  [/^Pacific\/Auckland$/, "NZST", "NZDT"],
  [/^Africa\/(Johannesburg|Maseru|Mbabane)$/, "SAST", "SAST"],
  [/^Africa\/Lagos$/, "WAT", "WAT"],
  [/^Africa\/Nairobi$/, "EAT", "EAT"],
];

function offsetAt(
  seconds: number,
  numbers: Intl.DateTimeFormat,
  names: Intl.DateTimeFormat,
  zone: string,
): ZoneOffset {
  const parts = new Map(numbers.formatToParts(seconds * 1000).map(({ type, value }) => [type, value]));
  const part = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type) ?? 0);
  const year = parts.get("era") === "BC" ? 1 - part("year") : part("year");
  const days = dayNumber(year, part("month"), part("day"));
  const shown = days * 86_400 + part("hour") * 3600 + part("minute") * 60 + part("second");
  const offset = shown - Math.floor(seconds);
  const name = names.formatToParts(seconds * 1000).find(({ type }) => type === "timeZoneName")?.value ?? "";
  if (!/^(GMT|UTC)[+-]|^GMT$/.test(name)) return { offset, abbreviation: name };
  const known = letters.find(([pattern]) => pattern.test(zone));
  if (known === undefined) return { offset, abbreviation: name === "GMT" ? name : offsetText(offset) };
  const [, winter, summer] = known;
  return { offset, abbreviation: isSummer(seconds, offset, numbers) ? summer : winter };
}

/** Whether the clock is ahead of what it shows half a year before or after. */
function isSummer(seconds: number, offset: number, numbers: Intl.DateTimeFormat): boolean {
  const halfYear = 182 * 86_400;
  return [seconds - halfYear, seconds + halfYear].some((moment) => {
    const parts = new Map(numbers.formatToParts(moment * 1000).map(({ type, value }) => [type, value]));
    const part = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type) ?? 0);
    const days = dayNumber(part("year"), part("month"), part("day"));
    const shown = days * 86_400 + part("hour") * 3600 + part("minute") * 60 + part("second");
    return shown - Math.floor(moment) < offset;
  });
}
