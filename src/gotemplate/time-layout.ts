/** A piece of a layout: an element such as `Jan` or `15`, or text that stands for itself. */
interface LayoutPiece {
  readonly element: boolean;
  readonly text: string;
}

export const monthNames: readonly string[] = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

export const dayNames: readonly string[] = [
  "Sunday",
  "Monday",
  "Tuesday",
  "Wednesday",
  "Thursday",
  "Friday",
  "Saturday",
];

/** The elements of Go's reference time, Mon Jan 2 15:04:05 MST 2006; `_2006` is a blank underscore and a year. */
const elements =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|0[1-6]|002|15|1|2006|2|__2|_2(?!006)|3|4|5|PM|pm|-070000|-07:00:00|-0700|-07:00|-07|Z070000|Z07:00:00|Z0700|Z07:00|Z07|[.,]0+(?![0-9])|[.,]9+(?![0-9])/g;

/** Takes a layout of Go's `time` package apart. */
export function splitLayout(layout: string): readonly LayoutPiece[] {
  const pieces: LayoutPiece[] = [];
  let at = 0;
  for (const match of layout.matchAll(elements)) {
    if (match.index > at) pieces.push({ element: false, text: layout.slice(at, match.index) });
    pieces.push({ element: true, text: match[0] });
    at = match.index + match[0].length;
  }
  if (at < layout.length) pieces.push({ element: false, text: layout.slice(at) });
  return pieces;
}
