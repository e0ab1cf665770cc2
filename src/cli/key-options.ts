import type { KeyList } from "../config/key-texts.ts";
import type { OptionSpec } from "./command.ts";

/** What the flags of one type of key look like, as in SOPS. */
interface KeyOption {
  readonly short?: string;
  /** The flag's name without dashes, and what stands behind `add-` and `rm-`. */
  readonly name: string;
  readonly value: string;
  readonly what: string;
}

const keyOptions: Readonly<Record<KeyList, KeyOption>> = {
  age: { short: "-a", name: "age", value: "recipient", what: "an age recipient" },
  pgp: { short: "-p", name: "pgp", value: "fingerprint", what: "a PGP key" },
  kms: { short: "-k", name: "kms", value: "arn", what: "an AWS KMS key: arn, or arn+role" },
  gcpKms: { name: "gcp-kms", value: "resource", what: "a Google Cloud KMS key: projects/..." },
  azureKv: { name: "azure-kv", value: "url", what: "an Azure Key Vault key: https://..." },
  hcVaultTransit: {
    name: "hc-vault-transit",
    value: "url",
    what: "a Vault or OpenBao transit key: https://...",
  },
  hckms: { name: "hckms", value: "region:id", what: "a HuaweiCloud KMS key: region:id" },
};

const oneGroup: readonly OptionSpec[] = [
  ...Object.values(keyOptions).map(({ short, name, value, what }) => ({
    flags: `${short === undefined ? "" : `${short}, `}--${name} <${value}>`,
    summary: what,
    repeatable: true,
  })),
  {
    flags: "-R, --recipients-file <file>",
    summary: "the age recipients in a file, one a line",
    repeatable: true,
  },
];

/** Keys by flag: one group in place of the rule's. */
export const keys: readonly OptionSpec[] = under("Keys, instead of those of the rules", [
  ...oneGroup,
  ...kmsUse("for AWS KMS, also for the keys of rules"),
]);

/** Keys by flag: a group that is added to a file. */
export const groupKeys: readonly OptionSpec[] = under("Keys of a new group", [
  ...oneGroup,
  ...kmsUse("for AWS KMS"),
]);

/** Keys that are added to files or taken out of them. */
export const changedKeys: readonly OptionSpec[] = under("Keys", [
  ...Object.values(keyOptions).flatMap(({ name, value, what }) => [
    { flags: `--add-${name} <${value}>`, summary: `add ${what}`, repeatable: true },
    { flags: `--rm-${name} <${value}>`, summary: `remove ${what}`, repeatable: true },
  ]),
  ...kmsUse("of the AWS KMS keys that are added or removed"),
]);

function kmsUse(where: string): readonly OptionSpec[] {
  return [
    { flags: "--encryption-context <key:value>", summary: `encryption context ${where}`, repeatable: true },
    { flags: "--aws-profile <name>", summary: "AWS profile for the AWS KMS keys that flags name" },
  ];
}

function under(group: string, options: readonly OptionSpec[]): readonly OptionSpec[] {
  return options.map((option) => ({ ...option, group }));
}
