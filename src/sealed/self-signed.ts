import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { encodePem } from "../core/pem.ts";
import {
  basicConstraintsExtension,
  distinguishedName,
  keyUsageExtension,
  signCertificate,
  subjectKeyExtension,
} from "../core/x509.ts";

/** The usage of RFC 5280, 4.2.1.3 that the Sealed Secrets controller gives its keys. */
const encipherOnly = 7;

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
  const name = distinguishedName(options.commonName);
  const keyId = createHash("sha1")
    .update(publicKey.export({ type: "pkcs1", format: "der" }))
    .digest();
  const extensions = [
    keyUsageExtension([encipherOnly]),
    basicConstraintsExtension({ isCa: true }),
    subjectKeyExtension(keyId),
  ];
  const { notBefore, notAfter, serial } = options;
  const content = { issuer: name, subject: name, notBefore, notAfter, serial, publicKey, extensions };
  return encodePem("CERTIFICATE", signCertificate(content, privateKey));
}
