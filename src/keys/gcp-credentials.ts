import {
  type AuthClient,
  AwsClient,
  type AwsClientOptions,
  ExternalAccountAuthorizedUserClient,
  type ExternalAccountAuthorizedUserClientOptions,
  IdentityPoolClient,
  type IdentityPoolClientOptions,
  JWT,
  type JWTInput,
  OAuth2Client,
  PluggableAuthClient,
  type PluggableAuthClientOptions,
  UserRefreshClient,
} from "google-auth-library";
import { KsealError } from "../errors.ts";
import { logIn } from "./gcp-failure.ts";
import { MachineAwareAuth } from "./gcp-machine.ts";
import { KeyFailure } from "./key-failure.ts";
import { isNetworkError, networkFailure } from "./network-failure.ts";
import { ownWords } from "./own-words.ts";
import type { KeyContext } from "./provider.ts";
import { refuseIfInterrupted } from "./retries.ts";
import { waitAtMost } from "./wait-at-most.ts";

/** Who kseal is to Google, and where that was found. */
export interface GcpCredentials {
  readonly client: AuthClient;
  readonly source: "GOOGLE_CREDENTIALS" | "GOOGLE_OAUTH_ACCESS_TOKEN" | "application default credentials";
}

const scopes = ["https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/cloudkms"];

/**
 * The credentials, from the places in which SOPS looks for them, in its order (sops.md 8).
 *
 * @param options.project - Any project: the library would else start `gcloud` and ask the metadata server for one.
 * @param options.timeout - For each request that gets a token, in milliseconds.
 * @throws KeyFailure
 */
export async function gcpCredentials(
  context: KeyContext,
  { project, timeout }: { project: string; timeout: number },
): Promise<GcpCredentials> {
  const found = await find(context, project).catch((error: unknown) => {
    if (error instanceof KeyFailure) throw error;
    throw credentialsFailure(error, { source: "application default credentials", timeout });
  });
  limitRequests(found.client, timeout);
  return found;
}

/** Gives requests for tokens a time-out, also those of parts that the library lets nobody set up. */
function limitRequests(client: AuthClient, timeout: number): void {
  const { stsCredential, sourceClient }: Readonly<Record<string, unknown>> = Object(client);
  for (const part of [client, stsCredential, sourceClient]) {
    const { transporter }: { transporter?: { defaults?: { timeout?: number } } } = Object(part);
    if (transporter?.defaults) transporter.defaults.timeout = timeout;
  }
}

async function find(context: KeyContext, project: string): Promise<GcpCredentials> {
  const { env } = context.host;
  const json = env["GOOGLE_CREDENTIALS"];
  if (json) {
    const content = await credentialsJson(json, context);
    return { client: clientOf(content, libraryAuth(context, project)), source: "GOOGLE_CREDENTIALS" };
  }
  const token = env["GOOGLE_OAUTH_ACCESS_TOKEN"];
  if (token) {
    const client = new OAuth2Client();
    client.setCredentials({ access_token: token });
    return { client, source: "GOOGLE_OAUTH_ACCESS_TOKEN" };
  }
  return {
    client: await libraryAuth(context, project).getClient(),
    source: "application default credentials",
  };
}

function libraryAuth({ host }: KeyContext, project: string): MachineAwareAuth {
  const auth = new MachineAwareAuth(host.env, { projectId: project, scopes });
  // A service account's key then signs the token itself, without asking for one.
  auth.useJWTAccessWithScope = true;
  return auth;
}

/** What every kind of credentials has; the rest is checked by the class of its kind. */
interface CredentialsJson {
  readonly type?: unknown;
  readonly credential_source?: { readonly environment_id?: unknown; readonly executable?: unknown };
}

async function credentialsJson(value: string, { host }: KeyContext): Promise<CredentialsJson> {
  const file = value.trimStart().startsWith("{") ? undefined : host.resolve(value);
  let text = value;
  try {
    if (file !== undefined) text = new TextDecoder().decode(await host.readFile(file));
  } catch (cause) {
    if (!(cause instanceof KsealError)) throw cause;
    throw badCredentials(`cannot be used: ${cause.message}`);
  }
  try {
    const content: unknown = JSON.parse(text);
    if (typeof content === "object" && content !== null) return content;
  } catch {
    // What JSON.parse says repeats the text, which is a secret.
  }
  throw badCredentials(file === undefined ? "is no JSON" : "names a file that is no JSON");
}

