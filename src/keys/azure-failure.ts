import type { AzureAddress } from "./azure-address.ts";
import { KeyFailure } from "./key-failure.ts";
import { ownWords } from "./own-words.ts";
import { PassingFailure } from "./retries.ts";

export type AzureOperation = "encrypt" | "decrypt" | "get";

/** What a vault answered instead of a result. */
export interface AzureRefusal {
  readonly status: number;
  /** `Forbidden`; empty when the answer is not a vault's. */
  readonly code: string;
  /** `ForbiddenByRbac` */
  readonly innerCode: string;
  readonly message: string;
  /** Milliseconds. */
  readonly retryAfter: number | undefined;
}

export interface AzureCall {
  readonly operation: AzureOperation;
  readonly address: AzureAddress;
}

/** The refusal in kseal's words. The codes are those of the REST reference of Key Vault. */
export function azureFailure(refusal: AzureRefusal, { operation, address }: AzureCall): KeyFailure {
  const { status, innerCode, retryAfter } = refusal;
  const message = refusal.message
    ? ownWords(refusal.message)
    : `${address.host} answers with HTTP status ${status}`;
  const hint = (text: string) => ({ hint: text });
  const isDisabled =
    innerCode === "KeyDisabled" || /not allowed on an? (disabled|expired|not yet valid)/.test(message);
  if (status === 401) return new KeyFailure("credentials", message, hint("az login"));
  if (status === 403 && isDisabled) return new KeyFailure("disabled", message, hint(enable(address)));
  if (status === 403) return new KeyFailure("denied", message, hint(grant(innerCode, operation, address)));
  if (status === 404) return new KeyFailure("missing", message, hint(find(message, address)));
  if (status === 400 && operation === "decrypt") {
    return new KeyFailure(
      "mismatch",
      message,
      hint("take the key's entry of the sops block from Git: git log -p FILE"),
    );
  }
  if (status === 429) {
    return new PassingFailure("throttled", message, { ...hint("try again in a minute"), retryAfter });
  }
  if (status >= 500)
    return new PassingFailure("unreachable", message, { ...hint(look(address)), retryAfter });
  if (refusal.code === "") return new KeyFailure("unreachable", message, hint(look(address)));
  return new KeyFailure("unsupported", message, hint(`az keyvault key show ${keyArguments(address)}`));
}

/** A command that shows whether the vault is there. */
export function look({ origin }: AzureAddress): string {
  return `curl -sI ${origin} shows whether this machine gets there`;
}

function keyArguments({ vaultArgument, name }: AzureAddress): string {
  return `${vaultArgument} --name ${name}`;
}

function enable(address: AzureAddress): string {
  const version = address.version && ` --version ${address.version}`;
  return `az keyvault key set-attributes ${keyArguments(address)}${version} --enabled true`;
}

function find(message: string, address: AzureAddress): string {
  // The service says so of every key that is not there.
  return message.includes("recover")
    ? `az keyvault key list ${address.vaultArgument}, or, after a deletion: az keyvault key recover ${keyArguments(address)}`
    : `az keyvault key list ${address.vaultArgument}`;
}

/** Vaults decide by roles, by access policies of their own, or by where the caller is. */
function grant(innerCode: string, operation: AzureOperation, { vaultArgument }: AzureAddress): string {
  const [flag = "", vault = ""] = vaultArgument.split(" ");
  if (innerCode === "ForbiddenByFirewall" || innerCode === "ForbiddenByConnection") {
    return `az keyvault network-rule add --name ${vault} --ip-address ADDRESS`;
  }
  if (innerCode === "ForbiddenByPolicy" || innerCode === "AccessDenied") {
    return `az keyvault set-policy --name ${vault} --upn YOU@example.com --key-permissions ${operation}`;
  }
  if (flag === "--hsm-name") {
    return `az keyvault role assignment create --hsm-name ${vault} --role "Managed HSM Crypto User" --assignee YOU@example.com --scope /keys`;
  }
  const scope = `$(az keyvault show --name ${vault} --query id --output tsv)`;
  return `az role assignment create --role "Key Vault Crypto User" --assignee YOU@example.com --scope ${scope}`;
}
