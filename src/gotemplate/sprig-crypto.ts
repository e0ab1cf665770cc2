import { createCipheriv, createDecipheriv, createHmac, scryptSync } from "node:crypto";
import { decodeBase64, encodeBase64 } from "./base-encoding.ts";
import { decodeGoString, encodeGoString } from "./go-string.ts";
import { newPrivateKey } from "./key-pem.ts";
import { masterPassword } from "./master-password.ts";
import { define, goString, integerAt, textAt } from "./sprig-definition.ts";
import { GoError, type GoFunction, type World } from "./value.ts";

/** What it costs beside a step of a template, by what a slow machine needs. */
const scryptCost = 200_000;

/** Sprig's functions of cryptography. */
export const cryptoFunctions: readonly GoFunction[] = [
  define("encryptAES", ["string", "string"], (args, world) =>
    goString(encrypt(textAt(args, 0), textAt(args, 1), world)),
  ),
  define("decryptAES", ["string", "string"], (args) => goString(decrypt(textAt(args, 0), textAt(args, 1)))),
  define("derivePassword", ["uint32", "string", "string", "string", "string"], (args, world) => {
    const [type, password, user, site] = [textAt(args, 1), textAt(args, 2), textAt(args, 3), textAt(args, 4)];
    const asked = { counter: integerAt(args, 0), type, password, user, site };
    const paidScrypt = (secret: Uint8Array, salt: Uint8Array): Uint8Array => {
      world.spend(scryptCost);
      return scrypt(secret, salt);
    };
    return goString(masterPassword(asked, { scrypt: paidScrypt, hmac }));
  }),
  define("genPrivateKey", ["string"], (args, world) => goString(newPrivateKey(textAt(args, 0), world))),
];

function scrypt(password: Uint8Array, salt: Uint8Array): Uint8Array {
  return scryptSync(password, salt, 64, { N: 32_768, r: 8, p: 2, maxmem: 64 * 1024 * 1024 });
}

function hmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  return createHmac("sha256", key).update(message).digest();
}

/** The first 32 bytes of the password, filled up with zeros. */
function keyOf(password: string): Uint8Array {
  const key = new Uint8Array(32);
  key.set(encodeGoString(password).subarray(0, 32));
  return key;
}

/** Base64 of a random IV and AES-256-CBC with PKCS#7 padding. */
function encrypt(password: string, text: string, world: World): string {
  if (text === "") return "";
  const iv = world.random(16);
  const cipher = createCipheriv("aes-256-cbc", keyOf(password), iv);
  const parts = [iv, cipher.update(encodeGoString(text)), cipher.final()];
  return encodeBase64(Uint8Array.from(parts.flatMap((part) => [...part])));
}

function decrypt(password: string, encrypted: string): string {
  if (encrypted === "") return "";
  const bytes = decodeBase64(encrypted);
  // Go names the capacity of its buffer, for which it takes line feeds as Base64 too.
  const capacity = Math.floor(encrypted.length / 4) * 3;
  if (capacity < 16)
    throw new GoError(`runtime error: slice bounds out of range [:16] with capacity ${capacity}`);
  if (bytes.length < 16) throw new GoError(`runtime error: slice bounds out of range [16:${bytes.length}]`);
  if (bytes.length % 16 !== 0) throw new GoError("crypto/cipher: input not full blocks");
  const decipher = createDecipheriv("aes-256-cbc", keyOf(password), bytes.subarray(0, 16)).setAutoPadding(
    false,
  );
  const plain = Uint8Array.from([...decipher.update(bytes.subarray(16)), ...decipher.final()]);
  if (plain.length === 0) throw new GoError("runtime error: index out of range [-1]");
  // Sprig looks at the last byte only: what is no padding is cut off all the same.
  const end = plain.length - (plain.at(-1) ?? 0);
  if (end < 0) throw new GoError(`runtime error: slice bounds out of range [:${end}]`);
  return decodeGoString(plain.subarray(0, end));
}
