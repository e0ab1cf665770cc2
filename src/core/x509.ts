import { createPublicKey, type KeyObject, sign } from "node:crypto";
import {
  derBitString,
  derInteger,
  derNull,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  derSet,
  derTagged,
  derText,
  derTime,
  derTrue,
} from "./der.ts";

/** What a certificate says; names and extensions are whole DER elements. */
export interface CertificateContent {
  /** Big-endian bytes of a positive number. */
  readonly serial: Uint8Array;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Milliseconds since 1970; whole seconds are written. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Uint8Array[];
}

const commonNameType = "2.5.4.3";

/**
 * Signs an X.509 certificate of version 3 (RFC 5280, 4.1) with the hash that goes with the key: SHA-256 for RSA and
 * P-256, SHA-384 and SHA-512 for the larger curves, none of its own for Ed25519.
 *
 * @param signingKey - A private key: RSA, EC on one of the NIST curves, or Ed25519.
 * @returns DER.
 */
export function signCertificate(content: CertificateContent, signingKey: KeyObject): Uint8Array {
  const { algorithm, hash } = signatureOf(signingKey);
  const toBeSigned = derSequence(
    // 2 stands for version 3.
    derTagged(0, derInteger(Uint8Array.of(2))),
    derInteger(content.serial),
    algorithm,
    content.issuer,
    derSequence(derTime(content.notBefore), derTime(content.notAfter)),
    content.subject,
    content.publicKey.export({ type: "spki", format: "der" }),
    ...(content.extensions.length === 0 ? [] : [derTagged(3, derSequence(...content.extensions))]),
  );
  return derSequence(toBeSigned, algorithm, derBitString(sign(hash, toBeSigned, signingKey)));
}

/** Identifier of the signature algorithm, and the name of its hash; none where the algorithm has its own. */
function signatureOf(key: KeyObject): { readonly algorithm: Uint8Array; readonly hash: string | null } {
  if (key.asymmetricKeyType === "ed25519") return { algorithm: identifier("1.3.101.112"), hash: null };
  if (key.asymmetricKeyType === "rsa") {
    const algorithm = derSequence(derObjectIdentifier("1.2.840.113549.1.1.11"), derNull());
    return { algorithm, hash: "sha256" };
  }
  switch (createPublicKey(key).asymmetricKeyDetails?.namedCurve) {
    case "secp384r1":
      return { algorithm: identifier("1.2.840.10045.4.3.3"), hash: "sha384" };
    case "secp521r1":
      return { algorithm: identifier("1.2.840.10045.4.3.4"), hash: "sha512" };
    default:
      return { algorithm: identifier("1.2.840.10045.4.3.2"), hash: "sha256" };
  }
}

function identifier(dotted: string): Uint8Array {
  return derSequence(derObjectIdentifier(dotted));
}

/** A name with a common name alone; an empty one names nobody. */
export function distinguishedName(commonName: string): Uint8Array {
  if (commonName === "") return derSequence();
  return derSequence(derSet(derSequence(derObjectIdentifier(commonNameType), derText(commonName))));
}

/** One extension (RFC 5280, 4.2). @param value - The DER of its content. */
export function certificateExtension(
  type: string,
  value: Uint8Array,
  { critical = false }: { readonly critical?: boolean } = {},
): Uint8Array {
  return derSequence(derObjectIdentifier(type), ...(critical ? [derTrue()] : []), derOctetString(value));
}

/** The bits of KeyUsage that are set, by their numbers in RFC 5280, 4.2.1.3. */
export function keyUsageExtension(bits: readonly [number, ...number[]]): Uint8Array {
  let byte = 0;
  for (const bit of bits) byte |= 0x80 >> bit;
  const value = derBitString(Uint8Array.of(byte), 7 - Math.max(...bits));
  return certificateExtension("2.5.29.15", value, { critical: true });
}

/** BasicConstraints: an authority, or not. */
export function basicConstraintsExtension({ isCa }: { readonly isCa: boolean }): Uint8Array {
  return certificateExtension("2.5.29.19", isCa ? derSequence(derTrue()) : derSequence(), { critical: true });
}

/** SubjectKeyIdentifier. */
export function subjectKeyExtension(keyId: Uint8Array): Uint8Array {
  return certificateExtension("2.5.29.14", derOctetString(keyId));
}
