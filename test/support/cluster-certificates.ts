import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import {
  derBitString,
  derInteger,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  derSet,
  derTagged,
  derText,
  derTime,
  derTrue,
} from "../../src/core/der.ts";
import { encodePem } from "../../src/core/pem.ts";

/** A certificate and its key, in PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** The certificate authority of one test cluster, good for a day. */
export interface Authority {
  readonly cert: string;
  /** A server's certificate for these addresses. */
  server(names: { readonly dns: readonly string[]; readonly ips: readonly string[] }): KeyPair;
  /** A client's: Kubernetes reads the user from the common name, and the groups from the organizations. */
  client(user: string, groups?: readonly string[]): KeyPair;
}

const oid = {
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  organization: "2.5.4.10",
  commonName: "2.5.4.3",
  basicConstraints: "2.5.29.19",
  extendedKeyUsage: "2.5.29.37",
  subjectAltName: "2.5.29.17",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
};

interface Issuer {
  readonly name: Uint8Array;
  readonly key: KeyObject;
}

/** Makes an authority with a P-256 key. */
export function makeAuthority(): Authority {
  const { privateKey: key } = newKey();
  const name = distinguishedName("authority of a test cluster");
  const issuer = { name, key };
  const isAuthority = extension(oid.basicConstraints, derSequence(derTrue()));
  const leaf = (subject: Uint8Array, extensions: readonly Uint8Array[]): KeyPair => {
    const pair = newKey();
    const der = certificate({ issuer, subject, publicKey: pair.publicKey, extensions });
    return { cert: encodePem("CERTIFICATE", der), key: pemOf(pair.privateKey) };
  };
  return {
    cert: encodePem(
      "CERTIFICATE",
      certificate({ issuer, subject: name, publicKey: createPublicKey(key), extensions: [isAuthority] }),
    ),
    server: (names) =>
      leaf(distinguishedName("server"), [
        usage(oid.serverAuth),
        extension(oid.subjectAltName, altNames(names)),
      ]),
    client: (user, groups = []) => leaf(distinguishedName(user, groups), [usage(oid.clientAuth)]),
  };
}

/** A key pair, as the API server signs and checks the tokens of service accounts with. */
export function makeSigningKey(): { readonly key: string; readonly publicKey: string } {
  const { privateKey, publicKey } = newKey();
  return { key: pemOf(privateKey), publicKey: publicKey.export({ type: "spki", format: "pem" }).toString() };
}

function newKey(): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

// Go reads this form of an EC key as well as PKCS #8; the API server's signing key must not be of another.
function pemOf(key: KeyObject): string {
  return key.export({ type: "sec1", format: "pem" }).toString();
}

function certificate(options: {
  readonly issuer: Issuer;
  readonly subject: Uint8Array;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Uint8Array[];
}): Uint8Array {
  const { issuer, subject, publicKey, extensions } = options;
  const algorithm = derSequence(derObjectIdentifier(oid.ecdsaWithSha256));
  const now = Date.now();
  const toBeSigned = derSequence(
    // 2 stands for version 3.
    derTagged(0, derInteger(Uint8Array.of(2))),
    derInteger(randomBytes(16)),
    algorithm,
    issuer.name,
    derSequence(derTime(now - 60_000), derTime(now + 86_400_000)),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    derTagged(3, derSequence(...extensions)),
  );
  const signature = sign("sha256", toBeSigned, issuer.key);
  return derSequence(toBeSigned, algorithm, derBitString(signature));
}

function distinguishedName(commonName: string, organizations: readonly string[] = []): Uint8Array {
  const part = (type: string, text: string): Uint8Array =>
    derSet(derSequence(derObjectIdentifier(type), derText(text)));
  const parts = organizations.map((name) => part(oid.organization, name));
  return derSequence(...parts, part(oid.commonName, commonName));
}

function extension(type: string, value: Uint8Array): Uint8Array {
  return derSequence(derObjectIdentifier(type), derTrue(), derOctetString(value));
}

function usage(type: string): Uint8Array {
  return extension(oid.extendedKeyUsage, derSequence(derObjectIdentifier(type)));
}

function altNames(names: { readonly dns: readonly string[]; readonly ips: readonly string[] }): Uint8Array {
  const dns = names.dns.map((name) => implicit(2, Buffer.from(name, "ascii")));
  const ips = names.ips.map((ip) => implicit(7, Uint8Array.from(ip.split(".").map(Number))));
  return derSequence(...dns, ...ips);
}

/** A field told by a number in place of its own tag: `[2] IMPLICIT`, below 128 bytes. */
function implicit(number: number, content: Uint8Array): Uint8Array {
  return Uint8Array.from([0x80 | number, content.length, ...content]);
}
