import { civilTime } from "../../core/calendar.ts";
import { pemBlocks } from "../../core/pem.ts";
import { KsealError } from "../../errors.ts";
import { type Certificate, readCertificates, validity } from "../../sealed/certificate.ts";
import { KubesealError } from "./kubeseal-error.ts";
import { openFile } from "./kubeseal-files.ts";
import type { KubesealRun } from "./kubeseal-run.ts";

const months = [
  ...["January", "February", "March", "April", "May", "June", "July"],
  ...["August", "September", "October", "November", "December"],
];

/** The content of the certificate: a file, a URL, or what the cluster's controller has. Nothing of it is checked. */
export async function openCertificate(run: KubesealRun): Promise<Uint8Array> {
  const { cert } = run.call;
  if (cert === "") {
    const { fetchCertificate } = await import("./kubeseal-cluster.ts");
    return fetchCertificate(run);
  }
  // One letter in front of a colon is a drive of Windows.
  if (!/^[a-zA-Z][a-zA-Z0-9+.-]+:/.test(cert)) return openFile(run.host, cert);
  const { fetchUrl } = await import("./kubeseal-url.ts");
  return fetchUrl(run, cert);
}

/**
 * The certificate to seal for: the first, as in the original.
 *
 * @param now - Milliseconds since 1970.
 * @throws KubesealError when there is none, it is expired, or its key is not RSA.
 */
export function certificateOf(content: Uint8Array, now: number): Certificate {
  const text = new TextDecoder().decode(content);
  if (!pemBlocks(text).some(({ label }) => label === "CERTIFICATE")) {
    throw new KubesealError("data does not contain any valid RSA or ECDSA certificates");
  }
  const [first] = read(text);
  if (first === undefined) throw new KubesealError("failed to read any certificates");
  if (validity(first, now) === "expired") {
    const { year, month, day } = civilTime(first.notAfter);
    const date = `${months[month - 1] ?? ""} ${day}, ${year}`;
    throw new KubesealError(`failed to encrypt using an expired certificate on ${date}`);
  }
  return first;
}

function read(text: string): readonly Certificate[] {
  try {
    return readCertificates(text);
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    const [, type] = /for a key of type ([\w-]+),/.exec(error.message) ?? [];
    throw type === undefined ? error : new KubesealError(`expected RSA public key but found ${type}`);
  }
}
