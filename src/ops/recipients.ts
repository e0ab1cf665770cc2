import { environmentRecipients } from "../config/settings.ts";
import { type KeyGroups, type MasterKey, sameKey } from "../core/master-key.ts";
import { KsealError } from "../errors.ts";
import { parseAgeRecipient, parseRecipientsFile } from "../keys/recipients.ts";
import type { OpContext } from "./context.ts";

/** Recipients as flags give them: lists whose items may themselves be comma-separated. */
export interface KeyFlags {
  readonly age?: readonly string[] | undefined;
  /** Files with one age recipient a line. */
  readonly ageFiles?: readonly string[] | undefined;
}

const fileLimit = 1024 * 1024;

/** The master keys that flags name, without duplicates. */
export async function keysOf(flags: KeyFlags | undefined, context: OpContext): Promise<readonly MasterKey[]> {
  const texts = [...split(flags?.age ?? [])];
  for (const path of flags?.ageFiles ?? []) texts.push(...(await readRecipients(path, context)));
  const keys: MasterKey[] = [];
  for (const text of texts) {
    const key = parseAgeKey(text);
    if (!keys.some((known) => sameKey(known, key))) keys.push(key);
  }
  return keys;
}

/**
 * The group of recipients that flags or `SOPS_AGE_RECIPIENTS` name instead of the rule's; `undefined` when neither
 * says anything.
 */
export async function explicitKeys(
  flags: KeyFlags | undefined,
  context: OpContext,
): Promise<readonly MasterKey[] | undefined> {
  const byVariable = environmentRecipients(context.host.env);
  const byFlag = await keysOf(flags, context);
  if (byFlag.length > 0) return byFlag;
  return byVariable && (await keysOf({ age: byVariable }, context));
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

function parseAgeKey(text: string): MasterKey {
  parseAgeRecipient(text);
  return { type: "age", recipient: text };
}

async function readRecipients(path: string, { host }: OpContext): Promise<readonly string[]> {
  try {
    return parseRecipientsFile(new TextDecoder().decode(await host.readFile(path, { limit: fileLimit })));
  } catch (error) {
    throw error instanceof KsealError ? error.at({ file: path }) : error;
  }
}

function split(items: readonly string[]): readonly string[] {
  return items
    .flatMap((item) => item.split(","))
    .map((item) => item.trim())
    .filter((item) => item !== "");
}
