import { parseRecipients, splitTexts } from "../config/key-texts.ts";
import { noNames } from "../core/key-names.ts";
import { KsealError } from "../errors.ts";
import { chooseRecipients } from "./choose-rule.ts";
import type { OpContext } from "./context.ts";
import { below } from "./file-path.ts";
import type { BackupRecipients } from "./key-backup.ts";
import { backupSuffix } from "./key-backup-place.ts";
import { keyLookup } from "./key-lookup.ts";
import type { KeyFlags } from "./recipients.ts";
import { openRuleBook } from "./rule-book.ts";

/** To whom backups are encrypted, as the user says it. */
export interface RecipientFlags {
  readonly keys?: KeyFlags | undefined;
  readonly shamirThreshold?: number | undefined;
}

/** Finds the recipients of the backup of a key. `.sops.yaml` is read once for all keys. */
export type RecipientsOf = (key: string) => Promise<BackupRecipients>;

/**
 * To whom backups are encrypted: the keys of flags or environment, else those of the rule of `.sops.yaml` that is for
 * the backup's file, in the folder that backups go to or, without one, in the working folder.
 *
 * @throws KsealError `NO_MASTER_KEYS`, `CONFIG_NOT_FOUND`, `CONFIG_INVALID`, when it is asked for a key.
 */
export function backupRecipients(
  flags: RecipientFlags,
  folder: string | undefined,
  context: OpContext,
): RecipientsOf {
  const rules = openRuleBook(context);
  return async (key) => {
    const bare = `${key}${backupSuffix}`;
    const name = folder === undefined ? bare : below(folder, bare, context.host.platform);
    const matched = await rules.ruleFor(context.host.resolve(name));
    const text = { file: name, name, bytes: new Uint8Array() };
    try {
      const { groups, shamirThreshold } = await chooseRecipients(text, flags, matched, rules, context);
      return { groups, shamirThreshold, lookup: keyLookup(name, context, groups.flat()) };
    } catch (error) {
      if (!(error instanceof KsealError) || !["NO_MASTER_KEYS", "CONFIG_NOT_FOUND"].includes(error.code)) {
        throw error;
      }
      throw new KsealError(error.code, "nothing says who can open the backup", {
        hint: "name recipients: --age age1..., or add a rule for it to .sops.yaml",
        where: { file: name },
        cause: error,
      });
    }
  };
}

/**
 * Recipients that a flag names in words of any type, each of which opens alone.
 *
 * @returns `undefined` when it names none.
 * @throws KsealError `USAGE`.
 */
export function flagRecipients(words: readonly string[]): BackupRecipients | undefined {
  const keys = parseRecipients(words.flatMap((word) => splitTexts([word])));
  if (keys.length === 0) return undefined;
  const lookup = { listed: async () => keys, names: async () => noNames };
  return { groups: [keys], shamirThreshold: 0, lookup };
}
