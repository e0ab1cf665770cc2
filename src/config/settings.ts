import type { Host } from "../core/ports.ts";
import { splitWords } from "../core/shell-words.ts";
import type { Trust } from "../core/trust.ts";
import { KsealError } from "../errors.ts";
import type { KeyList, KeyTexts } from "./key-texts.ts";
import { trustOf } from "./trust.ts";
import type { UserFile } from "./user-file.ts";

/** What a run of kseal may do, merged once from flags, environment and the user's own file; frozen. */
export interface Settings {
  /** `--config` or `SOPS_CONFIG`: the path of a `.sops.yaml` to use instead of searching for one. */
  readonly configPath: string | undefined;
  /** Key types to try first when decrypting: `--decryption-order` or `SOPS_DECRYPTION_ORDER`. */
  readonly decryptionOrder: readonly string[];
  /** The editor's command line, split into words; `undefined` means search for one. */
  readonly editor: readonly [string, ...string[]] | undefined;
  /** Where credentials may go. */
  readonly trust: Trust;
}

/** What the command line says, as it was typed. */
export interface SettingFlags {
  readonly configPath?: string | undefined;
  readonly decryptionOrder?: string | undefined;
}

type Environment = Host["env"];

/**
 * Merges the settings of a run: a flag beats the environment, the environment beats the user's own file.
 *
 * Nothing here is ever read from a repository.
 *
 * @throws KsealError `CONFIG_INVALID` for the user's file, `ORDER_INVALID` and `USAGE` for the environment.
 */
export async function loadSettings(
  host: Pick<Host, "env" | "configDir" | "platform" | "resolve" | "readFile">,
  flags: SettingFlags = {},
): Promise<Settings> {
  const { env } = host;
  const path = host.resolve(host.configDir, "kseal", "config.yaml");
  const userFile = await readUserFile(host, path);
  return Object.freeze({
    configPath: flags.configPath ?? (env["SOPS_CONFIG"] || undefined),
    decryptionOrder: parseDecryptionOrder(flags.decryptionOrder ?? env["SOPS_DECRYPTION_ORDER"] ?? ""),
    editor: editorOf(env, userFile.editor, { platform: host.platform, path }),
    trust: trustOf(env, userFile.trust),
  });
}

/**
 * The key types of a `--decryption-order`: names of the metadata block with commas between them. Unknown names are
 * harmless, as in SOPS.
 *
 * @throws KsealError `ORDER_INVALID` when one is there twice.
 */
export function parseDecryptionOrder(order: string): readonly string[] {
  if (order === "") return defaultOrder;
  const types = order.split(",");
  const twice = types.find((type, index) => types.indexOf(type) !== index);
  if (twice === undefined) return types;
  throw new KsealError("ORDER_INVALID", `the decryption order names ${JSON.stringify(twice)} twice`);
}

const defaultOrder: readonly string[] = ["age", "pgp"];

/** The variables that stand in for the key flags of SOPS. */
export const keyVariables: Readonly<Record<KeyList, string>> = {
  kms: "SOPS_KMS_ARN",
  gcpKms: "SOPS_GCP_KMS_IDS",
  hckms: "SOPS_HUAWEICLOUD_KMS_IDS",
  azureKv: "SOPS_AZURE_KEYVAULT_URLS",
  pgp: "SOPS_PGP_FP",
  hcVaultTransit: "SOPS_VAULT_URIS",
  age: "SOPS_AGE_RECIPIENTS",
};

/**
 * The keys that the environment names for new files. As in SOPS each variable stands in for one flag, and any of them
 * takes the place of the configuration's keys.
 */
export function environmentKeys(env: Environment): KeyTexts {
  return Object.fromEntries(
    Object.entries(keyVariables).flatMap(([list, variable]) => {
      const text = env[variable]?.trim();
      return text ? [[list, [text]]] : [];
    }),
  );
}

// kseal's own name first, then those of SOPS in SOPS' order.
const editorVariables: readonly string[] = ["KSEAL_EDITOR", "SOPS_EDITOR", "EDITOR"];

function editorOf(
  env: Environment,
  fromFile: string | undefined,
  { platform, path }: { platform: Host["platform"]; path: string },
): readonly [string, ...string[]] | undefined {
  const variable = editorVariables.find((name) => env[name]?.trim());
  const origin = variable ?? path;
  const commandLine = variable === undefined ? fromFile : env[variable];
  if (commandLine === undefined) return undefined;
  const words = splitWords(commandLine, platform === "win32" ? "windows" : "posix");
  if (words === undefined) {
    throw new KsealError("USAGE", `the editor of ${origin} has an opening quote without its end`);
  }
  const [program, ...rest] = words;
  return program ? [program, ...rest] : undefined;
}

async function readUserFile(host: Pick<Host, "readFile">, path: string): Promise<UserFile> {
  try {
    const bytes = await host.readFile(path);
    // Most users have no such file, and should not wait for the parser of it.
    const { parseUserFile } = await import("./user-file.ts");
    return parseUserFile(bytes, path);
  } catch (error) {
    if (error instanceof KsealError && error.code === "NO_FILE") return {};
    throw error;
  }
}
