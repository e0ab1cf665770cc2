import { civilTime } from "../core/calendar.ts";
import { type Certificate, validity } from "../sealed/certificate.ts";
import { shortPin } from "./certificate-source.ts";

/** A certificate as it is shown. */
export interface CertificateFacts {
  /** Empty when it names nobody, as those of Sealed Secrets do. */
  readonly subject: string;
  /** In hexadecimal. */
  readonly serial: string;
  /** In UTC, as RFC 3339 has it. */
  readonly notBefore: string;
  readonly notAfter: string;
  readonly state: "valid" | "expired" | "not yet valid";
  /** Of the RSA key. */
  readonly bits: number;
  /** Of the certificate, as `.sops.yaml` has it: `sha256:6f1e...`. */
  readonly fingerprint: string;
  /** Of the key, as OpenSSH and the controller print it: `SHA256:...`. */
  readonly keyFingerprint: string;
  readonly selfSigned: boolean;
}

/** What there is to know about a certificate. @param now - Milliseconds since 1970. */
export function factsOf(certificate: Certificate, now: number): CertificateFacts {
  const { subject, serial, notBefore, notAfter, fingerprint, keyFingerprint, selfSigned } = certificate;
  return {
    subject: subject.replaceAll("\n", ", "),
    serial,
    notBefore: rfc3339(notBefore),
    notAfter: rfc3339(notAfter),
    state: validity(certificate, now),
    bits: certificate.modulusLength * 8,
    fingerprint: shortPin(fingerprint),
    keyFingerprint,
    selfSigned,
  };
}

/** A moment to the second. */
export function rfc3339(epochMs: number): string {
  const { year, month, day, hour, minute, second } = civilTime(epochMs);
  const [date, time] = [
    [String(year).padStart(4, "0"), two(month), two(day)],
    [two(hour), two(minute), two(second)],
  ];
  return `${date.join("-")}T${time.join(":")}Z`;
}

function two(part: number): string {
  return String(part).padStart(2, "0");
}
