import type { MasterKey } from "../core/master-key.ts";
import { KsealError } from "../errors.ts";
import { parseAgeRecipient } from "../keys/recipients.ts";
import type { OpContext } from "./context.ts";

// Variables that decide which keys are used and how their sources are reached. A stale one in some shell profile is
// the hardest cause of a failure to find.
const variables =
  /^(SOPS|KSEAL|AWS|AZURE|VAULT|GOOGLE|CLOUDSDK|IDENTITY|MSI)_|^(GNUPGHOME|HTTPS?_PROXY|NO_PROXY)$/i;

/**
 * What this machine has to open keys of some kinds, a line each: identities, programs, and the names of the settings
 * that are in force. Never a value of one, which may be a token.
 */
export async function atHand(keys: readonly MasterKey[], context: OpContext): Promise<readonly string[]> {
  const { host, keyring } = context;
  const types = new Set(keys.map(({ type }) => type)).add("age");
  const set = Object.keys(host.env).filter((name) => variables.test(name) && host.env[name]);
  const settings = host.resolve(host.configDir, "kseal", "config.yaml");
  return [
    ...(await keyring.holdings(types)),
    ...(await plugins(keys, context)),
    ...(set.length > 0 ? [`set in the environment: ${set.sort().join(", ")}`] : []),
    ...((await host.stat(settings)) === undefined ? [] : [`your settings: ${settings}`]),
  ];
}

/** The age plugins that recipients need, and where they are. */
async function plugins(keys: readonly MasterKey[], { host }: OpContext): Promise<readonly string[]> {
  const names = keys.flatMap((key) => (key.type === "age" ? (pluginOf(key.recipient) ?? []) : []));
  const lines: string[] = [];
  for (const name of new Set(names)) {
    const program = `age-plugin-${name}`;
    lines.push(`${program}: ${(await host.which(program)) ?? "not on PATH; its identities cannot be used"}`);
  }
  return lines;
}

function pluginOf(recipient: string): string | undefined {
  try {
    const parsed = parseAgeRecipient(recipient);
    return parsed.kind === "plugin" ? parsed.plugin : undefined;
  } catch (error) {
    if (error instanceof KsealError) return undefined;
    throw error;
  }
}
