import { createHash, createPublicKey, type KeyObject, type X509Certificate } from "node:crypto";
import { derObjectIdentifier, derRetagged, derSequence } from "../core/der.ts";
import { derElements } from "../core/der-reader.ts";
import { parseIpAddress } from "../core/ip-address.ts";
import { encodePem } from "../core/pem.ts";
import {
  basicConstraintsExtension,
  certificateExtension,
  distinguishedName,
  keyUsageExtension,
  signCertificate,
  subjectKeyExtension,
} from "../core/x509.ts";
import { readCertificateSubject } from "../core/x509-subject.ts";
import { encodeGoString } from "./go-string.ts";
import { printPrivateKey } from "./key-pem.ts";
import { quote } from "./quote.ts";
import { goText } from "./sprig-cast.ts";
import { GoError, type GoValue, type World } from "./value.ts";

/** What a template asks of a certificate. */
export interface CertificateRequest {
  readonly commonName: string;
  /** As the template gives them: not yet known to be texts. */
  readonly addresses: readonly GoValue[];
  readonly names: readonly GoValue[];
  /** From now on; may be negative. */
  readonly days: number;
  readonly isCa: boolean;
}

/** A certificate that signs others, with its key. */
export interface SigningCertificate {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
}

const digitalSignature = 0;
const keyEncipherment = 2;
const certificateSigning = 5;
const serverAuth = "1.3.6.1.5.5.7.3.1";
const clientAuth = "1.3.6.1.5.5.7.3.2";

/** A certificate signed with its own key, and the key. */
export function selfSignedCertificate(
  request: CertificateRequest,
  key: KeyObject,
  world: World,
): { readonly cert: string; readonly key: string } {
  const content = contentOf(request, world);
  return signed({ ...content, issuer: content.subject, key, signingKey: key });
}

/** A certificate signed by another, and its key. */
export function issueCertificate(
  request: CertificateRequest,
  { key, signer }: { readonly key: KeyObject; readonly signer: SigningCertificate },
  world: World,
): { readonly cert: string; readonly key: string } {
  const content = contentOf(request, world);
  if (!signer.certificate.checkPrivateKey(signer.key)) {
    throw new GoError(
      "error creating certificate: x509: provided PrivateKey doesn't match parent's PublicKey",
    );
  }
  const { name, subjectKeyId } = readCertificateSubject(signer.certificate.raw);
  return signed({ ...content, issuer: name, issuerKeyId: subjectKeyId, key, signingKey: signer.key });
}

interface Content {
  readonly subject: Uint8Array;
  readonly serial: Uint8Array;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly isCa: boolean;
  readonly alternatives: readonly Uint8Array[];
}

function contentOf(request: CertificateRequest, world: World): Content {
  const addresses = request.addresses.map((value) => derRetagged(7, addressOf(value)));
  const texts = request.names.map(nameOf);
  const serial = world.random(16);
  const now = world.now();
  // Go counts a duration in 64 bits of nanoseconds, which go round after 292 years.
  const duration = BigInt.asIntN(64, BigInt(request.days) * 86_400_000_000_000n);
  const { commonName, isCa } = request;
  if (!commonName.isWellFormed())
    throw new GoError("error creating certificate: asn1: string not valid UTF-8");
  const names = texts.map((name) => derRetagged(2, ia5String(name)));
  return {
    subject: distinguishedName(commonName),
    serial,
    notBefore: now,
    notAfter: now + Number(duration / 1_000_000n),
    isCa,
    alternatives: [...names, ...addresses],
  };
}

function addressOf(value: GoValue): Uint8Array {
  if (value.kind !== "string") throw new GoError(`error parsing ip: ${goText(value)} is not a string`);
  const address = parseIpAddress(value.value);
  if (address === undefined) throw new GoError(`error parsing ip: ${value.value}`);
  return address;
}

function nameOf(value: GoValue): string {
  if (value.kind === "string") return value.value;
  throw new GoError(`error processing alternate dns name: ${goText(value)} is not a string`);
}

function ia5String(name: string): Uint8Array {
  const bytes = encodeGoString(name);
  if (bytes.every((byte) => byte < 0x80)) return bytes;
  throw new GoError(`error creating certificate: x509: ${quote(name)} cannot be encoded as an IA5String`);
}

/** Puts the extensions in Go's order, and signs. */
function signed({
  key,
  signingKey,
  issuer,
  issuerKeyId,
  isCa,
  alternatives,
  ...content
}: Content & {
  readonly key: KeyObject;
  readonly signingKey: KeyObject;
  readonly issuer: Uint8Array;
  readonly issuerKeyId?: Uint8Array | undefined;
}): { readonly cert: string; readonly key: string } {
  const publicKey = createPublicKey(key);
  const usages = derSequence(derObjectIdentifier(serverAuth), derObjectIdentifier(clientAuth));
  // A certificate that names nobody says so: its other names count.
  const critical = content.subject.length === 2;
  const isOther = !sameBytes(issuer, content.subject);
  const extensions = [
    keyUsageExtension(
      isCa ? [digitalSignature, keyEncipherment, certificateSigning] : [digitalSignature, keyEncipherment],
    ),
    certificateExtension("2.5.29.37", usages),
    basicConstraintsExtension({ isCa }),
    ...(isCa ? [subjectKeyExtension(keyIdOf(publicKey))] : []),
    ...(isOther && issuerKeyId !== undefined
      ? [certificateExtension("2.5.29.35", derSequence(derRetagged(0, issuerKeyId)))]
      : []),
    ...(alternatives.length > 0
      ? [certificateExtension("2.5.29.17", derSequence(...alternatives), { critical })]
      : []),
  ];
  const der = signCertificate({ ...content, issuer, publicKey, extensions }, signingKey);
  return { cert: encodePem("CERTIFICATE", der), key: printPrivateKey(key) };
}

/** The first 160 bits of SHA-256 over the key's bits (RFC 7093, 2), as Go has it since 1.25. */
function keyIdOf(publicKey: KeyObject): Uint8Array {
  return createHash("sha256").update(publicKeyBits(publicKey)).digest().subarray(0, 20);
}

/** The content of the BIT STRING that ends a SubjectPublicKeyInfo, behind its count of unused bits. */
function publicKeyBits(publicKey: KeyObject): Uint8Array {
  const [info] = derElements(publicKey.export({ type: "spki", format: "der" }));
  return derElements(info?.content ?? new Uint8Array())[1]?.content.subarray(1) ?? new Uint8Array();
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
