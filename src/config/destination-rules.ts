import { type CreationRule, creationRule } from "./creation-rules.ts";
import { mapping } from "./mapping.ts";
import { flag, regex, type Shape, text, wholeNumber } from "./shapes.ts";

interface DestinationFields {
  readonly path_regex: string;
  readonly s3_bucket: string;
  readonly s3_prefix: string;
  readonly gcs_bucket: string;
  readonly gcs_prefix: string;
  readonly vault_path: string;
  readonly vault_address: string;
  readonly vault_kv_mount_name: string;
  readonly vault_kv_version: number;
  readonly omit_extensions: boolean;
  readonly recreation_rule: CreationRule;
}

const destinationFields = mapping<DestinationFields>(
  {
    path_regex: regex,
    s3_bucket: text,
    s3_prefix: text,
    gcs_bucket: text,
    gcs_prefix: text,
    vault_path: text,
    vault_address: text,
    vault_kv_mount_name: text,
    vault_kv_version: wholeNumber({ from: 1, to: 2 }),
    omit_extensions: flag,
    recreation_rule: creationRule,
  },
  {
    name: "a destination rule",
    // Misspelt so in SOPS' own tests, where nobody noticed.
    hints: new Map([["reencryption_rule", 'did you mean "recreation_rule"?']]),
  },
);

/** One item of `destination_rules`, for `publish`: checked, and not used yet (sops.md D35). */
export const destinationRule: Shape<true> = (node, reading, label) => {
  const rule = destinationFields(node, reading, label);
  if (rule === undefined) return undefined;
  const [first, ...others] = (["s3_bucket", "gcs_bucket", "vault_path"] as const).filter(
    (name) => rule.values[name],
  );
  for (const other of others) {
    reading.report(
      rule.nodeOf(other) ?? rule.node,
      `${other} beside ${first}: a rule has one destination only`,
    );
  }
  return true;
};
