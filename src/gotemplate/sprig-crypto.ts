import { createCipheriv, createDecipheriv, createHmac, generateKeyPairSync, scryptSync } from "node:crypto";
import { decodeBase64, encodeBase64 } from "./base-encoding.ts";
import { decodeGoString, encodeGoString } from "./go-string.ts";
import { masterPassword } from "./master-password.ts";
import { toInt64 } from "./sprig-cast.ts";
import { define, goString, textAt, valueAt } from "./sprig-definition.ts";
import { GoError, type GoFunction, type World } from "./value.ts";

/** What these cost beside a step of a template, by what a slow machine needs. */
const cost = { scrypt: 200_000, rsa: 1_000_000, smallKey: 1000 };

/** Sprig's functions of cryptography. */
export const cryptoFunctions: readonly GoFunction[] = [
  define("encryptAES", ["string", "string"], (args, world) =>
    goString(encrypt(textAt(args, 0), textAt(args, 1), world)),
  ),
  define("decryptAES", ["string", "string"], (args) => goString(decrypt(textAt(args, 0), textAt(args, 1)))),
  define("derivePassword", ["int", "string", "string", "string", "string"], (args, world) => {
    const counter = toInt64(valueAt(args, 0));
    if (counter < 0n) throw new GoError(`expected unsigned integer; found ${counter}`);
    world.spend(cost.scrypt);
    const [type, password, user, site] = [textAt(args, 1), textAt(args, 2), textAt(args, 3), textAt(args, 4)];
    const asked = { counter: Number(BigInt.asUintN(32, counter)), type, password, user, site };
    return goString(masterPassword(asked, { scrypt, hmac }));
  }),
  define("genPrivateKey", ["string"], (args, world) => goString(privateKey(textAt(args, 0), world))),
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
  // Go names the capacity of its buffer, which is that of the whole groups of Base64.
  const capacity = Math.floor(encrypted.replace(/[\r\n]/g, "").length / 4) * 3;
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

/** A new private key in PEM: PKCS#1 for RSA of 4096 bits, SEC 1 for P-256, PKCS#8 for Ed25519. */
function privateKey(type: string, world: World): string {
  switch (type) {
    case "":
    case "rsa": {
      world.spend(cost.rsa);
      const { privateKey: key } = generateKeyPairSync("rsa", { modulusLength: 4096 });
      return key.export({ type: "pkcs1", format: "pem" }).toString();
    }
    case "ecdsa": {
      world.spend(cost.smallKey);
      const { privateKey: key } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      return key.export({ type: "sec1", format: "pem" }).toString();
    }
    case "ed25519": {
      world.spend(cost.smallKey);
      const { privateKey: key } = generateKeyPairSync("ed25519");
      return key.export({ type: "pkcs8", format: "pem" }).toString();
    }
    case "dsa":
      throw new GoError("dsa keys are not made here: choose rsa, ecdsa or ed25519");
    default:
      return `Unknown type ${type}`;
  }
}
