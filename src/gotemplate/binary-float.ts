/** Significand and power of two of a float: `significand * 2 ** exponent`, the significand a whole number of 53 bits. */
interface BinaryFloat {
  readonly significand: bigint;
  readonly exponent: number;
}

const fractionBits = 52n;
const bias = 1023;

/** A positive finite float in Go's `%b`: `4503599627370496p-52`. */
export function formatBinary(value: number): string {
  const { significand, exponent } = partsOf(value);
  return `${significand}p${exponent < 0 ? "" : "+"}${exponent}`;
}

/**
 * A positive finite float in Go's `%x`: `0x1.8p+01`.
 *
 * @param precision - Digits after the point, rounded half to even; -1 for as many as it takes.
 */
export function formatHexadecimal(value: number, precision: number): string {
  const { significand, exponent } = partsOf(value);
  if (significand === 0n) return `0x0${precision > 0 ? `.${"0".repeat(precision)}` : ""}p+00`;
  // One binary digit before the point, 15 hexadecimal ones behind it.
  let mantissa = significand << (60n - fractionBits);
  let power = exponent + Number(fractionBits);
  while (mantissa >> 60n === 0n) {
    mantissa <<= 1n;
    power--;
  }
  if (precision >= 0 && precision < 15) {
    const unit = 1n << BigInt(60 - 4 * precision);
    const rest = mantissa % unit;
    mantissa -= rest;
    const isOdd = (mantissa / unit) % 2n === 1n;
    if (rest * 2n > unit || (rest * 2n === unit && isOdd)) mantissa += unit;
    if (mantissa >> 61n !== 0n) {
      mantissa >>= 1n;
      power++;
    }
  }
  const fraction = (mantissa % (1n << 60n)).toString(16).padStart(15, "0");
  const shown =
    precision < 0 ? fraction.replace(/0+$/, "") : fraction.slice(0, precision).padEnd(precision, "0");
  const tail = `p${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  return `0x${mantissa >> 60n}${shown === "" ? "" : `.${shown}`}${tail}`;
}

function partsOf(value: number): BinaryFloat {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const fraction = bits % (1n << fractionBits);
  const raw = Number((bits >> fractionBits) % 2048n);
  const significand = raw === 0 ? fraction : fraction + (1n << fractionBits);
  return { significand, exponent: Math.max(raw, 1) - bias - Number(fractionBits) };
}
