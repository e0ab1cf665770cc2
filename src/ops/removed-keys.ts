import {
  type KeyTexts,
  keyLists,
  parseEncryptionContext,
  parseKeyText,
  splitTexts,
} from "../config/key-texts.ts";
import { identityText, type MasterKey } from "../core/master-key.ts";

/** A key that shall be taken out of files, as a flag named it. */
export interface Removal {
  /** As it was typed. */
  readonly text: string;
  /** Whether a key of a file is the one that is meant. */
  matches(key: MasterKey): boolean;
}

/**
 * The keys that `--rm-...` flags name. They are compared by the text that identifies a key in SOPS, so that also what is
 * no valid key any more can be taken out; an AWS KMS key with its encryption context and profile, which either stand
 * behind it (`arn|key:value|profile`) or in flags of their own.
 */
export function removalsOf(flags: KeyTexts | undefined): readonly Removal[] {
  if (flags === undefined) return [];
  const use = { context: parseEncryptionContext(flags.encryptionContext), awsProfile: flags.awsProfile };
  return keyLists.flatMap((list) =>
    splitTexts(flags[list]).map((text): Removal => {
      const parsed = parseKeyText(list, text);
      const meant = "key" in parsed ? meaningsOf(parsed.key, use) : [text];
      return { text, matches: (key) => spellingsOf(key).some((spelling) => meant.includes(spelling)) };
    }),
  );
}

/** With the profile and the context of the flags, and without: they may be there for a key that is added. */
function meaningsOf(
  key: MasterKey,
  {
    context,
    awsProfile,
  }: { context: Readonly<Record<string, string>> | undefined; awsProfile: string | undefined },
): readonly string[] {
  if (key.type === "pgp") return [key.fingerprint.toUpperCase()];
  if (key.type !== "kms") return [identityText(key)];
  const used = { ...key, ...(context && { context }), ...(awsProfile && { awsProfile }) };
  return [identityText(key), identityText(used)];
}

/** The texts by which a key of a file may be named. */
function spellingsOf(key: MasterKey): readonly string[] {
  if (key.type === "pgp") return [key.fingerprint, key.fingerprint.toUpperCase()];
  // An Azure key that is named without a version is meant in any.
  if (key.type === "azure_kv") return [identityText(key), identityText({ ...key, version: "" })];
  return [identityText(key)];
}
