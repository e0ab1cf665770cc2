import { KeyManagementServiceClient } from "@google-cloud/kms";
import { authorization } from "./gcp-credentials.ts";
import { type GcpCall, gcpFailure } from "./gcp-failure.ts";
import type { GcpRequest, GcpService, GcpSetup } from "./gcp-service.ts";
import { KeyFailure } from "./key-failure.ts";
import { type Destination, networkFailure } from "./network-failure.ts";
import { withRetries } from "./retries.ts";

/** The names of gRPC's status codes, which are numbered: https://grpc.io/docs/guides/status-codes. */
const names = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/**
 * The service as gRPC over TLS, for who asks for it with `SOPS_GCP_KMS_CLIENT_TYPE=grpc`. The library for it takes
 * several times as long to load as what REST needs, and the service is the same.
 */
export function gcpGrpc({ credentials, endpoint, timeout }: GcpSetup, project: string): GcpService {
  const { hostname, port, host, href } = endpoint.url;
  const client = new KeyManagementServiceClient({
    apiEndpoint: hostname,
    port: Number(port || 443),
    authClient: credentials.client,
    universeDomain: endpoint.universe ?? credentials.client.universeDomain,
    projectId: project,
  });
  const ask = async ({ operation, resource: { name }, bytes, signal }: GcpRequest): Promise<unknown> => {
    // kseal's own attempts are enough.
    const options = { timeout, retry: null, ...(signal && { signal }) };
    if (operation === "encrypt") {
      return (await client.encrypt({ name, plaintext: bytes }, options))[0].ciphertext;
    }
    return (await client.decrypt({ name, ciphertext: bytes }, options))[0].plaintext;
  };
  return async (request) => {
    // In the channel, a refusal of the credentials would look like one of the service.
    const { operation, resource, signal } = request;
    await authorization(credentials, { url: href, timeout, signal });
    const call = { operation, resource, credentials: credentials.source, hint: endpoint.hint };
    return await withRetries(async () => {
      const result = await ask(request).catch((error: unknown) => {
        throw refusalOf(error, { ...call, host, timeout });
      });
      if (result instanceof Uint8Array) return result;
      throw new KeyFailure("unreachable", `${host}: the answer is not one of Google Cloud KMS`);
    }, signal);
  };
}

function refusalOf(error: unknown, call: GcpCall & Destination): KeyFailure {
  const { code, details, reason }: { code?: unknown; details?: unknown; reason?: unknown } = Object(error);
  const status = typeof code === "number" ? (names[code] ?? "") : "";
  const message = typeof details === "string" ? details : "";
  const broken = status === "UNAVAILABLE" ? connectionError(message) : undefined;
  if (broken) return networkFailure(broken, call);
  if (status === "DEADLINE_EXCEEDED") return networkFailure(new DOMException("", "TimeoutError"), call);
  return gcpFailure({ status, message, reason: typeof reason === "string" ? reason : undefined }, call);
}

/** What the library puts into a text when it has no connection, taken apart again. */
function connectionError(details: string): Error | undefined {
  const [, text] =
    /^No connection established\. Last error: (?:Error: )?(.*?)(?:\. Resolution note|;|$)/.exec(details) ??
    [];
  const [, resolution] = /^Name resolution failed for target (.*)/.exec(details) ?? [];
  if (text === undefined && resolution === undefined) return undefined;
  const [code = resolution === undefined ? "" : "ENOTFOUND"] = /\bE[A-Z]{4,}\b/.exec(details) ?? [];
  const certificate = `${text}; GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=ca.pem adds the authority that signed it`;
  return Object.assign(new Error(/certificate/.test(text ?? "") ? certificate : text), { code });
}
