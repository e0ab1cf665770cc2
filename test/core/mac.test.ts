import { createSecretKey } from "node:crypto";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MacHash, sealMac, verifyMac } from "../../src/core/mac.ts";
import { parseSealed, printSealed, sealValue } from "../../src/core/value.ts";
import { countingRandom, key } from "./build-tree.ts";

const digest = new MacHash({ macOnlyEncrypted: false }).digest();
const lastModified = "2026-01-02T03:04:05Z";
const mac = sealMac(digest, { key, lastModified, random: countingRandom() });
const mismatch = expect.objectContaining({ code: "MAC_MISMATCH" });

function errorOf(action: () => void): Error {
  try {
    action();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

test("agrees with an independent SHA-512, in pieces of any size", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 40_000 }), { maxLength: 5 });
  fc.assert(
    fc.property(pieces, fc.boolean(), (values, macOnlyEncrypted) => {
      const hash = new MacHash({ macOnlyEncrypted });
      const independent = sha512.create();
      if (macOnlyEncrypted) independent.update(sha256(new TextEncoder().encode("sops")));
      for (const value of values) {
        hash.add(value);
        independent.update(value);
      }
      expect(hash.digest()).toBe(Buffer.from(independent.digest()).toString("hex").toUpperCase());
    }),
  );
});

test("the first bytes of a MAC over encrypted values only are those of sops", () => {
  const initial = "8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69";
  const hash = new MacHash({ macOnlyEncrypted: true });
  expect(hash.digest()).toBe(
    Buffer.from(sha512(Buffer.from(initial, "hex")))
      .toString("hex")
      .toUpperCase(),
  );
});

describe("the time of the last change", () => {
  test.for([
    "2026-01-02T03:04:05Z",
    "2026-01-02T03:04:05.999Z",
    "2026-01-02T03:04:05+00:00",
    "2026-01-02T03:04:05.5-00:00",
  ])("%s is the same to the second", (same) => {
    expect(() => verifyMac(digest, { key, mac, lastModified: same })).not.toThrow();
  });

  test.for(["2026-01-02T03:04:06Z", "2026-01-02T04:04:05+01:00", "", "yesterday"])(
    "%s is another",
    (other) => {
      expect(() => verifyMac(digest, { key, mac, lastModified: other })).toThrow(mismatch);
    },
  );

  test("keeps an offset", () => {
    const there = "2026-01-02T03:04:05.25+07:06";
    const sealed = sealMac(digest, { key, lastModified: there, random: countingRandom() });
    expect(() =>
      verifyMac(digest, { key, mac: sealed, lastModified: "2026-01-02T03:04:05+07:06" }),
    ).not.toThrow();
  });
});

test("D45: a missing MAC is told apart from a wrong one", () => {
  expect(() => verifyMac(digest, { key, mac: "", lastModified })).toThrow(
    expect.objectContaining({ code: "MAC_MISSING", exitCode: 52 }),
  );
  expect(() => verifyMac(digest.toLowerCase(), { key, mac, lastModified })).toThrow(
    expect.objectContaining({ code: "MAC_MISMATCH", exitCode: 51 }),
  );
});

test.for([
  ["that is cut off", mac.slice(0, -1)],
  ["in clear", digest],
  ["with another type", mac.replace("type:str", "type:comment")],
  [
    "of another key",
    sealMac(digest, { key: createSecretKey(new Uint8Array(32)), lastModified, random: countingRandom() }),
  ],
  [
    "that holds something else",
    printSealed(
      sealValue(Uint8Array.of(0xff), {
        key,
        aad: new TextEncoder().encode(lastModified),
        iv: parseSealed(mac).iv,
        type: "str",
      }),
    ),
  ],
] as const)("a MAC %s does not match", ([, damaged]) => {
  expect(() => verifyMac(digest, { key, mac: damaged, lastModified })).toThrow(mismatch);
});

test("D44: no message holds a digest, in part or whole", () => {
  const other = new MacHash({ macOnlyEncrypted: true }).digest();
  for (const error of [
    errorOf(() => verifyMac(other, { key, mac, lastModified })),
    errorOf(() => verifyMac(digest, { key, mac: "", lastModified })),
    errorOf(() => verifyMac(digest, { key, mac: mac.slice(1), lastModified })),
  ]) {
    const text = JSON.stringify([error.message, error, String(error.cause)]);
    expect(text).not.toMatch(/[0-9a-f]{8}/i);
    expect(text).not.toMatch(/\d/);
  }
});
