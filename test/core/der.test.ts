import { expect, test } from "vitest";
import { derInteger, derObjectIdentifier, derOctetString, derText, derTime } from "../../src/core/der.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test.for([
  [Uint8Array.of(), "020100"],
  [Uint8Array.of(0, 0, 5), "020105"],
  [Uint8Array.of(0x80), "02020080"],
  [Uint8Array.of(0x7f, 0xff), "02027fff"],
] as const)("an integer of the bytes %j is %s", ([bytes, expected]) => {
  expect(hex(derInteger(bytes))).toBe(expected);
});

test.for([
  [0, "0400"],
  [127, "047f"],
  [128, "048180"],
  [255, "0481ff"],
  [256, "04820100"],
  [70_000, "0483011170"],
] as const)("%i bytes have the head %s", ([length, head]) => {
  const element = hex(derOctetString(new Uint8Array(length)));
  expect(element).toBe(head + "00".repeat(length));
});

test.for([
  ["2.5.4.3", "0603550403"],
  ["1.2.840.113549.1.1.11", "06092a864886f70d01010b"],
] as const)("the object identifier %s is %s", ([dotted, expected]) => {
  expect(hex(derObjectIdentifier(dotted))).toBe(expected);
});

// As Go's encoding/asn1 chooses.
test.for([
  ["a b'()+,-./:=?", 0x13],
  ["a*", 0x0c],
  ["a&b", 0x0c],
  ["a@b", 0x0c],
  ["a_b", 0x0c],
  ["ü", 0x0c],
] as const)("the text %j gets the tag %i", ([text, tag]) => {
  expect(derText(text)[0]).toBe(tag);
});

test.for([
  ["1950-01-01T00:00:00Z", "170d3530303130313030303030305a"],
  ["2026-11-21T08:56:49.999Z", "170d3236313132313038353634395a"],
  ["2049-12-31T23:59:59Z", "170d3439313233313233353935395a"],
  ["2050-01-01T00:00:00Z", "180f32303530303130313030303030305a"],
] as const)("the time %s is %s", ([time, expected]) => {
  expect(hex(derTime(Date.parse(time)))).toBe(expected);
});
