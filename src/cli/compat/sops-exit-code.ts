import { type KeyTexts, keyLists } from "../../config/key-texts.ts";
import { KsealError } from "../../errors.ts";
import type { SopsInvocation } from "./sops-invocation.ts";

/** The exit status that `sops` has for a failure, where kseal's own commands have another one (sops.md 9.3). */
export function sopsExitCode(error: KsealError, call: SopsInvocation): number {
  switch (error.code) {
    case "MAC_MISSING":
      return 51;
    case "NOT_ENCRYPTED":
    case "CONFIG_INVALID":
    case "CONFIG_NOT_FOUND":
    case "NO_MASTER_KEYS":
    case "NOT_FOUND":
    case "NOTHING_SELECTED":
    case "FILE_CHANGED":
      return 1;
    case "FORMAT_INVALID":
    case "METADATA_INVALID":
    case "LIMIT_EXCEEDED":
      return call.command === "encrypt" ? 2 : 1;
    case "USAGE":
      return call.command.startsWith("groups") ? 1 : error.exitCode;
    case "FORMAT_CANNOT_HOLD":
      return call.command === "exec-env" ? 1 : error.exitCode;
    case "ENCRYPT_FAILED":
      return isKeyFailure(error) ? (call.command === "edit" ? 128 : 1) : error.exitCode;
    case "PATH_INVALID":
      return call.command === "set" || call.command === "unset" ? 7 : error.exitCode;
    case "NO_FILE":
      return statusOfMissing(call);
    case "INPUT_UNREADABLE":
      return readsWithOwnWords(call) ? 1 : error.exitCode;
    default:
      return error.exitCode;
  }
}

/** Which status stands for a file that is not there depends on who notices it. */
function statusOfMissing(call: SopsInvocation): number {
  if (readsWithOwnWords(call)) return 1;
  switch (call.command) {
    case "encrypt":
    case "decrypt":
      return 100;
    case "rotate":
      if (namesKeys(call.add) || namesKeys(call.remove)) return 49;
      return call.isLegacy ? 100 : 2;
    default:
      return 2;
  }
}

function readsWithOwnWords({ command }: SopsInvocation): boolean {
  return command === "updatekeys" || command === "filestatus";
}

function namesKeys(keys: KeyTexts): boolean {
  return keyLists.some((list) => keys[list] !== undefined);
}

// Other than a value, a data key fails to be encrypted because a key source said why.
function isKeyFailure(error: KsealError): boolean {
  return error.cause instanceof KsealError;
}
