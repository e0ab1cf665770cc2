import { type DerElement, derElements } from "./der-reader.ts";

/*
 * A certificate's DER as far as a signer needs it:
 *
 *   Certificate { TBSCertificate { [0] version, serial, algorithm, issuer, validity, subject, key, ... [3] extensions } ... }
 */

/** What a certificate tells about itself to those that it signs. */
export interface CertificateSubject {
  /** The name, as DER. */
  readonly name: Uint8Array;
  readonly subjectKeyId: Uint8Array | undefined;
}

const subjectKeyIdentifier = Uint8Array.of(0x06, 0x03, 0x55, 0x1d, 0x0e);

/**
 * Reads subject and subject key identifier.
 *
 * @param der - A certificate that a real parser has accepted: this one trusts lengths that fit.
 */
export function readCertificateSubject(der: Uint8Array): CertificateSubject {
  const fields = derElements(derElements(at(derElements(der), 0).content)[0]?.content ?? new Uint8Array());
  const afterVersion = fields[0]?.tag === 0xa0 ? fields.slice(1) : fields;
  const extensions = fields.find(({ tag }) => tag === 0xa3);
  return { name: at(afterVersion, 4).whole, subjectKeyId: extensions && keyIdOf(extensions.content) };
}

function keyIdOf(extensions: Uint8Array): Uint8Array | undefined {
  for (const extension of derElements(at(derElements(extensions), 0).content)) {
    const parts = derElements(extension.content);
    const [type] = parts;
    if (type?.whole.every((byte, i) => byte === subjectKeyIdentifier[i])) {
      return at(derElements(parts.at(-1)?.content ?? new Uint8Array()), 0).content;
    }
  }
  return;
}

function at(elements: readonly DerElement[], index: number): DerElement {
  return elements[index] ?? { tag: 0, whole: new Uint8Array(), content: new Uint8Array() };
}
