import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { combineShares, splitSecret } from "../../src/core/shamir.ts";

const secret = Uint8Array.from({ length: 32 }, (_, i) => i * 7);
const random = (length: number) => randomBytes(length);

function subsets<T>(items: readonly T[]): T[][] {
  return Array.from({ length: 2 ** items.length }, (_, bits) => items.filter((_item, i) => (bits >> i) & 1));
}

describe("D49: shares in the format of sops", () => {
  test("are the bytes of the secret's polynomials, then their place", () => {
    // One coefficient a byte: share x is secret + coefficient * x in GF(256).
    const shares = splitSecret(Uint8Array.of(0x00, 0x53), {
      shares: 3,
      threshold: 2,
      random: () => Uint8Array.of(0x01, 0xca),
    });

    // 0xca * 2 = 0x8f and 0xca * 3 = 0x45, modulo x^8+x^4+x^3+x+1.
    expect(shares.map((share) => [...share])).toEqual([
      [0x01, 0x53 ^ 0xca, 1],
      [0x02, 0x53 ^ 0x8f, 2],
      [0x03, 0x53 ^ 0x45, 3],
    ]);
  });

  test("multiply as FIPS 197 does: {57} times {83} is {c1}", () => {
    const [first] = splitSecret(Uint8Array.of(0), {
      shares: 131,
      threshold: 2,
      random: () => Uint8Array.of(0x57),
    }).slice(0x82);
    expect([...first!]).toEqual([0xc1, 0x83]);
  });

  test("every subset of at least the threshold brings the secret back, no smaller one does", () => {
    for (const [shares, threshold] of [
      [2, 2],
      [3, 2],
      [5, 3],
      [6, 6],
    ] as const) {
      const all = splitSecret(secret, { shares, threshold, random });
      for (const subset of subsets(all)) {
        if (subset.length < 2) continue;
        const combined = combineShares(subset);
        if (subset.length >= threshold) expect(combined).toEqual(secret);
        else expect(combined).not.toEqual(secret);
      }
    }
  });

  test("255 shares with a threshold of 255 combine in any order", () => {
    const all = splitSecret(secret, { shares: 255, threshold: 255, random });
    expect(combineShares(all.toReversed())).toEqual(secret);
  });

  test("any secret, number of shares and threshold", () => {
    const cases = fc
      .record({
        bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
        shares: fc.integer({ min: 2, max: 9 }),
      })
      .chain((some) =>
        fc.record({ some: fc.constant(some), threshold: fc.integer({ min: 2, max: some.shares }) }),
      );
    fc.assert(
      fc.property(cases, fc.infiniteStream(fc.nat()), ({ some, threshold }, order) => {
        const all = splitSecret(some.bytes, { shares: some.shares, threshold, random });
        const ranks = new Map(all.map((share) => [share, order.next().value ?? 0]));
        const chosen = all.toSorted((a, b) => ranks.get(a)! - ranks.get(b)!).slice(0, threshold);
        expect(combineShares(chosen)).toEqual(some.bytes);
      }),
    );
  });
});

describe("shares of a file that somebody changed", () => {
  const [one, two] = splitSecret(secret, { shares: 2, threshold: 2, random });

  test.for([
    ["none", []],
    ["a single one", [one!]],
    ["one twice", [one!, one!]],
    ["one cut short", [one!, two!.slice(1)]],
    ["one at place 0, which would be the secret itself", [one!, two!.with(32, 0)]],
    ["empty ones", [new Uint8Array(), new Uint8Array()]],
  ] as const)("%s are refused", ([, shares]) => {
    expect(() => combineShares(shares)).toThrow(expect.objectContaining({ code: "NO_KEY" }));
  });
});

test.for([
  [1, 1],
  [2, 3],
  [256, 2],
  [3, 1],
] as const)("%i shares with a threshold of %i are a programmer's mistake", ([shares, threshold]) => {
  expect(() => splitSecret(secret, { shares, threshold, random })).toThrow(TypeError);
});
