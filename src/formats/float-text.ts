/**
 * A float as Go's `FormatFloat(x, 'G', -1, 64)` spells it, which the flat formats use: shortest digits, an exponent
 * below 1e-4 and from 1e+06 on.
 */
export function goFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const [mantissa = "0", exponentText = "0"] = Math.abs(value).toExponential().split("e");
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < 6) return sign + String(Math.abs(value));
  const digits = String(Math.abs(exponent)).padStart(2, "0");
  return `${sign}${mantissa}E${exponent < 0 ? "-" : "+"}${digits}`;
}
