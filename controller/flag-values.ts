import { dayNumber } from "../src/core/calendar.ts";
import { parseDuration } from "../src/gotemplate/go-duration.ts";
import type { ReadFlag } from "./flags.ts";

/** Text as it is. */
export const text: ReadFlag<string> = (value) => value;

/** `true` and `false` in all of Go's spellings. */
export const truth: ReadFlag<boolean> = (value) => {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(value)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(value)) return false;
  throw new Error("is neither true nor false");
};

/** A whole number within bounds. */
export function whole(least: number, most: number): ReadFlag<number> {
  return (value) => {
    const number = /^[+-]?\d+$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= least && number <= most)) throw new Error(`is no whole number from ${least} to ${most}`);
    return number;
  };
}

/** Any number. */
export const decimal: ReadFlag<number> = (value) => {
  const number = value.trim() === "" ? Number.NaN : Number(value);
  if (!Number.isFinite(number)) throw new Error("is no number");
  return number;
};

/** A duration as Go writes it, `720h` or `1m30s`, as milliseconds. */
export function duration(least = 0): ReadFlag<number> {
  return (value) => {
    let milliseconds: number;
    try {
      milliseconds = Number(parseDuration(value) / 1_000_000n);
    } catch {
      throw new Error("is no duration such as 720h or 1m30s");
    }
    if (milliseconds < least) throw new Error(`is shorter than ${least / 1000} seconds`);
    return milliseconds;
  };
}

/** One of some words. */
export function choice<T extends string>(...words: readonly T[]): ReadFlag<T> {
  return (value) => {
    const found = words.find((word) => word.toLowerCase() === value.toLowerCase());
    if (found === undefined) throw new Error(`is none of ${words.join(", ")}`);
    return found;
  };
}

/** Words with commas between them; empty ones do not count. */
export const words: ReadFlag<readonly string[]> = (value) =>
  value
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");

/** `key=value` with commas between; a value may hold a `=`, of which upstream loses the rest (S13). */
export const pairs: ReadFlag<ReadonlyMap<string, string>> = (value) =>
  new Map(
    words(value).map((pair) => {
      const at = pair.indexOf("=");
      // Upstream takes this, and dies of it when it makes the next key (#1386).
      if (at < 1) throw new Error("has an entry that is no key=value");
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    }),
  );

/** Where a server listens. */
export interface Address {
  /** Empty for every address of the machine. */
  readonly host: string;
  readonly port: number;
}

/** `:8080`, `127.0.0.1:8080`, `[::1]:8080`. */
export const address: ReadFlag<Address> = (value) => {
  const [, bracketed, plain, port = ""] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(value) ?? [];
  if (port === "" || Number(port) > 65_535) throw new Error("is no address such as :8080");
  return { host: bracketed ?? plain ?? "", port: Number(port) };
};

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const rfc1123z =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})$/;

/** A time of RFC 1123 with a numeric zone, as milliseconds since 1970; empty for none. */
export const moment: ReadFlag<number | undefined> = (value) => {
  if (value === "") return undefined;
  const [, day, month = "", year, hour, minute, second, sign, zoneHours, zoneMinutes] =
    rfc1123z.exec(value) ?? [];
  const at = months.indexOf(month);
  const clock = Number(hour) * 60 + Number(minute);
  if (at < 0 || Number(day) < 1 || Number(day) > 31 || clock >= 1440 || Number(second) > 59) {
    throw new Error("is no time such as Sat, 21 Nov 2026 12:00:00 +0000");
  }
  const zone = (Number(zoneHours) * 60 + Number(zoneMinutes)) * (sign === "-" ? -1 : 1);
  return ((dayNumber(Number(year), at + 1, Number(day)) * 1440 + clock - zone) * 60 + Number(second)) * 1000;
};
