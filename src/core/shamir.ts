import { KsealError } from "../errors.ts";

/**
 * Shamir's secret sharing over GF(2^8) modulo x^8+x^4+x^3+x+1, in the format of SOPS and of HashiCorp Vault:
 *
 *     share:  y1 y2 ... yn  x
 *             one byte for each byte of the secret, then the place that the polynomials were evaluated at
 *
 * Shares are secrets, so the arithmetic takes the same steps for all of them: no tables, no branches on their bytes
 * (GHSA-vq4h-9ghm-qmrr).
 */

const largestShares = 255;

/**
 * Splits a secret so that any `threshold` shares bring it back and fewer say nothing about it.
 *
 * @throws TypeError unless 2 <= threshold <= shares <= 255.
 */
export function splitSecret(
  secret: Uint8Array,
  options: { shares: number; threshold: number; random: (length: number) => Uint8Array },
): readonly Uint8Array[] {
  const { shares, threshold, random } = options;
  if (threshold < 2 || threshold > shares || shares > largestShares) {
    throw new TypeError(`cannot split into ${shares} shares of which ${threshold} are needed`);
  }
  // Row i holds the coefficients of x^(i+1) for all bytes of the secret.
  const coefficients = Array.from({ length: threshold - 1 }, () => random(secret.length));
  return Array.from({ length: shares }, (_, index) => {
    const x = index + 1;
    const share = new Uint8Array(secret.length + 1);
    for (const row of coefficients.toReversed()) {
      for (const [i, coefficient] of row.entries()) share[i] = multiply((share[i] ?? 0) ^ coefficient, x);
    }
    for (const [i, byte] of secret.entries()) share[i] = (share[i] ?? 0) ^ byte;
    share[secret.length] = x;
    return share;
  });
}

/**
 * Brings a secret back from shares. With fewer than the threshold, or shares of different secrets, the result is
 * another secret: only its use tells.
 *
 * @throws KsealError `NO_KEY` for fewer than two shares, shares of different length, or two shares of one place:
 *   shares come out of a file that anybody may have changed.
 */
export function combineShares(shares: readonly Uint8Array[]): Uint8Array {
  const length = shares[0]?.length ?? 0;
  const places = shares.map((share) => share[length - 1] ?? 0);
  if (shares.length < 2 || length < 2 || shares.some((share) => share.length !== length)) {
    throw unfit("there must be two or more, of one length");
  }
  if (new Set(places).size !== places.length || places.includes(0)) {
    throw unfit("each needs a place of its own");
  }
  const secret = new Uint8Array(length - 1);
  for (const [index, share] of shares.entries()) {
    const weight = lagrangeAtZero(places, index);
    for (let i = 0; i < secret.length; i++) secret[i] = (secret[i] ?? 0) ^ multiply(share[i] ?? 0, weight);
  }
  return secret;
}

function unfit(reason: string): KsealError {
  return new KsealError("NO_KEY", `the shares of the key groups do not fit together: ${reason}`);
}

// The product of x_j / (x_j - x_i) over all other places; subtraction is exclusive or.
function lagrangeAtZero(places: readonly number[], index: number): number {
  const own = places[index] ?? 0;
  return places.reduce(
    (weight, place, other) =>
      other === index ? weight : multiply(weight, multiply(place, invert(place ^ own))),
    1,
  );
}

function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 0; bit < 8; bit++) {
    product ^= -((b >> bit) & 1) & a;
    const carry = -((a >> 7) & 1);
    a = ((a << 1) & 0xff) ^ (carry & 0x1b);
  }
  return product & 0xff;
}

// a^254 is the inverse in a field of 256 elements.
function invert(a: number): number {
  let result = a;
  for (let step = 0; step < 6; step++) result = multiply(multiply(result, result), a);
  return multiply(result, result);
}
