import { type Selection, selectionRules } from "../../core/selection.ts";
import { KsealError } from "../../errors.ts";
import type { FlagValues } from "./go-flags.ts";
import { laterKeyTypes } from "./sops-flags.ts";
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
    age: values.items("age"),
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

/** The first flag or variable that names keys of a type that comes in a later version. */
export function laterKeys(values: FlagValues, prefix: "" | "add-" | "rm-"): string | undefined {
  const type = laterKeyTypes.find((name) => values.items(`${prefix}${name}`).length > 0);
  return type === undefined ? undefined : values.origin(`${prefix}${type}`);
}
