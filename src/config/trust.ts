import type { Host } from "../core/ports.ts";
import { anyOriginOf, originOf, type Trust } from "../core/trust.ts";
import type { TrustSection } from "./trust-section.ts";

/**
 * Where credentials may go, from the environment and the user's own file: never from a repository.
 *
 * A Vault token goes to `VAULT_ADDR` and to what `SOPS_HC_VAULT_ALLOWLIST` names, an Azure token and AWS roles and
 * profiles further only as the file says. Of the allow-list whole addresses count, as in SOPS, where it lists the
 * beginnings of addresses that a slash ends; other than in SOPS it allows nothing when it is not set (sops.md D43).
 * Stores that `KSEAL_S3_PLAIN_HTTP` names may be asked over plain http: a controller has no file of its own.
 */
export function trustOf(env: Host["env"], section: TrustSection | undefined): Trust {
  return {
    vaultAddresses: vaultAddresses(env, section?.vault ?? []),
    azureVaults: section?.azure ?? [],
    awsRoles: section?.awsRoles ?? [],
    awsProfiles: section?.awsProfiles ?? [],
    plainStores: [...plainStores(env), ...(section?.plainStores ?? [])],
  };
}

function plainStores(env: Host["env"]): readonly string[] {
  const addresses = (env["KSEAL_S3_PLAIN_HTTP"] ?? "").split(",").map((entry) => entry.trim());
  return addresses.map(anyOriginOf).filter((found) => found !== undefined);
}

function vaultAddresses(env: Host["env"], ownList: readonly string[]): Trust["vaultAddresses"] {
  const allowList = env["SOPS_HC_VAULT_ALLOWLIST"] ?? "";
  if (allowList === "all") return "all";
  if (allowList === "none") return [];
  const listed = allowList.split(",").map((entry) => entry.trim());
  // What SOPS would match nothing with, a path or a host without a scheme, must not match a whole host here.
  const addresses = listed.filter((entry) => /^https?:\/\/[^/]+\/?$/i.test(entry));
  const origins = [env["VAULT_ADDR"] ?? "", ...addresses]
    .map(originOf)
    .filter((found) => found !== undefined);
  return [...new Set([...origins, ...ownList])];
}
