import { parseRecipients } from "../src/config/key-texts.ts";
import { trustOf } from "../src/config/trust.ts";
import { noNames } from "../src/core/key-names.ts";
import type { MasterKey } from "../src/core/master-key.ts";
import type { Host, Log } from "../src/core/ports.ts";
import { KsealError } from "../src/errors.ts";
import { type KeyLookup, Keyring } from "../src/keys/keyring.ts";
import { parseAgeRecipient } from "../src/keys/recipients.ts";
import { openEnvelope, wrapKey } from "../src/ops/key-envelope.ts";
import type { Secret } from "../src/sealed/secret.ts";

/** What the controller asks key services and identities with. */
export interface RecipientTools {
  readonly host: Host;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** How the controller puts keys into envelopes, and takes them out. */
export interface KeyEnvelope {
  /** @throws KsealError What says why it does not open: the identity that is missing, the service that is away. */
  open(secret: Secret): Promise<Secret>;
  /**
   * Wraps a new key, and opens it again before anybody seals for it: what this controller cannot open would be lost with
   * its next start. `undefined` when keys are kept in clear.
   */
  readonly wrap: ((secret: Secret) => Promise<Secret>) | undefined;
}

/**
 * The envelopes of sealing keys: `--key-wrap-recipients`.
 *
 * @throws KsealError `USAGE` for what is no recipient.
 */
export function keyEnvelope(
  { recipients: words }: { readonly recipients: readonly string[] },
  tools: RecipientTools,
): KeyEnvelope {
  const keys = recipientKeys(words, "--key-wrap-recipients");
  const lookup = lookupOf(keys);
  const open = async (secret: Secret): Promise<Secret> =>
    await openEnvelope(secret, { keyring: keyringOf(tools, lookup), lookup });
  const wrap = async (secret: Secret): Promise<Secret> => {
    const recipients = { groups: [keys], shamirThreshold: 0, lookup };
    const wrapped = await wrapKey(secret, recipients, {
      host: tools.host,
      keyring: keyringOf(tools, lookup),
    });
    await open(wrapped);
    return wrapped;
  };
  return { open, wrap: keys.length === 0 ? undefined : wrap };
}

/** Recipients of a flag, checked. @throws KsealError `USAGE` that names the flag. */
export function recipientKeys(words: readonly string[], flag: string): readonly MasterKey[] {
  try {
    const keys = parseRecipients(words);
    for (const key of keys) if (key.type === "age") parseAgeRecipient(key.recipient);
    return keys;
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    throw new KsealError(error.code, `${flag}: ${error.message}`, { hint: error.hint, cause: error });
  }
}

/** The flag is the user's own word. */
export function lookupOf(keys: readonly MasterKey[]): KeyLookup {
  return { listed: async () => keys, names: async () => noNames };
}

/** A keyring that has read nothing yet: an identity that was mounted meanwhile counts. */
export function keyringOf({ host, log, signal }: RecipientTools, { listed }: KeyLookup): Keyring {
  const trust = trustOf(host.env, undefined);
  return new Keyring({ host: { ...host }, log, signal, quiet: true, trust, listed });
}
