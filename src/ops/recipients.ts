import {
  type KeyTexts,
  keyLists,
  parseEncryptionContext,
  parseKeyTexts,
  splitTexts,
} from "../config/key-texts.ts";
import { environmentKeys, keyVariables } from "../config/settings.ts";
import { type KeyGroups, type MasterKey, sameKey } from "../core/master-key.ts";
import type { Log } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { parseAgeRecipient, parseRecipientsFile } from "../keys/recipients.ts";
import type { OpContext } from "./context.ts";

/** Master keys as flags name them. */
export interface KeyFlags extends KeyTexts {
  /** Files with one age recipient a line. */
  readonly ageFiles?: readonly string[] | undefined;
}

const fileLimit = 1024 * 1024;

/**
 * The master keys that flags name, without duplicates, in the order of SOPS.
 *
 * @throws KsealError `USAGE` when one of them names none, or when there is a profile without a key to use it for.
 */
export async function keysOf(flags: KeyFlags | undefined, context: OpContext): Promise<readonly MasterKey[]> {
  if (flags === undefined) return [];
  for (const recipient of splitTexts(flags.age)) parseAgeRecipient(recipient);
  const keys = [...parseKeyTexts(flags)];
  for (const path of flags.ageFiles ?? []) {
    // A line is one recipient, also with a comma in its comment.
    for (const recipient of await readRecipients(path, context)) keys.push({ type: "age", recipient });
  }
  if (flags.awsProfile && !keys.some(({ type }) => type === "kms")) {
    throw new KsealError("USAGE", "an AWS profile without an AWS KMS key to use it for", {
      hint: "name the key with --kms; for a rule write aws_profile beside its keys",
    });
  }
  return flatKeys([keys]);
}

/**
 * The group of keys that flags or the environment name instead of the rule's; `undefined` when neither says anything.
 * A flag beats its variable, and what is left of the others counts besides, as in SOPS.
 */
export async function explicitKeys(
  flags: KeyFlags | undefined,
  context: OpContext,
): Promise<readonly MasterKey[] | undefined> {
  const given: KeyFlags = Object.fromEntries(
    Object.entries(flags ?? {}).filter(([, value]) => value !== undefined && value.length > 0),
  );
  const variables = environmentKeys(context.host.env);
  const byVariable: KeyTexts = Object.fromEntries(
    keyLists
      .filter((list) => given[list] === undefined && !(list === "age" && given.ageFiles !== undefined))
      .map((list) => [list, variables[list]]),
  );
  await checkVariables(byVariable, context);
  const keys = await keysOf({ ...byVariable, ...given }, context);
  return keys.length === 0 ? undefined : keys;
}

/** Refuses what a variable says by its name: nobody has typed it. */
async function checkVariables(texts: KeyTexts, context: OpContext): Promise<void> {
  for (const list of keyLists) {
    try {
      await keysOf({ [list]: texts[list] }, context);
    } catch (error) {
      if (!(error instanceof KsealError)) throw error;
      const message = `the variable ${keyVariables[list]}: ${error.message}`;
      throw new KsealError(error.code, message, { hint: `unset ${keyVariables[list]}`, cause: error });
    }
  }
}

/**
 * Gives AWS KMS keys the encryption context of the flags: also those of a rule, which cannot name one for the keys that
 * stand in the rule itself (sops.md D30). Of what both name, the flag decides.
 */
export function withContextOf(
  flags: KeyFlags | undefined,
  groups: KeyGroups,
  { file, log }: { readonly file: string; readonly log: Log },
): KeyGroups {
  const context = parseEncryptionContext(flags?.encryptionContext);
  if (context === undefined) return groups;
  if (!groups.flat().some(({ type }) => type === "kms")) {
    log.warn(`${file}: the encryption context has no effect: none of the keys is of AWS KMS`);
  }
  return groups.map((group) =>
    group.map((key) => (key.type === "kms" ? { ...key, context: { ...key.context, ...context } } : key)),
  );
}

/** All keys of all groups, each once. */
export function flatKeys(groups: KeyGroups): readonly MasterKey[] {
  const keys: MasterKey[] = [];
  for (const key of groups.flat()) {
    if (!keys.some((known) => sameKey(known, key))) keys.push(key);
  }
  return keys;
}

/** Those of some keys that are not among others. */
export function keysWithout(keys: readonly MasterKey[], others: readonly MasterKey[]): readonly MasterKey[] {
  return keys.filter((key) => !others.some((other) => sameKey(other, key)));
}

async function readRecipients(path: string, { host }: OpContext): Promise<readonly string[]> {
  try {
    return parseRecipientsFile(new TextDecoder().decode(await host.readFile(path, { limit: fileLimit })));
  } catch (error) {
    throw error instanceof KsealError ? error.at({ file: path }) : error;
  }
}
