import { type CivilTime, civilTime, type Instant } from "./civil-time.ts";
import { dayNames, monthNames, splitLayout } from "./time-layout.ts";

/** `time.Time.Format`: a moment in a layout such as `2006-01-02T15:04:05Z07:00`. */
export function formatTime(instant: Instant, layout: string): string {
  const civil = civilTime(instant);
  return splitLayout(layout)
    .map(({ element, text }) => (element ? print(text, civil) : text))
    .join("");
}

type Printer = (civil: CivilTime) => string;

const printers: Readonly<Record<string, Printer>> = {
  January: ({ month }) => monthNames[month - 1] ?? "",
  Jan: ({ month }) => (monthNames[month - 1] ?? "").slice(0, 3),
  "1": ({ month }) => String(month),
  "01": ({ month }) => padded(month, 2),
  Monday: ({ weekday }) => dayNames[weekday] ?? "",
  Mon: ({ weekday }) => (dayNames[weekday] ?? "").slice(0, 3),
  "2": ({ day }) => String(day),
  _2: ({ day }) => String(day).padStart(2),
  "02": ({ day }) => padded(day, 2),
  __2: ({ dayOfYear }) => String(dayOfYear).padStart(3),
  "002": ({ dayOfYear }) => padded(dayOfYear, 3),
  "15": ({ hour }) => padded(hour, 2),
  "3": ({ hour }) => String(hour % 12 === 0 ? 12 : hour % 12),
  "03": ({ hour }) => padded(hour % 12 === 0 ? 12 : hour % 12, 2),
  "4": ({ minute }) => String(minute),
  "04": ({ minute }) => padded(minute, 2),
  "5": ({ second }) => String(second),
  "05": ({ second }) => padded(second, 2),
  "2006": ({ year }) => padded(year, 4),
  "06": ({ year }) => padded(((year % 100) + 100) % 100, 2),
  PM: ({ hour }) => (hour >= 12 ? "PM" : "AM"),
  pm: ({ hour }) => (hour >= 12 ? "pm" : "am"),
  MST: ({ abbreviation, offset }) => (abbreviation === "" ? offsetText(offset, "-0700") : abbreviation),
};

function print(element: string, civil: CivilTime): string {
  const printer = printers[element];
  if (printer !== undefined) return printer(civil);
  if (/^[.,]/.test(element)) return fraction(element, civil.nanosecond);
  if (element.startsWith("Z") && civil.offset === 0) return "Z";
  return offsetText(civil.offset, element.replace("Z", "-"));
}

/** Digits after the second: as many as zeros, or with nines those without the zeros at the end. */
function fraction(element: string, nanosecond: number): string {
  const digits = padded(nanosecond, 9).slice(0, element.length - 1);
  if (element[1] === "0") return element.slice(0, 1) + digits;
  const shortened = digits.replace(/0+$/, "");
  return shortened === "" ? "" : element.slice(0, 1) + shortened;
}

function offsetText(offset: number, element: string): string {
  const size = Math.abs(offset);
  const parts = [Math.floor(size / 3600), Math.floor(size / 60) % 60, size % 60].map((part) =>
    padded(part, 2),
  );
  const between = element.includes(":") ? ":" : "";
  const count = element.replaceAll(":", "").length >> 1;
  return (offset < 0 ? "-" : "+") + parts.slice(0, count).join(between);
}

function padded(value: number, width: number): string {
  return (value < 0 ? "-" : "") + String(Math.abs(value)).padStart(width, "0");
}
