// The forms of go-yaml. Go's parser takes one or two digits everywhere, a comma for the point, and several blanks.
const date = /^(\d{4})-(\d{1,2})-(\d{1,2})$/;
const clock = String.raw`(\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](\d+))?`;
const zoned = new RegExp(String.raw`^(\d{4})-(\d{1,2})-(\d{1,2})[Tt]${clock}(?:Z|([+-])(\d{2}):(\d{2}))$`);
const spaced = new RegExp(String.raw`^(\d{4})-(\d{1,2})-(\d{1,2}) +${clock}$`);

/**
 * Reads what YAML 1.1 calls a timestamp, in the forms that go-yaml knows.
 *
 * @returns RFC 3339 as Go prints it, or `undefined` for every other text. A date becomes midnight, no zone is UTC.
 */
export function parseYamlTime(text: string): string | undefined {
  // Every form begins with a year and a dash; most texts do not.
  if (text.charCodeAt(4) !== 0x2d || text.length > 80) return undefined;
  const [
    ,
    year,
    month,
    day,
    hour = "0",
    minute = "0",
    second = "0",
    fraction = "",
    sign,
    zoneHour,
    zoneMinute,
  ] = date.exec(text) ?? zoned.exec(text) ?? spaced.exec(text) ?? [];
  if (year === undefined || month === undefined || day === undefined) return undefined;
  if (!isDate(Number(year), Number(month), Number(day))) return undefined;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const zone = readZone(sign, zoneHour, zoneMinute);
  if (zone === undefined) return undefined;
  const digits = fraction.slice(0, 9).replace(/0+$/, "");
  const clockText = [hour, minute, second].map(twoDigits).join(":");
  const point = digits === "" ? "" : `.${digits}`;
  return `${year}-${twoDigits(month)}-${twoDigits(day)}T${clockText}${point}${zone}`;
}

function readZone(sign: string | undefined, hour = "00", minute = "00"): string | undefined {
  // Go reads offsets of 24 hours and more, and then cannot print them.
  if (Number(hour) > 23 || Number(minute) > 59) return undefined;
  return sign === undefined || (hour === "00" && minute === "00") ? "Z" : `${sign}${hour}:${minute}`;
}

function twoDigits(text: string): string {
  return text.padStart(2, "0");
}

function isDate(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const february = isLeap ? 29 : 28;
  const lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  return day <= (lengths[month - 1] ?? 0);
}
