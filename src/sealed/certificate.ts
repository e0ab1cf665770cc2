import { type KeyObject, X509Certificate } from "node:crypto";
import { civilTime } from "../core/calendar.ts";
import { encodePem, pemBlocks } from "../core/pem.ts";
import { KsealError } from "../errors.ts";
import { keyFingerprint, modulusLength } from "./rsa-key.ts";

/**
 * A certificate to seal for. It is only a container for an RSA key: nobody checks who issued it, so trust in it comes
 * from where it was taken from, or from its fingerprint.
 */
export interface Certificate {
  readonly pem: string;
  readonly der: Uint8Array;
  readonly publicKey: KeyObject;
  /** Bytes of the modulus: 512 for 4096 bits. */
  readonly modulusLength: number;
  /** SHA-256 of the certificate, in hexadecimal pairs with colons, as `openssl x509 -fingerprint -sha256` prints it. */
  readonly fingerprint: string;
  /** Of the key, as OpenSSH prints it: the same for every certificate of one key. */
  readonly keyFingerprint: string;
  /** Empty when the certificate names nobody, as those of Sealed Secrets do. */
  readonly subject: string;
  /** In hexadecimal, as `openssl x509 -serial` prints it. */
  readonly serial: string;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly selfSigned: boolean;
}

// A bundle of a company's authorities has some hundred; a hostile file has more.
const mostCertificates = 1000;
// What Go's RSA accepts at all, and less than any cluster makes.
const shortestKey = 1024;
const hint = "fetch the cluster's certificate again: kseal cert fetch";

/**
 * Reads certificates: PEM with any number of them, or one in DER.
 *
 * @throws KsealError `CERTIFICATE_INVALID` when there is none, one is unreadable, or the first has no RSA key. Later ones
 *   without an RSA key are left out.
 */
export function readCertificates(content: string | Uint8Array): readonly Certificate[] {
  if (typeof content !== "string" && content[0] === 0x30) return [certificateOf(parse(content))];
  const text = typeof content === "string" ? content : new TextDecoder().decode(content);
  const blocks = pemBlocks(text).filter(({ label }) => label === "CERTIFICATE");
  if (blocks.length === 0) {
    throw new KsealError("CERTIFICATE_INVALID", "failed to read any certificates", { hint });
  }
  if (blocks.length > mostCertificates) {
    throw new KsealError("LIMIT_EXCEEDED", `more than ${mostCertificates} certificates in one file`);
  }
  return blocks.flatMap(({ text: pem }, at) => {
    const parsed = parse(pem);
    // The authority behind a certificate may have another type of key: nothing is sealed for it.
    return at > 0 && publicKeyOf(parsed).asymmetricKeyType !== "rsa" ? [] : [certificateOf(parsed)];
  });
}

/**
 * Chooses the certificate to seal for: of several self-signed ones, which are what clusters make, the newest that is
 * valid; of a chain the first.
 *
 * @param now - Milliseconds since 1970.
 * @throws KsealError `CERTIFICATE_INVALID` when the one to choose is expired or not yet valid.
 */
export function chooseCertificate(certificates: readonly Certificate[], now: number): Certificate {
  const [first] = certificates;
  if (first === undefined) throw new KsealError("CERTIFICATE_INVALID", "there is no certificate", { hint });
  const newestFirst = certificates.toSorted((a, b) => b.notBefore - a.notBefore);
  const chosen =
    certificates.length > 1 && certificates.every(({ selfSigned }) => selfSigned)
      ? (newestFirst.find((certificate) => validity(certificate, now) === "valid") ?? newestFirst[0] ?? first)
      : first;
  checkValidity(chosen, now);
  return chosen;
}

/** How much the clock of a cluster may be ahead: what its controller has just made is to be sealed for at once. */
const clockDifference = 60 * 60 * 1000;

/**
 * Where a moment lies in the time that a certificate says it is for. One that begins within the next hour is valid: its
 * maker's clock is ahead, or this one is behind.
 */
export function validity(
  { notBefore, notAfter }: Pick<Certificate, "notBefore" | "notAfter">,
  now: number,
): "valid" | "expired" | "not yet valid" {
  if (now > notAfter) return "expired";
  return now < notBefore - clockDifference ? "not yet valid" : "valid";
}

function checkValidity(certificate: Certificate, now: number): void {
  const state = validity(certificate, now);
  if (state === "valid") return;
  const message =
    state === "expired"
      ? `the certificate expired on ${dateOf(certificate.notAfter)}`
      : `the certificate is not valid before ${dateOf(certificate.notBefore)}`;
  throw new KsealError("CERTIFICATE_INVALID", message, {
    hint: state === "expired" ? hint : "check this machine's clock, or take the certificate that is in use",
  });
}

function certificateOf(parsed: X509Certificate): Certificate {
  const publicKey = rsaKeyOf(parsed);
  const der = Uint8Array.from(parsed.raw);
  const known: { keyFingerprint?: string; selfSigned?: boolean } = {};
  return {
    pem: encodePem("CERTIFICATE", der),
    der,
    publicKey,
    modulusLength: modulusLength(publicKey),
    fingerprint: parsed.fingerprint256,
    // These two are worked out when somebody asks: sealing a value does without, and takes hardly longer than they do.
    get keyFingerprint() {
      known.keyFingerprint ??= keyFingerprint(publicKey);
      return known.keyFingerprint;
    },
    // Of an empty name Node says nothing, whatever its types say.
    subject: (parsed.subject as string | undefined) ?? "",
    serial: parsed.serialNumber,
    notBefore: parsed.validFromDate.getTime(),
    notAfter: parsed.validToDate.getTime(),
    get selfSigned() {
      known.selfSigned ??= parsed.subject === parsed.issuer && parsed.verify(publicKey);
      return known.selfSigned;
    },
  };
}

function parse(content: string | Uint8Array): X509Certificate {
  try {
    return new X509Certificate(content);
  } catch (cause) {
    throw new KsealError("CERTIFICATE_INVALID", "the certificate cannot be read", { hint, cause });
  }
}

function rsaKeyOf(certificate: X509Certificate): KeyObject {
  const key = publicKeyOf(certificate);
  const type = key.asymmetricKeyType;
  if (type !== "rsa") {
    throw new KsealError(
      "CERTIFICATE_INVALID",
      `the certificate is for a key of type ${type ?? "unknown"}, and only RSA keys can seal`,
      { hint },
    );
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < shortestKey) {
    throw new KsealError(
      "CERTIFICATE_INVALID",
      `the certificate's RSA key has ${bits} bits, too few to be safe`,
      {
        hint,
      },
    );
  }
  return key;
}

function publicKeyOf(certificate: X509Certificate): KeyObject {
  try {
    return certificate.publicKey;
  } catch (cause) {
    throw new KsealError("CERTIFICATE_INVALID", "the key in the certificate cannot be read", { hint, cause });
  }
}

function dateOf(epochMs: number): string {
  const { year, month, day } = civilTime(epochMs);
  return [String(year).padStart(4, "0"), ...[month, day].map((part) => String(part).padStart(2, "0"))].join(
    "-",
  );
}
