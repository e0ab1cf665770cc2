import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { takeTurn } from "./turns.ts";

/**
 * Asks for the passphrase of an identity, hidden.
 *
 * @throws KsealError `DECRYPT_FAILED` when there is nobody to ask, or the answer is empty.
 */
export async function askPassphrase(host: Host, source: string): Promise<string> {
  const question = `Enter passphrase for ${source}: `;
  const answer = await takeTurn(host, () => host.terminal.ask(question, { hidden: true }));
  if (answer) return answer;
  const reason = answer === undefined ? "there is no terminal to ask on" : "none was given";
  throw new KsealError("DECRYPT_FAILED", `${source} needs a passphrase, and ${reason}`);
}
