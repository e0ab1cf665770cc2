import type { HttpClient } from "@azure/core-rest-pipeline";
import {
  type AccessToken,
  AggregateAuthenticationError,
  CredentialUnavailableError,
  DefaultAzureCredential,
  type GetTokenOptions,
  type TokenCredential,
} from "@azure/identity";
import { KeyFailure } from "./key-failure.ts";
import { isNetworkError, networkFailure } from "./network-failure.ts";
import { ownWords } from "./own-words.ts";
import { waitAtMost } from "./wait-at-most.ts";

// A token that is about to expire might do so on its way.
const margin = 300_000;

/**
 * Who kseal is to Azure: the default chain of its library, the same as that of SOPS. One token serves all vaults of a
 * kind, because some links of the chain start a program for each.
 *
 * @param options.timeout - For each request, in milliseconds.
 */
export function azureIdentity({
  httpClient,
  timeout,
  now,
}: {
  httpClient: HttpClient;
  timeout: number;
  now: () => number;
}): TokenCredential {
  const tokens = new Map<string, Promise<AccessToken>>();
  let chain: TokenCredential | undefined;

  const ask = async (scopes: string | string[], options: GetTokenOptions): Promise<AccessToken> => {
    const milliseconds = 3 * timeout;
    try {
      chain ??= new DefaultAzureCredential({
        httpClient,
        retryOptions: { maxRetries: 2, maxRetryDelayInMs: 2000 },
      });
      const { abortSignal, ...rest } = options;
      const signal = abortSignal instanceof AbortSignal ? abortSignal : undefined;
      const token = await waitAtMost(chain.getToken(scopes, rest), { milliseconds, signal });
      if (token) return token;
    } catch (error) {
      throw tokenFailure(error, milliseconds);
    }
    throw noCredentials();
  };

  return {
    async getToken(scopes, options = {}) {
      // The vault found a token wanting, and says what it wants.
      if (options.claims !== undefined) return await ask(scopes, options);
      const name = JSON.stringify([scopes, options.tenantId]);
      const earlier = tokens.get(name);
      const known = await earlier?.catch(() => undefined);
      if (known && known.expiresOnTimestamp - now() > margin) return known;
      // Another vault may have asked in the meantime.
      let token = tokens.get(name);
      if (token === undefined || token === earlier) {
        token = ask(scopes, options);
        tokens.set(name, token);
      }
      return await token;
    },
  };
}

/** Why the chain gave no token, from what the library threw. */
function tokenFailure(error: unknown, timeout: number): KeyFailure {
  if (isNetworkError(error)) {
    // Final: the library has made its own attempts.
    const { kind, message } = networkFailure(error, { host: "the credentials of Azure", timeout });
    return new KeyFailure(kind, message);
  }
  const links: readonly unknown[] = error instanceof AggregateAuthenticationError ? error.errors : [error];
  const [reason] = links.flatMap((link) => reasonOf(link) ?? []);
  if (reason === undefined) return noCredentials();
  // Nothing else is left of what went wrong on the way.
  if (/\b(endpoints_resolution_error|network_error)\b/.test(reason)) {
    return new KeyFailure("unreachable", "the login service of Azure cannot be reached", {
      hint: "check AZURE_AUTHORITY_HOST, or: curl -sI https://login.microsoftonline.com",
    });
  }
  const hint = /client secret/i.test(reason) ? "set AZURE_CLIENT_SECRET to one that is good" : "az login";
  return new KeyFailure("credentials", `Azure: ${ownWords(reason)}`, { hint });
}

/** What one link of the chain says; `undefined` when it merely has nothing to go by. */
function reasonOf(error: unknown): string | undefined {
  const { errorResponse }: { errorResponse?: { errorDescription?: unknown } } = Object(error);
  const message =
    error instanceof Error ? String(errorResponse?.errorDescription ?? error.message) : String(error);
  // The words of the service stand between those of two libraries, and numbers for the support of Microsoft.
  const [, said] =
    /(?:Description: |(?=AADSTS\d))(.+?)(?: Trace ID:| - Correlation ID:|[\r\n]|$)/.exec(message) ?? [];
  if (said !== undefined) return said;
  const isUnavailable =
    error instanceof CredentialUnavailableError && !message.includes("Network unreachable");
  return isUnavailable ? undefined : message;
}

function noCredentials(): KeyFailure {
  return new KeyFailure("credentials", "there are no credentials for Azure", { hint: "az login" });
}
