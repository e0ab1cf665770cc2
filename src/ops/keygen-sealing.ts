import { KsealError } from "../errors.ts";
import { printObjects } from "../formats/manifest-print.ts";
import { newSealingKey, readSealingKey } from "../sealed/sealing-key.ts";
import { secretObject } from "../sealed/secret.ts";
import { type CertificateFacts, factsOf } from "./certificate-facts.ts";
import type { OpContext } from "./context.ts";

export interface SealingKeygenOptions {
  /** Of the RSA key. */
  readonly bits: number;
  /** Milliseconds. */
  readonly validFor: number;
  /** Of the certificate; empty for one that names nobody, as controllers make them. */
  readonly commonName: string;
  /** Of the Secret: the controller's. */
  readonly namespace: string;
  /** Of the Secret; without one the cluster makes it up, as for the controller's own keys. */
  readonly name?: string | undefined;
  /** A new file for the Secret. */
  readonly out?: string | undefined;
  /** A new file for the certificate alone, which is what sealing needs. */
  readonly certOut?: string | undefined;
  readonly dryRun: boolean;
}

export interface SealingKeygenResult {
  /** The Secret as YAML. Secret. */
  readonly secret: Uint8Array;
  readonly certificate: CertificateFacts;
  readonly writtenTo: string | undefined;
  readonly certificateWrittenTo: string | undefined;
}

/** Keys below are broken, and above nobody waits for them. */
const bitsAllowed = { from: 2048, to: 8192 };
const longestMs = 100 * 366 * 24 * 60 * 60 * 1000;

/**
 * Makes a key pair with its certificate, as the Secret in which a Sealed Secrets controller finds its keys. Files that
 * exist are never replaced.
 *
 * @throws KsealError `USAGE`, `OUTPUT_UNWRITABLE`.
 */
export async function makeSealingKey(
  options: SealingKeygenOptions,
  { host }: OpContext,
): Promise<SealingKeygenResult> {
  checkSealingKeyOptions(options);
  const { bits, validFor, commonName, namespace, name, out, certOut, dryRun } = options;
  for (const path of [out, certOut]) {
    if (path === undefined || (await host.stat(path)) === undefined) continue;
    const lost = path === out ? "a key in it could be lost" : "what is in it would be lost";
    throw new KsealError("OUTPUT_UNWRITABLE", `the file exists, and ${lost}`, {
      hint: "choose another name, or move the file away",
      where: { file: path },
    });
  }
  const secret = await newSealingKey({
    bits,
    validFor,
    commonName,
    namespace,
    // As the controller names its own, which has no dash at the end either.
    name: name ?? { generateName: "sealed-secrets-key" },
    now: host.now(),
    random: (length) => host.random(length),
  });
  const { certificate } = readSealingKey(secret);
  if (certificate === undefined) throw new TypeError("a sealing key without its certificate");
  const bytes = printObjects([secretObject(secret)], "yaml");
  if (!dryRun && out !== undefined) await host.createFile(out, bytes);
  if (!dryRun && certOut !== undefined) {
    await host.createFile(certOut, new TextEncoder().encode(certificate.pem), { mode: 0o644 });
  }
  return {
    secret: bytes,
    certificate: factsOf(certificate, host.now()),
    writtenTo: out,
    certificateWrittenTo: certOut,
  };
}

/** Refuses what no controller could use. @throws KsealError `USAGE`. */
export function checkSealingKeyOptions({
  bits,
  validFor,
  commonName,
  namespace,
  name,
}: Pick<SealingKeygenOptions, "bits" | "validFor" | "commonName" | "namespace" | "name">): void {
  if (!Number.isInteger(bits) || bits < bitsAllowed.from || bits > bitsAllowed.to || bits % 64 !== 0) {
    throw new KsealError("USAGE", `a sealing key has ${bitsAllowed.from} to ${bitsAllowed.to} bits`, {
      hint: "controllers make keys of 4096 bits: leave --bits out",
    });
  }
  if (!(validFor > 0 && validFor <= longestMs)) {
    throw new KsealError("USAGE", "a certificate is valid for 1 hour to 100 years");
  }
  // What X.520 allows, in visible characters.
  if ([...commonName].length > 64 || /[\p{Cc}\p{Cf}]/u.test(commonName)) {
    throw new KsealError("USAGE", "a common name has at most 64 visible characters");
  }
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace)) {
    throw new KsealError("USAGE", "the namespace is no name that Kubernetes takes");
  }
  if (name !== undefined && !/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(name)) {
    throw new KsealError("USAGE", "the name is none that Kubernetes takes");
  }
}
