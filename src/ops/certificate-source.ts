import { certificateFingerprint, isNetworkAddress } from "../config/certificate-place.ts";
import { KsealError } from "../errors.ts";
import { type Certificate, chooseCertificate, readCertificates } from "../sealed/certificate.ts";
import type { OpContext } from "./context.ts";

// A bundle of a company's authorities has some hundred kilobytes.
const sizeLimit = 4 * 1024 * 1024;
const timeoutMs = 30_000;

/** Certificates as they were found. */
export interface CertificateText {
  readonly certificates: readonly Certificate[];
  /** Where they are from, for messages: a path, an address, a cluster. */
  readonly origin: string;
}

/**
 * All certificates of a file, or of an address with `file`, `https` or `http`, whether they are valid or not.
 *
 * @throws KsealError `CERTIFICATE_INVALID` when there is none or one is unreadable or not for RSA; `KEY_SOURCE_FAILED` when
 *   the address does not give it.
 */
export async function readPlace(place: string, context: OpContext): Promise<CertificateText> {
  const content = isNetworkAddress(place) ? await fetchText(place, context) : await readFile(place, context);
  return certificatesOf(
    content,
    isNetworkAddress(place) ? { origin: place } : { origin: place, file: place },
  );
}

/** Certificates of a text. @throws KsealError `CERTIFICATE_INVALID` that names the origin. */
export function certificatesOf(
  content: string | Uint8Array,
  { origin, file }: { readonly origin: string; readonly file?: string },
): CertificateText {
  try {
    return { certificates: readCertificates(content), origin };
  } catch (error) {
    throw error instanceof KsealError ? placed(error, { origin, file }) : error;
  }
}

/**
 * The certificate to seal for: the pinned one, else the newest that is valid, or the first of a chain.
 *
 * @param pin - In the spelling of `Certificate.fingerprint`.
 */
export function chosenFrom(
  { certificates, origin }: CertificateText,
  pin: string | undefined,
  { host }: Pick<OpContext, "host">,
): Certificate {
  const wanted =
    pin === undefined ? certificates : certificates.filter(({ fingerprint }) => fingerprint === pin);
  const [found] = certificates;
  if (wanted.length === 0 && found !== undefined) {
    throw new KsealError(
      "CERTIFICATE_INVALID",
      `the certificate of ${origin} is not the pinned one: its fingerprint is ${shortPin(found.fingerprint)}`,
      {
        hint: `${shortPin(pin ?? "")} is pinned; if the cluster has a new key, pin that: kseal cert pin`,
      },
    );
  }
  try {
    return chooseCertificate(wanted, host.now());
  } catch (error) {
    throw error instanceof KsealError ? placed(error, { origin }) : error;
  }
}

/** A fingerprint as users give it. @throws KsealError `USAGE`. */
export function pinOf(fingerprint: string | undefined): string | undefined {
  if (fingerprint === undefined) return undefined;
  const pin = certificateFingerprint(fingerprint);
  if (pin !== undefined) return pin;
  throw new KsealError("USAGE", "a certificate's fingerprint is sha256: and 64 hexadecimal digits", {
    hint: "kseal cert show FILE prints it, and so does: openssl x509 -noout -fingerprint -sha256 -in FILE",
  });
}

/** A fingerprint as `.sops.yaml` has it: `sha256:6f1e...`, without colons. */
export function shortPin(fingerprint: string): string {
  return `sha256:${fingerprint.replaceAll(":", "").toLowerCase()}`;
}

/** Refuses to trust whatever an address hands out. TLS says who the server is, and not whose certificate this is. */
export function refuseUnpinned(place: string, pin: string | undefined): void {
  if (!isNetworkAddress(place) || pin !== undefined) return;
  throw new KsealError(
    "CERTIFICATE_INVALID",
    `the certificate of ${place} would be trusted without knowing whose it is`,
    {
      hint: `compare its fingerprint with the cluster's, and give it: --cert-fingerprint sha256:...\nkseal cert show ${place} prints it`,
    },
  );
}

async function readFile(place: string, { host }: OpContext): Promise<Uint8Array> {
  if (place === "-") return host.readStdin();
  const path = /^file:/i.test(place) ? pathOf(place, host.platform) : place;
  return host.readFile(path, { limit: sizeLimit });
}

/** The path that a `file:` address is for. */
function pathOf(address: string, platform: OpContext["host"]["platform"]): string {
  const url = URL.parse(address);
  if (url === null || (url.host !== "" && url.host !== "localhost")) {
    throw new KsealError("USAGE", `${address} is no address of a file on this machine`, {
      hint: "write file:///path/to/cert.pem, or the path alone",
    });
  }
  const path = decodeURIComponent(url.pathname);
  return platform === "win32" ? path.replace(/^\/(?=[a-z]:)/i, "") : path;
}

async function fetchText(url: string, { host, signal }: OpContext): Promise<Uint8Array> {
  const failure = (reason: string, cause?: unknown) =>
    new KsealError("KEY_SOURCE_FAILED", `cannot fetch the certificate from ${url}: ${reason}`, {
      hint: "give a file instead: --cert FILE",
      cause,
    });
  try {
    const answer = await host.request({ method: "GET", url, timeoutMs, signal });
    if (answer.status === 200) return answer.body;
    const location = answer.headers["location"];
    throw failure(
      answer.status >= 300 && answer.status < 400 && location !== undefined
        ? `it is elsewhere (status ${answer.status}), and redirects are not followed`
        : `status ${answer.status}`,
    );
  } catch (error) {
    if (!(error instanceof KsealError) || error.code !== "KEY_SOURCE_FAILED") throw error;
    throw error.message.startsWith("cannot fetch") ? error : failure(error.message, error);
  }
}

function placed(
  { code, message, hint, cause }: KsealError,
  { origin, file }: { readonly origin: string; readonly file?: string | undefined },
): KsealError {
  if (file !== undefined && file !== "-")
    return new KsealError(code, message, { hint, cause, where: { file } });
  return new KsealError(code, `${origin === "-" ? "standard input" : origin}: ${message}`, { hint, cause });
}

/** Whether a place is a file, named by its path. */
export function isLocal(place: string): boolean {
  return !isNetworkAddress(place) && !/^file:/i.test(place) && place !== "-";
}
