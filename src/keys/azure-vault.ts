import {
  createDefaultHttpClient,
  createEmptyPipeline,
  createHttpHeaders,
  createPipelineRequest,
  type HttpClient,
  type Pipeline,
  proxyPolicy,
} from "@azure/core-rest-pipeline";
import { keyVaultAuthenticationPolicy } from "@azure/keyvault-common";
import type { Host } from "../core/ports.ts";
import type { AzureAddress } from "./azure-address.ts";
import { type AzureOperation, type AzureRefusal, azureFailure, look } from "./azure-failure.ts";
import { KeyFailure } from "./key-failure.ts";
import { networkFailure } from "./network-failure.ts";
import { refuseIfInterrupted, withRetries } from "./retries.ts";

/** What is asked of a key. */
export interface AzureRequest {
  readonly operation: AzureOperation;
  readonly address: AzureAddress;
  /** Base64url of what is to be encrypted or decrypted. */
  readonly value?: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * All vaults of a run: one client for each, and one identity for all.
 *
 * @returns The fields of the answer.
 * @throws KeyFailure
 */
export type AzureVaults = (request: AzureRequest) => Promise<Readonly<Record<string, unknown>>>;

// Old enough for every cloud, and all that SOPS asks for is in it.
const apiVersion = "7.4";
// What SOPS encrypts with. Vaults keep no other for RSA that is still recommended.
const alg = "RSA-OAEP-256";

/**
 * @param options.timeout - For each request, in milliseconds.
 */
export function azureVaults({ now }: Host, { timeout }: { timeout: number }): AzureVaults {
  const httpClient = withTimeout(createDefaultHttpClient(), timeout);
  // Its own import takes longer than the vault's first answer, which asks for a token.
  const identity = import("./azure-identity.ts").then(({ azureIdentity }) =>
    azureIdentity({ httpClient, timeout, now }),
  );
  const pipelines = new Map<string, Pipeline>();

  const pipelineFor = ({ origin, host }: AzureAddress): Pipeline => {
    const known = pipelines.get(origin);
    if (known) return known;
    const pipeline = createEmptyPipeline();
    pipeline.addPolicy(
      keyVaultAuthenticationPolicy(
        { getToken: async (scopes, options) => (await identity).getToken(scopes, options) },
        // The token asked for must be for the domain that the vault is in, and this machine is in none.
        { disableChallengeResourceVerification: isThisMachine(host) },
      ),
    );
    pipeline.addPolicy(proxyPolicy());
    pipelines.set(origin, pipeline);
    return pipeline;
  };

  return async ({ operation, address, value, signal }) => {
    const { origin, path, host } = address;
    const action = operation === "get" ? "" : `/${operation}`;
    const send = async (): Promise<Readonly<Record<string, unknown>>> => {
      const request = createPipelineRequest({
        url: `${origin}${path}${action}?api-version=${apiVersion}`,
        method: operation === "get" ? "GET" : "POST",
        headers: createHttpHeaders({ accept: "application/json", "content-type": "application/json" }),
        ...(value !== undefined && { body: JSON.stringify({ alg, value }) }),
        ...(signal && { abortSignal: signal }),
      });
      const response = await pipelineFor(address)
        .sendRequest(httpClient, request)
        .catch((error: unknown) => {
          throw unanswered(error, address, timeout);
        });
      const body = parse(response.bodyAsText ?? "");
      if (response.status !== 200) {
        const retryAfter = response.headers.get("retry-after");
        throw azureFailure(refusalOf(response.status, body, retryAfter), { operation, address });
      }
      if (body) return body;
      throw new KeyFailure("unreachable", `${host}: the answer is not one of Azure Key Vault`, {
        hint: look(address),
      });
    };
    refuseIfInterrupted(signal);
    return await withRetries(send, signal);
  };
}

function unanswered(error: unknown, address: AzureAddress, timeout: number): KeyFailure {
  if (error instanceof KeyFailure) return error;
  // The library's check of what a vault asks the token for.
  if (error instanceof Error && /^The challenge /.test(error.message)) {
    return new KeyFailure(
      "untrusted",
      `${address.host} asks for a token of another service, which it does not get`,
    );
  }
  return networkFailure(error, { host: address.host, timeout, hint: look(address) });
}

function refusalOf(
  status: number,
  body: Readonly<Record<string, unknown>> | undefined,
  retryAfter: string | undefined,
): AzureRefusal {
  const { code, message, innererror }: { code?: unknown; message?: unknown; innererror?: unknown } = Object(
    body?.["error"],
  );
  const { code: innerCode }: { code?: unknown } = Object(innererror);
  const seconds = Number(retryAfter ?? Number.NaN);
  return {
    status,
    code: text(code),
    innerCode: text(innerCode),
    message: text(message),
    retryAfter: Number.isFinite(seconds) ? seconds * 1000 : undefined,
  };
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function parse(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** Requests of the library's own, for tokens, would wait for ever. */
function withTimeout(client: HttpClient, timeout: number): HttpClient {
  return {
    sendRequest: (request) => {
      if (request.timeout === 0) request.timeout = timeout;
      return client.sendRequest(request);
    },
  };
}

function isThisMachine(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(host);
}
