import type { DataKey } from "../core/data-key.ts";
import type { MasterKey } from "../core/master-key.ts";
import type { Host } from "../core/ports.ts";
import { type InFlight, inFlight } from "./in-flight.ts";
import { KeyFailure } from "./key-failure.ts";
import { decryptMessage } from "./pgp-decryption.ts";
import { encryptionFailure } from "./pgp-failure.ts";
import { findPublicKey, listSecretKeys, type PgpKeyRecord } from "./pgp-keys.ts";
import { type GpgContext, gpgHome, runGpg } from "./pgp-program.ts";
import type { KeyContext, KeyProvider } from "./provider.ts";

type PgpKey = Extract<MasterKey, { type: "pgp" }>;

// Without anybody to ask gpg takes a twentieth of a second; a slow card, or one that has to be touched, takes longer.
const defaultTimeout = 30_000;

/** Master keys of OpenPGP: each entry is an armored message for one key. The user's own `gpg` does the work. */
export const pgpProvider: KeyProvider<PgpKey> = createPgpProvider();

/** @param options.timeoutMs - How long gpg may take when it asks nobody. */
export function createPgpProvider(options: { readonly timeoutMs?: number } = {}): KeyProvider<PgpKey> {
  const { timeoutMs = defaultTimeout } = options;
  return {
    mayAsk: true,
    wrap: (key, dataKey, context) => encryptFor(key, dataKey, { ...context, timeoutMs }),
    unwrap: ({ enc }, context) => decryptMessage(enc, { ...context, timeoutMs }),
    holdings: (context) => describeSecretKeys({ ...context, timeoutMs }),
    nextStep: () => "import the secret key of a PGP fingerprint of the file: gpg --import SECRET-KEY-FILE",
  };
}

const turns = new WeakMap<Host, InFlight>();

/** Two that encrypt wait for each other's random_seed, by seconds: eight at a time take ten times as long as in turn. */
function inTurn({ host }: KeyContext): InFlight {
  const turn = turns.get(host) ?? inFlight(1);
  turns.set(host, turn);
  return turn;
}

async function encryptFor(key: PgpKey, dataKey: DataKey, context: GpgContext): Promise<string> {
  const fingerprint = fingerprintOf(key);
  // The rule names the key itself, so nobody's web of trust has a say. `--trusted-key`, which SOPS gives in place of
  // this, makes it ultimately trusted for all that the user does.
  const recipient = ["--trust-model", "always", "--recipient", fingerprint];
  const args = ["--yes", "--no-default-recipient", "--no-encrypt-to", "--armor", ...recipient, "--encrypt"];
  const run = await inTurn(context)(() => runGpg(args, context, { stdin: dataKey.reveal() }));
  const message = new TextDecoder().decode(run.stdout).trim();
  if (run.status === 0 && message !== "") return message;
  throw await encryptionFailure(run, { fingerprint, find: () => findPublicKey(fingerprint, context) });
}

function fingerprintOf({ fingerprint }: PgpKey): string {
  const text = fingerprint.replaceAll(" ", "");
  // It becomes an argument of gpg. Less than 16 digits, a short key id, anybody can make a second key for.
  if (/^[0-9a-fA-F]{16,64}!?$/.test(text)) return text;
  throw new KeyFailure("unsupported", "this is not the fingerprint of a PGP key", {
    hint: "gpg --list-keys --with-subkey-fingerprint",
  });
}

async function describeSecretKeys(context: GpgContext): Promise<readonly string[]> {
  const home = gpgHome(context.host);
  const hasHome = home === undefined || (await context.host.stat(home)) !== undefined;
  const keys = hasHome ? await secretKeys(context) : [];
  if (keys.length === 0) return [`no PGP secret key in ${home ?? "gpg"}`];
  return keys.map(({ parts, userId }) => `you hold the PGP key ${parts[0]?.fingerprint} (${userId})`);
}

/** For a report, in which a gpg that does not work is told of anyway. */
async function secretKeys(context: GpgContext): Promise<readonly PgpKeyRecord[]> {
  try {
    return await listSecretKeys(context);
  } catch (error) {
    if (error instanceof KeyFailure) return [];
    throw error;
  }
}
