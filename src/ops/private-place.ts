import type { PrivateFolder } from "../core/ports.ts";
import type { OpContext } from "./context.ts";

/**
 * A private folder for plaintext. Where it does not lie in memory, the user is told: what a disk once held can
 * sometimes be read again.
 *
 * @param options.pipesOnly - Nothing plain will lie in it.
 */
export async function openPrivateFolder(
  { host, log }: OpContext,
  options: { readonly pipesOnly: boolean },
): Promise<PrivateFolder> {
  const folder = await host.openPrivateFolder();
  if (!folder.inMemory && !options.pipesOnly) {
    log.info(`the plaintext lies on the disk meanwhile, in ${folder.path}: there is no place in memory here`);
  }
  return folder;
}
