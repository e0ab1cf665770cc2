import { type KeyList, keyLists } from "../config/key-texts.ts";
import type { KeyFlags } from "../ops/recipients.ts";
import type { OptionValues } from "./command.ts";

/** Which keys the flags name; `undefined` when none of them says anything. */
export function keysOf(options: OptionValues): KeyFlags | undefined {
  return flagsOf(options, (list) => list);
}

/** Which keys the flags `--add-...` or `--rm-...` name. */
export function changedKeysOf(options: OptionValues, change: "add" | "rm"): KeyFlags | undefined {
  const flags = flagsOf(options, (list) => `${change}${list.charAt(0).toUpperCase()}${list.slice(1)}`);
  const others = options.list(change === "add" ? "rmKms" : "addKms");
  const profileIsForOthers = flags?.kms === undefined && others.length > 0;
  return profileIsForOthers ? { ...flags, awsProfile: undefined } : flags;
}

function flagsOf(options: OptionValues, nameOf: (list: KeyList) => string): KeyFlags | undefined {
  const flags: KeyFlags = {
    ...Object.fromEntries(keyLists.map((list) => [list, given(options.list(nameOf(list)))])),
    ageFiles: given(options.list("recipientsFile")),
    encryptionContext: given(options.list("encryptionContext")),
    awsProfile: options.text("awsProfile"),
  };
  return Object.values(flags).some((value) => value !== undefined) ? flags : undefined;
}

function given(texts: readonly string[]): readonly string[] | undefined {
  return texts.length === 0 ? undefined : texts;
}
