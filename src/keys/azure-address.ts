import type { MasterKey } from "../core/master-key.ts";
import { noTrust, originOf } from "../core/trust.ts";
import { KeyFailure } from "./key-failure.ts";
import type { KeyContext } from "./provider.ts";

/** A key of Azure Key Vault or a Managed HSM, as it stands in a file. */
export type AzureKeyVaultKey = Extract<MasterKey, { type: "azure_kv" }>;

/** Where a key is, after it was found that a token may go there. */
export interface AzureAddress {
  /** `https://team.vault.azure.net` */
  readonly origin: string;
  /** Below the origin: `/keys/NAME/VERSION`, without the version when the newest is meant. */
  readonly path: string;
  readonly host: string;
  /** How the commands of `az` name the vault: `--vault-name team`. */
  readonly vaultArgument: string;
  readonly name: string;
  readonly version: string;
}

/** What only Microsoft can put a vault below. */
const vaultSuffixes: readonly string[] = [".vault.azure.net", ".vault.azure.cn", ".vault.usgovcloudapi.net"];
const hsmSuffixes: readonly string[] = [
  ".managedhsm.azure.net",
  ".managedhsm.azure.cn",
  ".managedhsm.usgovcloudapi.net",
];

// Both become part of a URL and of commands in hints, so nothing else than the service allows may be in them.
const namePattern = /^[\dA-Za-z-]{1,127}$/;
const versionPattern = /^[\dA-Za-z]{0,64}$/;

/**
 * Finds out where a key is, and refuses where the file wants the user's token to go anywhere else than to Azure
 * (sops.md D43).
 *
 * @throws KeyFailure `untrusted`, or `missing` for a name that no key can have. Nothing was sent then.
 */
export function trustedAddress(key: AzureKeyVaultKey, context: KeyContext): AzureAddress {
  const origin = originOf(key.vaultUrl);
  if (origin === undefined || !origin.startsWith("https:")) {
    throw new KeyFailure("untrusted", "the address of its vault is not https://HOST, so no token goes there");
  }
  const { host, hostname, pathname } = new URL(key.vaultUrl);
  const isAzure = [...vaultSuffixes, ...hsmSuffixes].some((suffix) => hostname.endsWith(suffix));
  if (!isAzure && !(context.trust ?? noTrust).azureVaults.includes(origin)) throw untrusted(origin, context);
  const { name, version } = key;
  if (pathname !== "/" || !namePattern.test(name) || !versionPattern.test(version)) {
    throw new KeyFailure("missing", "this is not the address of a key in Azure Key Vault", {
      hint: "az keyvault key show --vault-name VAULT --name KEY --query key.kid prints it",
    });
  }
  const isHsm = hsmSuffixes.some((suffix) => hostname.endsWith(suffix));
  const [vault = ""] = hostname.split(".");
  return {
    origin,
    path: version === "" ? `/keys/${name}` : `/keys/${name}/${version}`,
    host,
    vaultArgument: `${isHsm ? "--hsm-name" : "--vault-name"} ${vault}`,
    name,
    version,
  };
}

function untrusted(origin: string, { host }: KeyContext): KeyFailure {
  const path = host.resolve(host.configDir, "kseal", "config.yaml");
  return new KeyFailure("untrusted", `its vault, ${origin}, is none of Azure's, so no token goes there`, {
    hint: `to allow it, write into ${path}: trust: { azure: [${JSON.stringify(origin)}] }`,
  });
}
