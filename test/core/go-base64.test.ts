import { expect, test } from "vitest";
import { decodeGoBase64 } from "../../src/core/go-base64.ts";

// Recorded from Go's base64.StdEncoding.DecodeString.
test.for([
  ["", ""],
  ["YmFy", "bar"],
  ["YmE=", "ba"],
  ["Yg==", "b"],
  ["Ym\nFy\r\n", "bar"],
  ["Yg=\n=\r\n", "b"],
  ["\nYmE\n=", "ba"],
  // The unused bits of the last character may be anything.
  ["Yh==", "b"],
  ["YmF=", "ba"],
] as const)("Go reads %j as %j", ([text, expected]) => {
  const decoded = decodeGoBase64(text);
  expect("bytes" in decoded && Buffer.from(decoded.bytes).toString()).toBe(expected);
});

test.for([
  ["Y", 0],
  ["Ym", 0],
  ["YmF", 0],
  ["YmFyY", 4],
  ["=", 0],
  ["Y===", 1],
  ["YmFy=", 4],
  ["Yg=", 3],
  ["Yg=x", 2],
  ["Yg=\nx", 3],
  ["Yg==x", 4],
  ["YmE=x", 4],
  ["YmE=\nYmE=", 5],
  ["Ym Fy", 2],
  ["YmFy ", 4],
  [" YmFy", 0],
  ["Ym\tFy", 2],
  ["Ym-y", 2],
  ["Ym_y", 2],
  ["ü", 0],
  ["Ymü", 2],
  ["YmFyü", 4],
  ["AgA\n", 1],
] as const)("Go refuses %j at byte %i", ([text, at]) => {
  expect(decodeGoBase64(text)).toEqual({ error: `illegal base64 data at input byte ${at}` });
});
