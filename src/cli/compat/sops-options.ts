import { type KeyTexts, keyLists, parseEncryptionContext } from "../../config/key-texts.ts";
import { type Selection, selectionRules } from "../../core/selection.ts";
import { KsealError } from "../../errors.ts";
import type { FlagValues } from "./go-flags.ts";
import { SopsArgsError } from "./sops-args-error.ts";
import type { CommonFlags, EncryptFlags, OpenFlags, Target } from "./sops-invocation.ts";

/** Flags of commands that open a file. */
export function openFlags(values: FlagValues): OpenFlags {
  return {
    ...commonFlags(values),
    ignoreMac: values.isOn("ignore-mac"),
    decryptionOrder: values.text("decryption-order"),
  };
}

/** Flags of commands that make new encrypted files. */
export function encryptFlags(values: FlagValues): EncryptFlags {
  return {
    ...commonFlags(values),
    keys: keysOf(values, ""),
    selection: selectionOf(values),
    macOnlyEncrypted: values.isOn("mac-only-encrypted"),
    threshold: values.number("shamir-secret-sharing-threshold"),
  };
}

function commonFlags(values: FlagValues): CommonFlags {
  return {
    config: values.text("config"),
    indent: values.digits("indent"),
    inputType: values.text("input-type"),
    outputType: values.text("output-type"),
    filenameOverride: values.text("filename-override"),
  };
}

/** Where the result goes. */
export function targetOf(values: FlagValues): Target {
  const target = { inPlace: values.isOn("in-place"), output: values.text("output") };
  if (target.inPlace && target.output !== undefined) {
    throw new KsealError("USAGE", "cannot operate on both --output and --in-place");
  }
  return target;
}

function selectionOf(values: FlagValues): Selection | undefined {
  const [first, second] = selectionRules.flatMap((rule) => {
    const pattern = values.text(rule.replaceAll("_", "-"));
    return pattern === undefined ? [] : [{ rule, pattern }];
  });
  if (first === undefined || second === undefined) return first;
  throw new KsealError(
    "USAGE",
    `cannot use more than one of ${first.rule} and ${second.rule} in the same file`,
  );
}

/**
 * Which keys the flags name, or the variables that stand in for them.
 *
 * @param prefix - Of the flags: `--add-pgp`, `--rm-pgp`.
 * @throws SopsArgsError with status 6 for an encryption context that is none. `rotate` and `groups` of `sops` go on
 *   without it, and the key is then one for other uses.
 */
export function keysOf(values: FlagValues, prefix: "" | "add-" | "rm-"): KeyTexts {
  const named = Object.fromEntries(
    keyLists.flatMap((list) => {
      const texts = values.items(
        `${prefix}${list.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      );
      return texts.length === 0 ? [] : [[list, texts]];
    }),
  ) as KeyTexts;
  const context = values.text("encryption-context");
  if (context !== undefined) checkContext(context);
  const awsProfile = named.kms === undefined ? undefined : values.text("aws-profile");
  return {
    ...named,
    ...(context !== undefined && { encryptionContext: [context] }),
    ...(awsProfile !== undefined && { awsProfile }),
  };
}

function checkContext(text: string): void {
  try {
    parseEncryptionContext([text]);
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    throw new SopsArgsError(error.message, { status: 6, hint: error.hint });
  }
}
