import { KsealError } from "../errors.ts";
import { readManifest } from "../formats/manifest.ts";
import { KeySearch } from "../sealed/key-search.ts";
import { readSealedSecret, type SealedSecret } from "../sealed/sealed-secret.ts";
import { expandList } from "../sealed/secret.ts";
import { unwrapOnCores } from "../sealed/unwrap-on-cores.ts";
import type { OpContext } from "./context.ts";
import type { LoadedKey } from "./sealing-keys.ts";
import { sealingKeysAtHand } from "./unseal-values.ts";

/**
 * Finds the items of a SealedSecret that hold the same values as before, with the ciphertext that they have, so that a
 * diff shows only what changed.
 *
 * @param old - As it stands in the file, in the namespace that it is sealed for.
 * @param values - What the items are to hold.
 * @param to.keyFingerprint - Of the certificate that the others are sealed for.
 */
export type UnchangedItems = (
  old: SealedSecret,
  values: ReadonlyMap<string, Uint8Array>,
  to: { readonly keyFingerprint: string },
) => Promise<ReadonlyMap<string, string>>;

/**
 * Loads the keys at hand to open old values with.
 *
 * An item counts only when a key opened it that stands in the same file as the certificate's: it is then one of the same
 * cluster. A key of another cluster opens values that this one could not.
 */
export async function unchangedItemsWith(
  flags: readonly string[],
  context: OpContext,
): Promise<UnchangedItems | undefined> {
  const atHand = await sealingKeysAtHand(flags, context);
  if (atHand === undefined) return undefined;
  const searches = new Map<string, KeySearch>();
  const searchFor = (fingerprint: string): KeySearch => {
    const known = searches.get(fingerprint);
    const keys = keysBeside(atHand.keys, fingerprint);
    const search = known ?? new KeySearch({ keys, unwrap: unwrapOnCores(context.host.cores) });
    searches.set(fingerprint, search);
    return search;
  };
  return async ({ metadata, encryptedData, template }, values, { keyFingerprint }) => {
    const shared = new Map([...encryptedData].filter(([item]) => values.has(item)));
    const opened = await searchFor(keyFingerprint).openItems({ metadata, template, encryptedData: shared });
    return new Map([...shared].filter(([item]) => isSame(opened.values.get(item), values.get(item))));
  };
}

/** The SealedSecrets of a file that is about to be replaced; none when it holds anything else or cannot be read. */
export async function sealedSecretsIn(bytes: Uint8Array, file: string): Promise<readonly SealedSecret[]> {
  try {
    const { documents } = await readManifest(bytes, { file });
    return documents
      .flatMap(({ object }) => (object === undefined ? [] : expandList(object)))
      .map(readSealedSecret);
  } catch (error) {
    if (error instanceof KsealError) return [];
    throw error;
  }
}

function keysBeside(keys: readonly LoadedKey[], fingerprint: string): readonly LoadedKey[] {
  const homes = new Set(keys.filter((key) => key.fingerprint === fingerprint).map(({ file }) => file));
  return keys.filter(({ file }) => homes.has(file));
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b?.length === a.length && a.every((byte, index) => byte === b[index]);
}
