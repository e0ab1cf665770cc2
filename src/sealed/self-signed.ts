import { createHash, createPublicKey, type KeyObject, sign } from "node:crypto";
import { concatBytes } from "../core/concat-bytes.ts";
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
} from "../core/der.ts";
import { encodePem } from "../core/pem.ts";

const sha256WithRsa = "1.2.840.113549.1.1.11";
const commonNameType = "2.5.4.3";
const keyUsage = "2.5.29.15";
const basicConstraints = "2.5.29.19";
const subjectKeyIdentifier = "2.5.29.14";

/** What a self-signed certificate says. */
export interface SelfSignedOptions {
  /** Empty for a certificate that names nobody, as Sealed Secrets makes them. */
  readonly commonName: string;
  /** Milliseconds since 1970; whole seconds are written. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** 16 random bytes, a number below 2^128. */
  readonly serial: Uint8Array;
}

/**
 * A certificate for a sealing key, signed with that key, field by field as the Sealed Secrets controller makes it:
 * version 3, SHA-256 with RSA, key usage "encipher only", authority, subject key identifier.
 *
 * @param privateKey - An RSA key.
 * @returns PEM.
 */
export function selfSignedCertificate(privateKey: KeyObject, options: SelfSignedOptions): string {
  const publicKey = createPublicKey(privateKey);
  const algorithm = derSequence(derObjectIdentifier(sha256WithRsa), derNull());
  const name = nameOf(options.commonName);
  const toBeSigned = derSequence(
    // 2 stands for version 3.
    derTagged(0, derInteger(Uint8Array.of(2))),
    derInteger(options.serial),
    algorithm,
    name,
    derSequence(derTime(options.notBefore), derTime(options.notAfter)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    derTagged(3, derSequence(...extensions(publicKey))),
  );
  const signature = sign("sha256", toBeSigned, privateKey);
  return encodePem("CERTIFICATE", derSequence(toBeSigned, algorithm, derBitString(signature)));
}

function nameOf(commonName: string): Uint8Array {
  if (commonName === "") return derSequence();
  return derSequence(derSet(derSequence(derObjectIdentifier(commonNameType), derText(commonName))));
}

function extensions(publicKey: KeyObject): readonly Uint8Array[] {
  const keyId = createHash("sha1")
    .update(publicKey.export({ type: "pkcs1", format: "der" }))
    .digest();
  // Bit 7 of the usages is "encipher only".
  const encipherOnly = derBitString(Uint8Array.of(1));
  return [
    critical(keyUsage, encipherOnly),
    critical(basicConstraints, derSequence(derTrue())),
    derSequence(
      derObjectIdentifier(subjectKeyIdentifier),
      derOctetString(derOctetString(concatBytes([keyId]))),
    ),
  ];
}

function critical(type: string, value: Uint8Array): Uint8Array {
  return derSequence(derObjectIdentifier(type), derTrue(), derOctetString(value));
}
