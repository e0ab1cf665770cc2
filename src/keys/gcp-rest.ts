import { decodeBase64, encodeBase64 } from "../core/base64.ts";
import { authorization } from "./gcp-credentials.ts";
import { type GcpCall, type GcpRefusal, gcpFailure } from "./gcp-failure.ts";
import type { GcpService, GcpSetup } from "./gcp-service.ts";
import { KeyFailure } from "./key-failure.ts";
import { networkFailure } from "./network-failure.ts";
import { withRetries } from "./retries.ts";

/** What a method takes and gives, as fields of JSON in base64. */
const fields = {
  encrypt: { given: "plaintext", result: "ciphertext" },
  decrypt: { given: "ciphertext", result: "plaintext" },
} as const;

interface Answer {
  readonly status: number;
  readonly text: string;
  /** Milliseconds. */
  readonly retryAfter: number | undefined;
}

/**
 * The service as JSON over HTTP: `POST v1/NAME:encrypt`. The library of the credentials does the requests, so that
 * proxies count as they do for it.
 */
export function gcpRest({ credentials, endpoint, timeout }: GcpSetup): GcpService {
  const { client, source } = credentials;
  const base = endpoint.url.href.replace(/\/+$/, "");
  const { host } = endpoint.url;

  const post = async (
    url: string,
    options: { headers: Headers; data: Record<string, string>; signal: AbortSignal | undefined },
  ): Promise<Answer> => {
    try {
      const response = await client.transporter.request<string>({
        url,
        method: "POST",
        headers: new Headers(options.headers),
        data: options.data,
        responseType: "text",
        timeout,
        ...(options.signal && { signal: options.signal }),
        // A redirection would take the token along.
        redirect: "error",
        validateStatus: () => true,
        retry: false,
      });
      const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
      const retryAfter = Number.isFinite(seconds) ? seconds * 1000 : undefined;
      return { status: response.status, text: response.data, retryAfter };
    } catch (error) {
      throw networkFailure(error, { host, timeout, hint: endpoint.hint });
    }
  };

  return async ({ operation, resource, bytes, signal }) => {
    const { given, result } = fields[operation];
    const url = `${base}/v1/${resource.name}:${operation}`;
    const headers = await authorization(credentials, { url, timeout, signal });
    const data = { [given]: encodeBase64(bytes) };
    return await withRetries(async () => {
      const answer = await post(url, { headers, data, signal });
      if (answer.status !== 200) {
        throw refusalOf(answer, host, { operation, resource, credentials: source, hint: endpoint.hint });
      }
      const text = parse(answer.text)[result];
      const decoded = typeof text === "string" ? decodeBase64(text) : undefined;
      if (decoded) return decoded;
      throw new KeyFailure("unreachable", `${host}: the answer is not one of Google Cloud KMS`, {
        hint: endpoint.hint,
      });
    }, signal);
  };
}

function refusalOf({ status, text, retryAfter }: Answer, host: string, call: GcpCall): KeyFailure {
  const { error } = parse(text);
  const {
    status: name,
    message,
    details,
  }: { status?: unknown; message?: unknown; details?: unknown } = Object(error);
  const reasons = (Array.isArray(details) ? details : []).map((detail) => Object(detail).reason);
  const refusal: GcpRefusal = {
    status: typeof name === "string" ? name : statusNames(status),
    message: typeof message === "string" ? message : `${host} answers with HTTP status ${status}`,
    reason: reasons.find((reason) => typeof reason === "string"),
    retryAfter,
  };
  return gcpFailure(refusal, call);
}

/** For answers that are not the service's own: a proxy's, or a broken one. */
function statusNames(status: number): string {
  if (status === 401) return "UNAUTHENTICATED";
  if (status === 403) return "PERMISSION_DENIED";
  if (status === 429) return "RESOURCE_EXHAUSTED";
  return status >= 500 ? "UNAVAILABLE" : "";
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
