import { DataKey } from "../core/data-key.ts";
import type { Host } from "../core/ports.ts";
import { type AzureAddress, type AzureKeyVaultKey, trustedAddress } from "./azure-address.ts";
import { type AzureRequest, type AzureVaults, azureVaults } from "./azure-vault.ts";
import { type InFlight, inFlight } from "./in-flight.ts";
import { KeyFailure } from "./key-failure.ts";
import type { KeyContext, KeyProvider } from "./provider.ts";

/** What all keys of a run share. */
interface Connection {
  readonly vaults: AzureVaults;
  readonly inFlight: InFlight;
}

/** Master keys of Azure Key Vault and Managed HSMs. */
export const azureKeyVaultProvider: KeyProvider<AzureKeyVaultKey> = createAzureKeyVault();

/**
 * Builds the provider.
 *
 * @param options.timeout - How long each request may take, in milliseconds.
 */
export function createAzureKeyVault({
  timeout = 10_000,
}: {
  readonly timeout?: number;
} = {}): KeyProvider<AzureKeyVaultKey> {
  const connections = new WeakMap<Host, Connection>();

  const connection = (host: Host): Connection => {
    const known = connections.get(host);
    const made = known ?? { vaults: azureVaults(host, { timeout }), inFlight: inFlight() };
    connections.set(host, made);
    return made;
  };
  const ask = async (
    request: Omit<AzureRequest, "signal">,
    { host, signal }: KeyContext,
  ): Promise<Readonly<Record<string, unknown>>> => {
    const { vaults, inFlight } = connection(host);
    return await inFlight(() => vaults({ ...request, signal }));
  };

  return {
    async resolve(key, context) {
      if (key.version !== "") return key;
      const address = trustedAddress(key, context);
      const { key: found } = await ask({ operation: "get", address }, context);
      const { kid }: { kid?: unknown } = Object(found);
      const [, version] = /\/keys\/[^/]+\/([\dA-Za-z]+)$/.exec(typeof kid === "string" ? kid : "") ?? [];
      if (version === undefined) throw senseless(address);
      return { ...key, version };
    },

    async wrap(key, dataKey, context) {
      const address = trustedAddress(key, context);
      const value = Buffer.from(dataKey.reveal()).toString("base64url");
      const { value: wrapped } = await ask({ operation: "encrypt", address, value }, context);
      if (typeof wrapped !== "string" || decode(wrapped) === undefined) throw senseless(address);
      return wrapped;
    },

    async unwrap({ key, enc }, context) {
      const address = trustedAddress(key, context);
      // Go's decoder, and so SOPS, passes over line breaks.
      const value = enc.replaceAll(/[\r\n]/g, "");
      if (decode(value) === undefined) {
        throw new KeyFailure("mismatch", "the wrapped data key is not base64url", {
          hint: "take the key's entry of the sops block from Git: git log -p FILE",
        });
      }
      const { value: opened } = await ask({ operation: "decrypt", address, value }, context);
      const bytes = typeof opened === "string" ? decode(opened) : undefined;
      if (bytes === undefined) throw senseless(address);
      return new DataKey(bytes);
    },
  };
}

/** Decodes canonical base64url without padding. */
function decode(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, "base64url");
  return text !== "" && bytes.toString("base64url") === text ? bytes : undefined;
}

function senseless({ host }: AzureAddress): KeyFailure {
  return new KeyFailure("unreachable", `${host}: the answer is not one of Azure Key Vault`);
}
