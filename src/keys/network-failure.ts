import { KeyFailure } from "./key-failure.ts";
import { ownWords } from "./own-words.ts";
import { PassingFailure } from "./retries.ts";

/** What a request that got no answer was sent to, and what the user can do about it. */
export interface Destination {
  /** Host and port, as they are said to the user. */
  readonly host: string;
  /** How long an answer was waited for, in milliseconds. */
  readonly timeout: number;
  readonly hint?: string | undefined;
  /** The same for a certificate that is not accepted; `NODE_EXTRA_CA_CERTS` when left out. */
  readonly certificateHint?: string | undefined;
}

const passing: Readonly<Record<string, string>> = {
  EAI_AGAIN: "the name server does not answer",
  ECONNRESET: "the connection was reset",
  EPIPE: "the connection was reset",
  ERR_STREAM_PREMATURE_CLOSE: "the connection was reset",
};
const lasting: Readonly<Record<string, string>> = {
  ENOTFOUND: "there is no such host",
  ECONNREFUSED: "the connection was refused",
  EHOSTUNREACH: "there is no way to the host",
  ENETUNREACH: "there is no way to the host",
};
const timeouts: readonly string[] = ["ETIMEDOUT", "TimeoutError", "AbortError"];

/** Whether a library failed because it got no answer, not because of what the answer was. */
export function isNetworkError(error: unknown): boolean {
  return codesOf(error).some(isKnown);
}

/**
 * Why a request got no answer, from what a library threw for it. The error itself is left out on purpose: libraries
 * keep the request in it, with tokens and the data key.
 */
export function networkFailure(
  error: unknown,
  { host, timeout, hint, certificateHint }: Destination,
): KeyFailure {
  const code = codesOf(error).find(isKnown) ?? "";
  const reason = (text: string): string => `${host}: ${text}`;
  if (timeouts.includes(code)) {
    return new PassingFailure("unreachable", reason(`no answer within ${timeout / 1000} s`), { hint });
  }
  const broken = passing[code];
  if (broken !== undefined) return new PassingFailure("unreachable", reason(broken), { hint });
  if (isCertificateCode(code)) {
    const trusted = certificateHint ?? "NODE_EXTRA_CA_CERTS=ca.pem adds the authority that signed it";
    return new KeyFailure("unreachable", reason(`its certificate is not accepted (${code})`), {
      hint: trusted,
    });
  }
  const text = lasting[code] ?? ownWords(error instanceof Error ? error.message : String(error));
  return new KeyFailure("unreachable", reason(text), { hint });
}

/** The codes and names of an error and of all that caused it. */
function codesOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [];
  const own = "code" in error ? String(error.code) : "";
  const several = error instanceof AggregateError ? error.errors.flatMap(codesOf) : [];
  return [own, error.name, ...several, ...codesOf(error.cause)];
}

function isKnown(code: string): boolean {
  return code in passing || code in lasting || timeouts.includes(code) || isCertificateCode(code);
}

function isCertificateCode(code: string): boolean {
  return /^(CERT_|ERR_TLS_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/.test(code);
}
