import type { CheckedCertificate, ShownCertificate } from "../ops/certificate-check.ts";
import type { CertificateFacts } from "../ops/certificate-facts.ts";

/** Certificates for people, a block each. */
export function describeCertificates(shown: readonly ShownCertificate[]): string {
  return shown.map(describeShown).join("\n\n");
}

function describeShown(certificate: ShownCertificate): string {
  const { title, origin, isChosen, isPinned } = certificate;
  const use = isChosen ? [] : ["not sealed for"];
  const pin = isPinned === undefined ? [] : [isPinned ? "the pinned one" : "not the pinned one"];
  const remarks = [...use, ...pin].join(", ");
  return [
    `${title === origin ? title : `${title}: ${origin}`}${remarks === "" ? "" : ` (${remarks})`}`,
    ...lines(certificate),
  ].join("\n");
}

function lines(facts: CertificateFacts): readonly string[] {
  const { subject, serial, notBefore, notAfter, state, bits, fingerprint, keyFingerprint } = facts;
  return [
    `  subject          ${subject === "" ? "nobody" : subject}`,
    `  serial           ${serial}`,
    `  valid            ${notBefore} to ${notAfter}${state === "valid" ? "" : ` (${state})`}`,
    `  key              RSA, ${bits} bits`,
    `  fingerprint      ${fingerprint}`,
    `  key fingerprint  ${keyFingerprint}`,
  ];
}

/** What is wrong with certificates, for people. */
export function describeChecks(checked: readonly CheckedCertificate[]): string {
  return checked
    .flatMap(({ title, certificate, problems, notes }) => [
      ...(problems.length > 0
        ? problems.map((problem) => `${title}: ${problem}`)
        : [`${title}: valid until ${certificate?.notAfter ?? ""}`]),
      ...notes.map((note) => `${title}: ${note}`),
    ])
    .join("\n");
}
