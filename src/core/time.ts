const pattern = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})$/;
const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * A time as SOPS prints it again after reading it: RFC 3339, at most nine fractional digits without trailing zeros,
 * `Z` for an offset of zero.
 *
 * @returns `undefined` when the text is no RFC 3339 time, or names a day that does not exist.
 */
export function normalizeTime(text: string): string | undefined {
  const parts = parseTime(text);
  if (parts === undefined) return undefined;
  const fraction = parts.fraction.slice(0, 9).replace(/0+$/, "");
  return `${parts.seconds}${fraction === "" ? "" : `.${fraction}`}${parts.offset}`;
}

/** The same without a fraction: what SOPS authenticates the MAC with. */
export function timeInSeconds(text: string): string | undefined {
  const parts = parseTime(text);
  return parts && parts.seconds + parts.offset;
}

function parseTime(text: string): { seconds: string; fraction: string; offset: string } | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) return undefined;
  const offset = match[8] ?? "";
  const [offsetHour = 0, offsetMinute = 0] = offset === "Z" ? [] : offset.slice(1).split(":").map(Number);
  if (hour > 23 || minute > 59 || second > 59 || offsetHour > 23 || offsetMinute > 59) return undefined;
  return {
    seconds: text.slice(0, 19),
    fraction: match[7] ?? "",
    offset: offsetHour === 0 && offsetMinute === 0 ? "Z" : offset,
  };
}

function daysOf(year: number, month: number): number {
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return (monthDays[month - 1] ?? 0) + (leap ? 1 : 0);
}
