import type { KeyType } from "../core/master-key.ts";
import type { KeyProvider } from "./provider.ts";

const providers: Readonly<Partial<Record<KeyType, () => Promise<KeyProvider>>>> = {
  age: async () => (await import("./age.ts")).ageProvider,
  kms: async () => (await import("./aws-kms.ts")).awsKmsProvider,
  gcp_kms: async () => (await import("./gcp-kms.ts")).gcpKmsProvider,
  azure_kv: async () => (await import("./azure-key-vault.ts")).azureKeyVaultProvider,
  hc_vault: async () => (await import("./vault-transit.ts")).vaultTransitProvider,
  pgp: async () => (await import("./pgp.ts")).pgpProvider,
  hckms: async () => (await import("./huawei-kms.ts")).huaweiKmsProvider,
};

const loaded = new Map<string, Promise<KeyProvider> | undefined>();

/** The provider for a type of master key, or `undefined` when kseal has none for it yet. */
export async function providerFor(type: KeyType | "unknown"): Promise<KeyProvider | undefined> {
  if (type === "unknown") return undefined;
  // Thousands of keys may be opened, and even a finished import costs a look-up of files.
  if (!loaded.has(type)) loaded.set(type, providers[type]?.());
  return await loaded.get(type);
}
