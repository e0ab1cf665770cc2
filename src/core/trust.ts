/**
 * Where credentials may go and which of them may be used, as the user decided outside any repository: files and
 * `.sops.yaml` come with the repository, so a pull request can change them (sops.md D43).
 */
export interface Trust {
  /** Origins (`https://vault.example.com:8200`) that may be sent a Vault token; `all` after `SOPS_HC_VAULT_ALLOWLIST=all`. */
  readonly vaultAddresses: readonly string[] | "all";
  /** Origins that may be sent an Azure token, besides the known Key Vault suffixes. */
  readonly azureVaults: readonly string[];
  /** ARNs of roles that may be assumed although no creation rule names them. */
  readonly awsRoles: readonly string[];
  /** AWS profiles that may be used although no creation rule names them. */
  readonly awsProfiles: readonly string[];
  /** Origins of S3-compatible stores that may be asked over plain http, although they are on another machine. */
  readonly plainStores: readonly string[];
}

/** Where nothing is sent and nobody's role is taken. */
export const noTrust: Trust = {
  vaultAddresses: [],
  azureVaults: [],
  awsRoles: [],
  awsProfiles: [],
  plainStores: [],
};

/**
 * The origin that a credential would be sent to, spelled as in the lists of {@link Trust}: `https://host[:port]` in
 * lower case, without a port that goes without saying.
 *
 * @param address - An address or URL; its path does not matter.
 * @returns `undefined` for what is no such address: another scheme, a user's name in it, or plain http to any other
 *   machine than this one.
 */
export function originOf(address: string): string | undefined {
  const origin = anyOriginOf(address);
  if (origin === undefined) return undefined;
  const { protocol, hostname } = new URL(origin);
  return protocol === "https:" || isLoopback(hostname) ? origin : undefined;
}

/** As {@link originOf}, also for plain http to another machine: for what may be sent there. */
export function anyOriginOf(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const { protocol, username, password, hostname, origin } = new URL(address);
  if (username !== "" || password !== "" || hostname === "") return undefined;
  return protocol === "https:" || protocol === "http:" ? origin : undefined;
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}