function clientOf(content: CredentialsJson, auth: MachineAwareAuth): AuthClient {
  try {
    return newClient(content, auth);
  } catch (error) {
    if (error instanceof KeyFailure) throw error;
    // The libraries' messages may hold what they do not understand.
    throw badCredentials("does not hold what credentials of its type need");
  }
}

// Each kind by its own class: the library's way for all of them prints a warning about files from strangers, and this
// one is the user's own.
function newClient(content: CredentialsJson, auth: MachineAwareAuth): AuthClient {
  switch (content.type) {
    case "service_account": {
      const client = new JWT({ scopes });
      client.fromJSON(content as JWTInput);
      client.useJWTAccessWithScope = true;
      return client;
    }
    case "authorized_user":
      return UserRefreshClient.fromJSON(content as JWTInput);
    case "external_account": {
      const client = newExternalClient(content);
      client.scopes = scopes;
      return client;
    }
    case "external_account_authorized_user":
      return new ExternalAccountAuthorizedUserClient(content as ExternalAccountAuthorizedUserClientOptions);
    case "impersonated_service_account":
    case "gdch_service_account":
      return auth.fromJSON(content as JWTInput);
    default:
      throw badCredentials("holds no credentials that Google knows");
  }
}

function newExternalClient(content: CredentialsJson): AwsClient | PluggableAuthClient | IdentityPoolClient {
  if (content.credential_source?.environment_id) return new AwsClient(content as AwsClientOptions);
  if (content.credential_source?.executable) {
    return new PluggableAuthClient(content as PluggableAuthClientOptions);
  }
  return new IdentityPoolClient(content as IdentityPoolClientOptions);
}

function badCredentials(what: string): KeyFailure {
  return new KeyFailure("credentials", `GOOGLE_CREDENTIALS ${what}`, {
    hint: "GOOGLE_CREDENTIALS=key.json, or gcloud auth application-default login without it",
  });
}

/**
 * The headers that say who asks.
 *
 * @param options.url - What is asked. A service account signs a token for it.
 * @throws KeyFailure
 */
export async function authorization(
  { client, source }: GcpCredentials,
  { url, timeout, signal }: { url: string; timeout: number; signal: AbortSignal | undefined },
): Promise<Headers> {
  // The library's exchange of tokens has no time-out.
  const milliseconds = 3 * timeout;
  try {
    return await waitAtMost(client.getRequestHeaders(url), { milliseconds, signal });
  } catch (error) {
    refuseIfInterrupted(signal);
    throw credentialsFailure(error, { source, timeout: milliseconds });
  }
}

/** Why the credentials gave no token, from what the library threw. */
function credentialsFailure(
  error: unknown,
  { source, timeout }: { source: GcpCredentials["source"]; timeout: number },
): KeyFailure {
  const hint = logIn(source);
  const { response }: { response?: { data?: unknown } } = Object(error);
  if (response) {
    return new KeyFailure("credentials", `${source}: ${tokenRefusal(response.data)}`, { hint });
  }
  if (isNetworkError(error)) return networkFailure(error, { host: source, timeout });
  const message = error instanceof Error ? error.message : String(error);
  // The library's text sends the reader to a page about everything that Google has.
  if (message.includes("Could not load the default credentials")) {
    return new KeyFailure("credentials", "there are no credentials for Google Cloud", { hint });
  }
  return new KeyFailure("credentials", `${source}: ${ownWords(message)}`, { hint });
}

/** What a token service says: as OAuth does (RFC 6749, 5.2), or as the APIs of Google do. */
function tokenRefusal(data: unknown): string {
  const { error, error_description: description }: { error?: unknown; error_description?: unknown } =
    Object(data);
  const { message }: { message?: unknown } = Object(error);
  const text = [description, message, error].find((part) => typeof part === "string");
  return typeof text === "string" ? ownWords(text) : "the token service refused them";
}
