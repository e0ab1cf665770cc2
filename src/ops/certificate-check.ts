import { KsealError } from "../errors.ts";
import { type Certificate, chooseCertificate, validity } from "../sealed/certificate.ts";
import { type CertificateFacts, factsOf, rfc3339 } from "./certificate-facts.ts";
import { type CertificateText, chosenFrom, refuseUnpinned, shortPin } from "./certificate-source.ts";
import { type CertificateSubject, certificateSubjects, type SubjectOptions } from "./certificate-subjects.ts";
import type { OpContext } from "./context.ts";

/** A certificate with what it is for. */
export interface ShownCertificate extends CertificateFacts {
  /** The cluster, or the place. */
  readonly title: string;
  readonly origin: string;
  /** Whether values would be sealed for this one of several. */
  readonly isChosen: boolean;
  /** Whether it is the pinned one; `undefined` when none is pinned. */
  readonly isPinned: boolean | undefined;
}

/** Shows certificates, also those that nobody should seal for. Nothing is trusted, so nothing has to be pinned. */
export async function showCertificates(
  options: SubjectOptions,
  context: OpContext,
): Promise<readonly ShownCertificate[]> {
  const subjects = await certificateSubjects(options, context);
  const shown: ShownCertificate[] = [];
  for (const subject of subjects) {
    const text = await wantedText(subject, options);
    const chosen = chosenOrNone(text, subject.pin, context);
    for (const certificate of text.certificates) {
      shown.push({
        title: subject.title,
        origin: text.origin,
        isChosen: certificate === chosen,
        isPinned: subject.pin === undefined ? undefined : certificate.fingerprint === subject.pin,
        ...factsOf(certificate, context.host.now()),
      });
    }
  }
  return shown;
}

/** One certificate, to hand on: valid, and the pinned one. Over the network it has to be pinned. */
export async function fetchCertificate(
  options: SubjectOptions,
  context: OpContext,
): Promise<{ readonly certificate: Certificate; readonly origin: string }> {
  const subjects = await certificateSubjects(options, context);
  const [subject] = subjects;
  if (subjects.length > 1) {
    throw new KsealError("USAGE", `.sops.yaml has ${subjects.length} clusters`, {
      hint: `say which one: --name ${subject.title}`,
    });
  }
  if (options.place !== undefined) refuseUnpinned(options.place, subject.pin);
  // Of a cluster what it serves is wanted, and not what is kept already.
  const text = options.place === undefined ? await subject.served() : await wantedText(subject, options);
  return { certificate: chosenFrom(text, subject.pin, context), origin: text.origin };
}

/** What is wrong with a certificate, and what is worth knowing. */
export interface CheckedCertificate {
  readonly title: string;
  readonly certificate: CertificateFacts | undefined;
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Checks certificates: can values be sealed for them, are they the pinned ones, and, when the cluster is asked, are they
 * the ones it serves now.
 */
export async function checkCertificates(
  options: SubjectOptions,
  context: OpContext,
): Promise<readonly CheckedCertificate[]> {
  const asks = options.fetch === true || options.cluster !== undefined;
  const checked: CheckedCertificate[] = [];
  for (const subject of await certificateSubjects(options, context)) {
    checked.push(await checkSubject(subject, asks, context));
  }
  return checked;
}

async function checkSubject(
  subject: CertificateSubject,
  asks: boolean,
  context: OpContext,
): Promise<CheckedCertificate> {
  const { title, pin } = subject;
  try {
    const text = await (subject.kept ?? subject.served)();
    const certificate = chosenOrNone(text, pin, context) ?? newestOf(text);
    const now = context.host.now();
    const problems = [
      ...stateProblem(certificate, now),
      ...(pin === undefined || certificate.fingerprint === pin
        ? []
        : [`it is not the pinned one, which is ${shortPin(pin)}`]),
    ];
    const comparison =
      asks && subject.kept !== undefined
        ? await compare(certificate, subject, context)
        : unasked(certificate, now);
    return {
      title,
      certificate: factsOf(certificate, now),
      problems: [...problems, ...comparison.problems],
      notes: [...expiryNote(certificate, now), ...comparison.notes],
    };
  } catch (error) {
    if (!(error instanceof KsealError) || error.code !== "CERTIFICATE_INVALID") throw error;
    return { title, certificate: undefined, problems: [error.message], notes: [] };
  }
}

interface Comparison {
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

async function compare(
  kept: Certificate,
  { served }: CertificateSubject,
  context: OpContext,
): Promise<Comparison> {
  const text = await served();
  const now = chosenOrNone(text, undefined, context) ?? newestOf(text);
  if (now.fingerprint === kept.fingerprint)
    return { problems: [], notes: [`${text.origin} serves the same`] };
  const since = `since ${rfc3339(now.notBefore)}`;
  return {
    problems: [`${text.origin} serves another one ${since}: ${shortPin(now.fingerprint)}`],
    notes: [],
  };
}

const day = 24 * 60 * 60 * 1000;
/** How often a controller makes a new key unless it is told otherwise. */
const renewal = 30 * day;

function unasked({ notBefore, selfSigned }: Certificate, now: number): Comparison {
  const age = Math.floor((now - notBefore) / day);
  if (!selfSigned || now - notBefore <= renewal) return { problems: [], notes: [] };
  const note = `it is ${age} days old, and clusters make a new key every 30 days: compare with --fetch`;
  return { problems: [], notes: [note] };
}

function stateProblem(certificate: Certificate, now: number): readonly string[] {
  switch (validity(certificate, now)) {
    case "valid":
      return [];
    case "expired":
      return [`it expired on ${rfc3339(certificate.notAfter)}`];
    case "not yet valid":
      return [`it is not valid before ${rfc3339(certificate.notBefore)}`];
  }
}

function expiryNote({ notAfter }: Certificate, now: number): readonly string[] {
  const left = notAfter - now;
  return left > 0 && left <= 30 * day ? [`it expires on ${rfc3339(notAfter)}`] : [];
}

function wantedText(
  { title, kept, served }: CertificateSubject,
  { fetch, cluster, place }: SubjectOptions,
): Promise<CertificateText> {
  if (place === undefined && (fetch === true || cluster !== undefined)) return served();
  if (kept !== undefined) return kept();
  throw new KsealError("CONFIG_NOT_FOUND", `the cluster ${title} has no certificate in .sops.yaml`, {
    hint: `ask the cluster: --fetch, or keep it: kseal cert pin --name ${title}`,
  });
}

function chosenOrNone(
  text: CertificateText,
  pin: string | undefined,
  context: OpContext,
): Certificate | undefined {
  try {
    return chosenFrom(text, pin, context);
  } catch (error) {
    if (error instanceof KsealError) return undefined;
    throw error;
  }
}

/** What is looked at when none can be chosen. */
function newestOf({ certificates }: CertificateText): Certificate {
  const [first] = certificates;
  const newest = certificates.toSorted((a, b) => b.notBefore - a.notBefore)[0];
  const chosen = certificates.every(({ selfSigned }) => selfSigned) ? newest : first;
  // There is always one; the choice of none says so.
  return chosen ?? chooseCertificate([], 0);
}
