import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { pemBlocks } from "../core/pem.ts";
import { GoError, type World } from "./value.ts";

/** What these cost beside a step of a template, by what a slow machine needs. */
const cost = { rsa4096: 1_000_000, rsa2048: 250_000, smallKey: 1000 };

/** A new private key in PEM, of the type that the template asks for: RSA of 4096 bits, P-256 or Ed25519. */
export function newPrivateKey(type: string, world: World): string {
  switch (type) {
    case "":
    case "rsa":
      world.spend(cost.rsa4096);
      return printPrivateKey(generateKeyPairSync("rsa", { modulusLength: 4096 }).privateKey);
    case "ecdsa":
      world.spend(cost.smallKey);
      return printPrivateKey(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
    case "ed25519":
      world.spend(cost.smallKey);
      return printPrivateKey(generateKeyPairSync("ed25519").privateKey);
    case "dsa":
      throw new GoError("dsa keys are not made here: choose rsa, ecdsa or ed25519");
    default:
      return `Unknown type ${type}`;
  }
}

/** A new RSA key for a certificate. */
export function newCertificateKey(world: World): KeyObject {
  world.spend(cost.rsa2048);
  return generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
}

/** A private key in PEM: PKCS#1 for RSA, SEC 1 for elliptic curves, PKCS#8 for Ed25519. */
export function printPrivateKey(key: KeyObject): string {
  switch (key.asymmetricKeyType) {
    case "rsa":
      return key.export({ type: "pkcs1", format: "pem" }).toString();
    case "ec":
      return key.export({ type: "sec1", format: "pem" }).toString();
    default:
      return key.export({ type: "pkcs8", format: "pem" }).toString();
  }
}

/** How Sprig names the forms of private keys, by what stands before `PRIVATE KEY` in their label. */
const forms: ReadonlyMap<string, string> = new Map([
  ["", "decoding PEM as PKCS#8"],
  ["RSA ", "parsing RSA private key from PEM"],
  ["EC ", "parsing EC private key from PEM"],
]);

/**
 * Reads the first block of a PEM text as a private key.
 *
 * @throws {GoError} as Sprig words it; what is wrong inside the key is not told as Go tells it.
 */
export function parsePrivateKey(pem: string): KeyObject {
  const [block] = pemBlocks(pem);
  if (block === undefined) throw new GoError("no PEM data in input");
  const kind = /^(.* |)PRIVATE KEY$/.exec(block.label)?.[1];
  if (kind === undefined) throw new GoError(`no private key data in PEM block of type ${block.label}`);
  const form = forms.get(kind);
  if (kind === "DSA ") throw new GoError("parsing DSA private key from PEM: dsa keys are not supported here");
  if (form === undefined) throw new GoError(`invalid private key type ${block.label}`);
  let key: KeyObject;
  try {
    key = createPrivateKey(block.text);
  } catch {
    throw new GoError(`${form}: asn1: structure error`);
  }
  if (["rsa", "ec", "ed25519"].includes(key.asymmetricKeyType ?? "")) return key;
  throw new GoError(`${form}: unsupported type of key`);
}
