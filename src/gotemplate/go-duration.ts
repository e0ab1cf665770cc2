import { encodeGoString } from "./go-string.ts";
import { GoError } from "./value.ts";

const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/**
 * `time.ParseDuration`: nanoseconds of `1h2.5m`.
 *
 * @throws GoError
 */
export function parseDuration(text: string): bigint {
  const invalid = new GoError(`time: invalid duration ${quoteForTime(text)}`);
  const [, sign, body = ""] = /^([-+]?)(.*)$/s.exec(text) ?? [];
  if (body === "0") return 0n;
  if (body === "") throw invalid;
  let total = 0n;
  let rest = body;
  while (rest !== "") {
    const [number = "", whole = "", fraction = ""] = /^([0-9]*)(?:\.([0-9]*))?/.exec(rest) ?? [];
    if (whole + fraction === "") throw invalid;
    const name = /^[^.0-9]*/.exec(rest.slice(number.length))?.[0] ?? "";
    const unit = unitOf(name, text);
    total += BigInt(`0${whole}`) * unit + (BigInt(`0${fraction}`) * unit) / 10n ** BigInt(fraction.length);
    rest = rest.slice(number.length + name.length);
    if (total > 2n ** 63n - (sign === "-" ? 0n : 1n)) throw invalid;
  }
  return sign === "-" ? -total : total;
}

/** As package `time` quotes what it could not read: whatever is no ASCII as bytes. */
export function quoteForTime(text: string): string {
  const quoted = Array.from(encodeGoString(text), (byte) => {
    if (byte < 0x20 || byte >= 0x80) return `\\x${byte.toString(16).padStart(2, "0")}`;
    const char = String.fromCharCode(byte);
    return char === '"' || char === "\\" ? `\\${char}` : char;
  });
  return `"${quoted.join("")}"`;
}

function unitOf(name: string, text: string): bigint {
  if (name === "") throw new GoError(`time: missing unit in duration ${quoteForTime(text)}`);
  const unit = units[name];
  if (unit === undefined)
    throw new GoError(`time: unknown unit ${quoteForTime(name)} in duration ${quoteForTime(text)}`);
  return unit;
}

/** `time.Duration.String`: `1h0m0.5s`, with smaller units below a second. */
export function durationText(nanoseconds: bigint): string {
  const sign = nanoseconds < 0n ? "-" : "";
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  if (size === 0n) return "0s";
  if (size < 1000n) return `${sign}${size}ns`;
  if (size < 1_000_000n) return `${sign}${decimal(size, 3)}µs`;
  if (size < 1_000_000_000n) return `${sign}${decimal(size, 6)}ms`;
  const seconds = `${decimal(size % 60_000_000_000n, 9)}s`;
  const minutes = size / 60_000_000_000n;
  if (minutes === 0n) return sign + seconds;
  const hours = minutes / 60n;
  return `${sign}${hours === 0n ? "" : `${hours}h`}${minutes % 60n}m${seconds}`;
}

/** Sprig's `durationRound`: only the largest unit, years of 365 days and months of 30. */
export function roundedDuration(nanoseconds: bigint): string {
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const hour = 3_600_000_000_000n;
  const scale: readonly (readonly [string, bigint])[] = [
    ["y", hour * 24n * 365n],
    ["mo", hour * 24n * 30n],
    ["d", hour * 24n],
    ["h", hour],
    ["m", 60_000_000_000n],
    ["s", 1_000_000_000n],
  ];
  for (const [name, unit] of scale) {
    if (size > unit) return `${size / unit}${name}`;
  }
  return "0s";
}

function decimal(value: bigint, places: number): string {
  const text = value.toString().padStart(places + 1, "0");
  const fraction = text.slice(-places).replace(/0+$/, "");
  return fraction === "" ? text.slice(0, -places) : `${text.slice(0, -places)}.${fraction}`;
}
