import type { MasterKey } from "../core/master-key.ts";
import { noTrust, originOf } from "../core/trust.ts";
import { KeyFailure } from "./key-failure.ts";
import type { KeyContext } from "./provider.ts";

export type VaultTransitKey = Extract<MasterKey, { type: "hc_vault" }>;

/**
 * The origin of a Vault server, if it may be sent the user's token.
 *
 * The address comes with the repository, and whoever can change a file must not choose who gets the token: only what
 * the user named outside of it does, `VAULT_ADDR` above all (sops.md D43).
 *
 * @throws KeyFailure `untrusted`, before anything is sent; `unsupported` for what is no address of a Vault.
 */
export function trustedOrigin(address: string, context: KeyContext): string {
  const { trust = noTrust, host } = context;
  const origin = originOf(address);
  if (origin === undefined || !isBare(address)) throw refusedAddress(address);
  if (trust.vaultAddresses === "all" || trust.vaultAddresses.includes(origin)) return origin;
  const path = host.resolve(host.configDir, "kseal", "config.yaml");
  throw new KeyFailure(
    "untrusted",
    `your Vault token may not be sent to ${origin}: neither VAULT_ADDR nor your own settings name it`,
    { hint: `to allow it, set VAULT_ADDR=${origin}, or write into ${path}: trust: { vault: ["${origin}"] }` },
  );
}

/** Nothing but scheme, host and port: SOPS allows no path before `/v1`. */
function isBare(address: string): boolean {
  const { pathname, search, hash } = new URL(address);
  return pathname === "/" && search === "" && hash === "";
}

function refusedAddress(address: string): KeyFailure {
  const isPlain = URL.canParse(address) && new URL(address).protocol === "http:" && isBare(address);
  return isPlain && originOf(address.replace(/^http:/i, "https:")) !== undefined
    ? new KeyFailure("untrusted", "plain http would show your Vault token to the network", {
        hint: "write its https address into .sops.yaml; http is for this machine alone (127.0.0.1, localhost)",
      })
    : new KeyFailure("unsupported", "its vault_address is not the address of a Vault server", {
        hint: "it must look like https://vault.example.com:8200",
      });
}

/** The path of a transit key's secrets engine. */
export function enginePathOf({ enginePath }: VaultTransitKey): string {
  return enginePath.replace(/^\/|\/$/g, "");
}

/**
 * The path of an operation of a transit key below `/v1/`, as Vault's policies name it: `transit/decrypt/name`.
 *
 * @throws KeyFailure `unsupported` for an engine or a name that would lead elsewhere.
 */
export function transitPath(key: VaultTransitKey, operation: "encrypt" | "decrypt"): string {
  const engine = enginePathOf(key);
  const parts = engine.split("/");
  if (!parts.every((part) => /^[^\s\p{C}?#%\\]+$/u.test(part) && part !== "." && part !== "..")) {
    throw new KeyFailure("unsupported", "its engine_path is not the path of a secrets engine", {
      hint: "it must look like transit, or team/transit",
    });
  }
  // What Vault itself takes for the name of a key.
  if (!/^\w([\w.-]*\w)?$/.test(key.keyName)) {
    throw new KeyFailure("unsupported", "its key_name is not the name of a transit key", {
      hint: "it must be made of letters, digits, dots, hyphens and underscores",
    });
  }
  return `${engine}/${operation}/${key.keyName}`;
}
