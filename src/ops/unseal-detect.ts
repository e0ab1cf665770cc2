import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import { sizeLimit } from "./select-files.ts";

/** A cheap look: whether bytes may be a manifest with a SealedSecret, and not encrypted with SOPS as a whole. */
export function mayHoldSealed(bytes: Uint8Array): boolean {
  const text = new TextDecoder("latin1").decode(bytes);
  const isSealed = /["']?kind["']?[ \t]*:[ \t]*["']?SealedSecret(?:List)?["']?[ \t]*(?:[,}\r#]|$)/m.test(
    text,
  );
  return isSealed && !(/sops/.test(text) && /lastmodified/.test(text));
}

/** Whether a file that is named to a command for SOPS files is one with SealedSecrets instead. */
export async function isSealedFile(path: string, { host }: Pick<OpContext, "host">): Promise<boolean> {
  if (path === "-") return false;
  try {
    return mayHoldSealed(await host.readFile(path, { limit: sizeLimit }));
  } catch (error) {
    // The command says what is wrong with it.
    if (error instanceof KsealError) return false;
    throw error;
  }
}
