import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeBech32, encodeBech32 } from "../../src/keys/bech32.ts";

// BIP 173, but for the ones longer than 90 characters, which age allows, and those whose data is no bytes.
test.for([
  "A12UEL5L",
  "a12uel5l",
  "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
  "age1qa84n8ccxf56j54p5nuprp7zaks8098tdgydvv7q5ljclmmjhgwqklvwkm",
])("%s is Bech32", (text) => {
  const { prefix, data } = decodeBech32(text) ?? { prefix: "", data: new Uint8Array() };

  expect(encodeBech32(prefix.toLowerCase(), data)).toBe(text.toLowerCase());
});

test.for([
  ["mixed case", "A12uEL5L"],
  ["no separator", "pzry9x0s0muk"],
  ["an empty prefix", "1pzry9x0s0muk"],
  ["a foreign character in the data", "x1b4n0q5v"],
  ["a checksum that is too short", "li1dgmt3"],
  ["a foreign character in the checksum", "de1lg7wt\xff"],
  ["a space in the prefix", "\x20".concat("1nwldj5")],
  ["a checksum over upper case", "A1G7SGD8"],
  ["left-over bits that are not zero", "test1u85g7v5"],
  ["nothing", ""],
])("%s is refused", ([, text = ""]) => {
  expect(decodeBech32(text)).toBeUndefined();
});

test("every data of every length comes back, whatever the case", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1300 }), fc.boolean(), (data, upper) => {
      const text = encodeBech32("age1test", data);
      expect(decodeBech32(upper ? text.toUpperCase() : text)).toEqual({
        prefix: upper ? "AGE1TEST" : "age1test",
        data,
      });
    }),
  );
});

test("one changed, missing or doubled character is always noticed", () => {
  const text = encodeBech32("age", new Uint8Array(32).fill(7));
  for (let i = 0; i < text.length; i++) {
    const next = text[i] === "q" ? "p" : "q";
    expect(decodeBech32(text.slice(0, i) + next + text.slice(i + 1))).toBeUndefined();
    expect(decodeBech32(text.slice(0, i) + text.slice(i + 1))).toBeUndefined();
    expect(decodeBech32(text.slice(0, i))).toBeUndefined();
  }
});
