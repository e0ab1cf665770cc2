import { epochOf } from "../core/calendar.ts";
import { KsealError } from "../errors.ts";
import { type Certificate, readCertificates } from "./certificate.ts";
import { placeOf, type Secret } from "./secret.ts";

/** The label of the Secrets that hold sealing keys, as Sealed Secrets gave it. */
export const sealingKeyLabel = "sealedsecrets.bitnami.com/sealed-secrets-key";
/** Its value at a key that a controller loads. */
export const activeLabel = "active";
/**
 * Its value at a key in use whose `tls.key` is wrapped. The controller of Sealed Secrets loads `active` ones only, and
 * ends at once when it cannot read one of them.
 */
export const wrappedLabel = "wrapped";

/** Whether the label says that a key is in use. */
export function isInUse(label: unknown): boolean {
  return label === activeLabel || label === wrappedLabel;
}

/**
 * Whether the private key of a Secret is wrapped: `tls.key` is a file of SOPS in its binary format, as
 * `sops encrypt --input-type binary` makes one, instead of PEM. `tls.crt` is in clear.
 */
export function isWrapped({ data }: Pick<Secret, "data">): boolean {
  const bytes = data.get("tls.key");
  if (bytes === undefined || bytes[0] !== 0x7b) return false;
  return new TextDecoder("latin1").decode(bytes).includes('"sops"');
}

/** What is known of a wrapped key without opening it. */
export interface ClosedKey {
  /** `namespace/name` of its Secret. */
  readonly name: string;
  readonly certificate: Certificate;
  /** As OpenSSH prints it. */
  readonly fingerprint: string;
  /** When its Secret was made; milliseconds since 1970. */
  readonly createdAt?: number;
}

/** @throws KsealError `CERTIFICATE_INVALID` when a wrapped key has no certificate with it that can be read. */
export function readClosedKey({ metadata, data }: Secret): ClosedKey {
  const name = placeOf(metadata);
  const [certificate] = readCertificates(data.get("tls.crt") ?? "");
  if (certificate === undefined) {
    throw new KsealError("CERTIFICATE_INVALID", `the Secret ${name} has no certificate in tls.crt`);
  }
  const created = metadata.other.get("creationTimestamp");
  const createdAt = typeof created === "string" ? epochOf(created) : undefined;
  return {
    name,
    certificate,
    fingerprint: certificate.keyFingerprint,
    ...(createdAt === undefined ? {} : { createdAt }),
  };
}
