import { GoError } from "./value.ts";

/** A decimal number: `digits * 10^exponent`. Sprig adds and divides floats as decimals, so that 0.1 + 0.2 is 0.3. */
export interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

/** Digits after the point of a quotient, as shopspring/decimal has it. */
const divisionPrecision = 16;

/** The shortest decimal that reads back as the float. */
export function fromFloat(value: number): Decimal {
  if (!Number.isFinite(value)) {
    const text = Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
    throw new GoError(`Cannot create a Decimal from ${text}`);
  }
  const [mantissa = "0", exponent = "0"] = value.toExponential().split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  return { digits: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length };
}

/** The nearest float. */
export function toFloat({ digits, exponent }: Decimal): number {
  return Number(`${digits}e${exponent}`);
}

export function add(a: Decimal, b: Decimal): Decimal {
  const exponent = Math.min(a.exponent, b.exponent);
  return { digits: scaled(a, exponent) + scaled(b, exponent), exponent };
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  return add(a, { digits: -b.digits, exponent: b.exponent });
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  return { digits: a.digits * b.digits, exponent: a.exponent + b.exponent };
}

/**
 * Rounded half away from zero at sixteen places after the point.
 *
 * @throws GoError for a division by zero
 */
export function divide(a: Decimal, b: Decimal): Decimal {
  if (b.digits === 0n) throw new GoError("decimal division by 0");
  const shift = a.exponent - b.exponent + divisionPrecision;
  const numerator = a.digits * 10n ** BigInt(Math.max(shift, 0));
  const denominator = b.digits * 10n ** BigInt(Math.max(-shift, 0));
  const quotient = numerator / denominator;
  const remainder = numerator % denominator;
  const isHalf = 2n * magnitude(remainder) >= magnitude(denominator);
  const away = numerator < 0n === denominator < 0n ? 1n : -1n;
  return { digits: isHalf ? quotient + away : quotient, exponent: -divisionPrecision };
}

function scaled({ digits, exponent }: Decimal, to: number): bigint {
  return digits * 10n ** BigInt(exponent - to);
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}
