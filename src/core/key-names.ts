import { keyId, type MasterKey } from "./master-key.ts";

/**
 * What people call master keys, by the id of the key ({@link keyId}): `Alice laptop`. They come from the `kseal: keys:`
 * section of a `.sops.yaml`, so they help to read a message and decide nothing.
 */
export type KeyNames = ReadonlyMap<string, string>;

/** Where nobody gave names. */
export const noNames: KeyNames = new Map();

/** A key for people: `Alice laptop (age1...)`, or the id alone for a key without a name. */
export function describeKey(key: MasterKey, names: KeyNames): string {
  const id = shortKeyId(keyId(key));
  const name = nameOfKey(key, names);
  return name === undefined ? id : `${name} (${id})`;
}

/** The name of a key, also where it was given to the key as such and the entry says how the key is used. */
export function nameOfKey(key: MasterKey, names: KeyNames): string | undefined {
  for (const id of spellingsOf(key)) {
    const name = names.get(id);
    if (name !== undefined) return name;
  }
  return undefined;
}

/**
 * A key's id for a message. Post-quantum recipients and RSA keys run to thousands of characters, and an id from a file
 * may hold anything, also what a terminal takes for a command.
 */
export function shortKeyId(id: string): string {
  const printable = id.slice(0, 10_000).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{fffd}");
  // An ARN with its role and the path of a Google key are read, and compared, as a whole.
  const longest = /^(age1|ssh-)/.test(printable) ? 110 : 300;
  return printable.length <= longest ? printable : `${printable.slice(0, 40)}...${printable.slice(-8)}`;
}

function spellingsOf(key: MasterKey): readonly string[] {
  const id = keyId(key);
  if (key.type === "kms") return [id, key.arn];
  if (key.type === "azure_kv")
    return [id, `${key.vaultUrl}/keys/${key.name}`, `${key.vaultUrl}/keys/${key.name}/`];
  if (key.type === "pgp") return [id, id.toUpperCase(), id.toUpperCase().replace(/!$/, "")];
  return [id];
}
