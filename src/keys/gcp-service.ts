import { originOf } from "../core/trust.ts";
import type { GcpCredentials } from "./gcp-credentials.ts";
import type { GcpOperation } from "./gcp-failure.ts";
import type { GcpResource } from "./gcp-resource.ts";
import { KeyFailure } from "./key-failure.ts";
import type { KeyContext } from "./provider.ts";

/** What a protocol needs to speak to the service. */
export interface GcpSetup {
  readonly credentials: GcpCredentials;
  readonly endpoint: GcpEndpoint;
  /** For each request, in milliseconds. */
  readonly timeout: number;
}

/** A few bytes to be encrypted or decrypted with a key. */
export interface GcpRequest {
  readonly operation: GcpOperation;
  readonly resource: GcpResource;
  readonly bytes: Uint8Array;
  readonly signal: AbortSignal | undefined;
}

/**
 * Google Cloud KMS over one of its protocols.
 *
 * @throws KeyFailure
 */
export type GcpService = (request: GcpRequest) => Promise<Uint8Array>;

/** Where the service is: the real one unless the user's environment says otherwise. */
export interface GcpEndpoint {
  /** `https://cloudkms.googleapis.com`, perhaps with a port and a path. */
  readonly url: URL;
  /** The universe, where the user chose one. */
  readonly universe: string | undefined;
  /** What the user can check when it does not answer. */
  readonly hint: string;
}

/**
 * The endpoint of `SOPS_GCP_KMS_ENDPOINT`, else of the universe (sops.md 8).
 *
 * @param ownUniverse - The one that the credentials are good for.
 * @throws KeyFailure `untrusted` for plain http to another machine: a token would go over the wire in clear.
 */
export function gcpEndpoint({ host }: KeyContext, ownUniverse: string): GcpEndpoint {
  const chosen = host.env["SOPS_GCP_KMS_ENDPOINT"];
  const universe = host.env["SOPS_GCP_KMS_UNIVERSE_DOMAIN"] || host.env["GOOGLE_CLOUD_UNIVERSE_DOMAIN"];
  if (!chosen) {
    const url = new URL(`https://cloudkms.${universe || ownUniverse}`);
    const hint = universe
      ? "check SOPS_GCP_KMS_UNIVERSE_DOMAIN"
      : `curl -sI ${url.origin} shows whether this machine gets there`;
    return { url, universe: universe || undefined, hint };
  }
  // gRPC addresses have no scheme, and SOPS takes them for https.
  const text = chosen.includes("://") ? chosen : `https://${chosen}`;
  const name = "SOPS_GCP_KMS_ENDPOINT";
  if (!URL.canParse(text)) {
    throw new KeyFailure("unreachable", `${name} is no address`, { hint: `${name}=https://HOST:PORT` });
  }
  const url = new URL(text);
  if (originOf(text) === undefined) {
    throw new KeyFailure("untrusted", `${name} is not https, which only this machine may do without`, {
      hint: `${name}=https://HOST:PORT`,
    });
  }
  return { url, universe: universe || undefined, hint: `check ${name}` };
}
