import { encodeGoString } from "./go-string.ts";

/** What a password is derived from. */
interface MasterPasswordRequest {
  /** Unsigned, 32 bits. */
  readonly counter: number;
  readonly type: string;
  readonly password: string;
  readonly user: string;
  readonly site: string;
}

interface Primitives {
  /** N = 32768, r = 8, p = 2, 64 bytes. */
  readonly scrypt: (password: Uint8Array, salt: Uint8Array) => Uint8Array;
  /** HMAC-SHA-256. */
  readonly hmac: (key: Uint8Array, message: Uint8Array) => Uint8Array;
}

const purpose = "com.lyndir.masterpassword";

/** The shapes of passwords, published with the Master Password algorithm (masterpassword.app), version 3. */
const shapes: ReadonlyMap<string, readonly string[]> = new Map([
  ["maximum", ["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"]],
  ["long", longShapes()],
  ["medium", ["CvcnoCvc", "CvcCvcno"]],
  ["short", ["Cvcn"]],
  ["basic", ["aaanaaan", "aannaaan", "aaannaaa"]],
  ["pin", ["nnnn"]],
]);

const vowels = "AEIOU";
const consonants = "BCDFGHJKLMNPQRSTVWXYZ";
const letters = vowels + vowels.toLowerCase() + consonants + consonants.toLowerCase();
const classes: Readonly<Record<string, string>> = {
  V: vowels,
  C: consonants,
  v: vowels.toLowerCase(),
  c: consonants.toLowerCase(),
  A: vowels + consonants,
  a: letters,
  n: "0123456789",
  o: "@&%?,=[]_:-+*$#!'^~;()/.",
  x: `${letters}0123456789!@#$%^&*()`,
};

/** The password of a site, always the same for the same request. */
export function masterPassword(request: MasterPasswordRequest, { scrypt, hmac }: Primitives): string {
  const { counter, type, password, user, site } = request;
  const choices = shapes.get(type);
  if (choices === undefined) return `cannot find password template ${type}`;
  const key = scrypt(encodeGoString(password), message(user));
  const seed = hmac(key, Uint8Array.from([...message(site), ...bigEndian(counter)]));
  const shape = choices[(seed[0] ?? 0) % choices.length] ?? "";
  return Array.from(shape, (kind, index) => {
    const characters = classes[kind] ?? "";
    return characters[(seed[index + 1] ?? 0) % characters.length];
  }).join("");
}

/** The purpose, then the length of a text in bytes, then the text. */
function message(text: string): Uint8Array {
  const bytes = encodeGoString(text);
  return Uint8Array.from([...encodeGoString(purpose), ...bigEndian(bytes.length), ...bytes]);
}

function bigEndian(value: number): readonly number[] {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff);
}

/** Three syllables pairs, one or two of them closed (`vcc`), and a digit and a sign after the first, second or third. */
function longShapes(): readonly string[] {
  const places: readonly (readonly number[])[] = [[], [0], [1], [2], [0, 1], [1, 2], [0, 2]];
  return places.flatMap((closed) => {
    const parts = [0, 1, 2].map((part) => (closed.includes(part) ? "Cvcc" : "Cvcv"));
    return [0, 1, 2].map((after) =>
      parts.map((part, index) => (index === after ? `${part}no` : part)).join(""),
    );
  });
}
