import { DataKey } from "../core/data-key.ts";
import type { Host } from "../core/ports.ts";
import { type InFlight, inFlight } from "./in-flight.ts";
import { KeyFailure } from "./key-failure.ts";
import { decryptionFailure, nothingOpened, wouldAsk } from "./pgp-failure.ts";
import { type GpgContext, type GpgRun, gpgHome, runGpg } from "./pgp-program.ts";
import { takeTurn } from "./turns.ts";

/** What is kept for a run. */
interface Session {
  readonly inTurn: InFlight;
  /** By message: why it did not open without asking, or that somebody would have to be asked. */
  readonly tried: Map<string, KeyFailure | "asks">;
}

// They share one agent, whose memory for secrets is small.
const decryptionsInFlight = 4;
// A data key has 32 bytes, but a message may be packed and unpack to any length.
const mostBytes = 4096;

const sessions = new WeakMap<Host, Session>();

/**
 * Opens the message that wraps a data key, first without asking the user, then, unless the context is quiet, with the
 * questions of gpg-agent.
 *
 * @throws KeyFailure when it does not open.
 */
export async function decryptMessage(enc: string, context: GpgContext): Promise<DataKey> {
  const { tried } = sessionOf(context.host);
  const known = tried.get(enc);
  if (known instanceof KeyFailure) throw known;
  const dataKey = known === "asks" ? undefined : await decryptQuietly(enc, context);
  if (dataKey !== undefined) return dataKey;
  if (context.quiet) throw new KeyFailure("credentials", "gpg-agent would have to ask for the passphrase");
  return opened(await takeTurn(context.host, () => decrypt(enc, context, { mayAsk: true })));
}

/** @returns `undefined` when the user would have to be asked. */
async function decryptQuietly(enc: string, context: GpgContext): Promise<DataKey | undefined> {
  const { inTurn, tried } = sessionOf(context.host);
  try {
    await refuseWithoutHome(context);
    const run = await inTurn(() => decrypt(enc, context, { mayAsk: false }));
    if (!wouldAsk(run)) return opened(run);
    tried.set(enc, "asks");
    return undefined;
  } catch (error) {
    if (error instanceof KeyFailure) tried.set(enc, error);
    throw error;
  }
}

function sessionOf(host: Host): Session {
  const session = sessions.get(host) ?? { inTurn: inFlight(decryptionsInFlight), tried: new Map() };
  sessions.set(host, session);
  return session;
}

/** Without the folder there is no key in it, and gpg would make one. */
async function refuseWithoutHome({ host }: GpgContext): Promise<void> {
  const home = gpgHome(host);
  if (home === undefined || (await host.stat(home)) !== undefined) return;
  throw new KeyFailure("credentials", `gpg holds no secret key: there is no folder ${home}`, {
    hint: "gpg --import SECRET-KEY-FILE",
  });
}

async function decrypt(
  enc: string,
  context: GpgContext,
  { mayAsk }: { readonly mayAsk: boolean },
): Promise<GpgRun> {
  // Whoever signed a message proves nothing about a data key: a signature is neither checked nor is its key looked for.
  const limits = ["--max-output", String(mostBytes), "--skip-verify", "--no-auto-key-retrieve"];
  const quietly = mayAsk ? [] : ["--pinentry-mode", "error"];
  const stdin = new TextEncoder().encode(enc);
  return await runGpg([...limits, ...quietly, "--decrypt"], context, { stdin, mayAsk });
}

/** @throws KeyFailure when it did not open. */
function opened(run: GpgRun): DataKey {
  if (run.status !== 0) throw decryptionFailure(run);
  if (run.stdout.length === 0) throw nothingOpened();
  return new DataKey(run.stdout);
}
