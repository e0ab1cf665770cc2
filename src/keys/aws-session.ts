import { KMSClient } from "@aws-sdk/client-kms";
import type { Host } from "../core/ports.ts";
import { type AwsKmsKey, regionOf } from "./aws-arn.ts";
import { awsAuthorities } from "./aws-authorities.ts";
import type { AwsCredentials } from "./aws-credential-sources.ts";
import { ownCredentials, renewed } from "./aws-credentials.ts";
import { awsEndpoint } from "./aws-endpoint.ts";
import { awsFailure, notAws } from "./aws-failure.ts";
import { type AwsRequest, publicUrl } from "./aws-request.ts";
import { inFlight, requestsInFlight } from "./in-flight.ts";
import { proxyOf } from "./proxy.ts";
import { withRetries } from "./retries.ts";

/** How a client talks, the same for those of KMS and of STS. */
interface Connection {
  readonly region: string;
  readonly requestHandler: Record<string, unknown>;
  readonly maxAttempts: number;
  readonly endpoint?: string;
}

/**
 * The AWS clients of one run: one for each region, role and profile, however many keys and files are opened with it,
 * and at most 16 requests under way.
 */
export class AwsSession {
  readonly #host: Host;
  readonly #timeout: number;
  readonly #clients = new Map<string, Promise<KMSClient>>();
  readonly #credentials = new Map<string, AwsCredentials>();
  readonly #inFlight = inFlight();
  #certificates: Promise<string | undefined> | undefined;

  /** @param options.requestTimeout - Milliseconds after which a request counts as unanswered. */
  constructor(host: Host, options: { readonly requestTimeout: number }) {
    this.#host = host;
    this.#timeout = options.requestTimeout;
  }

  /**
   * Makes a request with the client for a key, again where that can help.
   *
   * @param send - Sends it and takes the bytes out of the answer.
   * @throws KeyFailure
   */
  async request(
    key: AwsKmsKey,
    options: { readonly action: "kms:Encrypt" | "kms:Decrypt"; readonly signal: AbortSignal | undefined },
    send: (client: KMSClient) => Promise<Uint8Array | undefined>,
  ): Promise<Uint8Array> {
    const request = this.#describe(key, options.action);
    const attempt = async (): Promise<Uint8Array> => {
      try {
        const bytes = await send(await this.#client(key, request));
        if (bytes) return bytes;
      } catch (error) {
        throw awsFailure(error, request);
      }
      throw notAws(request);
    };
    return await this.#inFlight(() => withRetries(attempt, options.signal));
  }

  #describe(key: AwsKmsKey, action: AwsRequest["action"]): AwsRequest {
    const service = action === "sts:AssumeRole" ? "sts" : "kms";
    const region = regionOf(key);
    const url = awsEndpoint(service, this.#host.env) ?? publicUrl(service, region);
    return { action, key, region, url, timeout: this.#timeout };
  }

  #client(key: AwsKmsKey, request: AwsRequest): Promise<KMSClient> {
    const id = JSON.stringify([request.region, key.role ?? "", key.awsProfile ?? ""]);
    const known = this.#clients.get(id) ?? this.#newClient(key, request);
    this.#clients.set(id, known);
    return known;
  }

  async #newClient(key: AwsKmsKey, request: AwsRequest): Promise<KMSClient> {
    return new KMSClient({
      ...(await this.#connection("kms", request.region)),
      credentials: await this.#credentialsFor(key, request),
      ...(key.awsProfile ? { profile: key.awsProfile } : {}),
    });
  }

  // Shared by the clients of all regions: a role is assumed once.
  async #credentialsFor(key: AwsKmsKey, request: AwsRequest): Promise<AwsCredentials> {
    const { role, awsProfile = "" } = key;
    const own = this.#remember(`profile ${awsProfile}`, () =>
      ownCredentials(awsProfile || undefined, this.#host, request),
    );
    if (!role) return own;
    const asking = this.#describe(key, "sts:AssumeRole");
    const client = await this.#connection("sts", asking.region);
    const { assumedRole } = await import("./aws-role.ts");
    const { hostName } = this.#host;
    return this.#remember(`role ${role} ${awsProfile}`, () =>
      renewed(this.#host, assumedRole(role, { own, hostName, client, request: asking })),
    );
  }

  #remember(id: string, get: () => AwsCredentials): AwsCredentials {
    const known = this.#credentials.get(id) ?? get();
    this.#credentials.set(id, known);
    return known;
  }

  async #connection(service: "kms" | "sts", region: string): Promise<Connection> {
    const { env } = this.#host;
    const endpoint = awsEndpoint(service, env);
    this.#certificates ??= awsAuthorities(this.#host);
    const ca = await this.#certificates;
    // Another address than the public one is the user's own, most often on this machine.
    const proxyEnv = endpoint === undefined ? proxyOf(env) : undefined;
    const agent = {
      maxSockets: requestsInFlight,
      ...(ca === undefined ? {} : { ca }),
      ...(proxyEnv === undefined ? {} : { proxyEnv }),
    };
    return {
      region,
      // The SDK's own retries share a budget, so that of a thousand files throttled together most would fail at once.
      maxAttempts: 1,
      requestHandler: {
        connectionTimeout: this.#timeout,
        requestTimeout: this.#timeout,
        // An answer that begins and does not end.
        socketTimeout: this.#timeout,
        throwOnRequestTimeout: true,
        httpAgent: agent,
        httpsAgent: agent,
      },
      ...(endpoint === undefined ? {} : { endpoint }),
    };
  }
}
