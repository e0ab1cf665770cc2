import { describeKey } from "../core/key-names.ts";
import { type MasterKey, matchesListed, sameHolder } from "../core/master-key.ts";
import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import { shellWord } from "./file-path.ts";
import { keyLookup } from "./key-lookup.ts";
import type { OpenedFile } from "./load-file.ts";
import { flatKeys } from "./recipients.ts";
import { openRuleBook, type RuleBook } from "./rule-book.ts";

/**
 * The recipients of a file that its creation rule does not list. Nothing authenticates the list in the file: whoever
 * can write to it may have added one (sops.md D8). Empty when no rule matches.
 */
export async function unlistedRecipients(
  opened: Pick<OpenedFile, "name" | "metadata">,
  rules: RuleBook,
  { host }: OpContext,
): Promise<readonly MasterKey[]> {
  if (opened.name === "") return [];
  const matched = await rules.ruleFor(host.resolve(opened.name));
  if (matched === undefined) return [];
  const recipients = flatKeys(opened.metadata.groups.map((group) => group.map(({ key }) => key)));
  const listed = flatKeys(matched.rule.groups);
  return recipients.filter((key) => !listed.some((one) => matchesListed(key, one) || sameHolder(key, one)));
}

/** Warns before a secret is changed in a file that somebody can read whom the rule does not list. */
export async function warnOfUnlisted(opened: OpenedFile, context: OpContext): Promise<void> {
  const unlisted = await unlistedRecipients(opened, openRuleBook(context), context);
  if (unlisted.length === 0) return;
  context.log.warn(
    `${opened.file}: ${await describeUnlisted(unlisted, opened, context)}; kseal updatekeys ${shellWord(opened.file)}`,
  );
}

/** Refuses to hand a new data key to somebody whom the rule does not list. */
export async function refuseUnlisted(opened: OpenedFile, rules: RuleBook, context: OpContext): Promise<void> {
  const unlisted = await unlistedRecipients(opened, rules, context);
  if (unlisted.length === 0) return;
  throw new KsealError("CHANGES_REFUSED", await describeUnlisted(unlisted, opened, context), {
    hint: `take the recipients of the rule first: kseal updatekeys ${shellWord(opened.file)}\nor keep them: kseal rotate --allow-unlisted -i ${shellWord(opened.file)}`,
    where: { file: opened.file },
  });
}

/** One sentence that names recipients which the rule of a file does not list. */
export async function describeUnlisted(
  keys: readonly MasterKey[],
  { name }: Pick<OpenedFile, "name">,
  context: OpContext,
): Promise<string> {
  const names = await keyLookup(name, context).names();
  return `readable by recipients that its creation rule does not list: ${keys.map((key) => describeKey(key, names)).join(", ")}`;
}
