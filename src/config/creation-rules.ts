import { isScalar, isSeq } from "yaml";
import type { KeyGroups } from "../core/master-key.ts";
import { type Selection, selectionRules } from "../core/selection.ts";
import { keyGroups, keysOf, splitAtCommas, withoutDuplicates } from "./key-groups.ts";
import { type Mapping, mapping } from "./mapping.ts";
import {
  type ParsedKey,
  parseAge,
  parseAzureUrl,
  parseGcpKms,
  parseHuaweiKms,
  parseKmsArn,
  parsePgp,
  parseVaultUri,
} from "./master-keys.ts";
import {
  flag,
  type Located,
  list,
  located,
  mismatch,
  regex,
  type Shape,
  strictText,
  text,
  wholeNumber,
} from "./shapes.ts";
import type { Reading } from "./yaml-text.ts";

/** Which files a rule is for, and how they are encrypted. */
export interface CreationRule {
  /** Searched unanchored in the path below the configuration's folder; `undefined` matches every file. */
  readonly pathRegex: string | undefined;
  /** Empty when the rule names no key. A group of `key_groups` may be empty, too; nothing can be encrypted for it. */
  readonly groups: KeyGroups;
  /** How many groups must open; 0 means all of them. */
  readonly shamirThreshold: number;
  /** `undefined` when the rule does not say what to encrypt. */
  readonly selection: Selection | undefined;
  readonly macOnlyEncrypted: boolean;
  /** Where the rule starts in the file, counted from 1. */
  readonly line: number;
}

/** Keys as a text with commas or a list of texts. */
const keys: Shape<readonly Located<string>[]> = (node, reading, label) => {
  if (isSeq(node)) return list(located(strictText))(node, reading, label);
  if (!isScalar(node)) return mismatch(node, reading, `${label} must be text or a list of texts`);
  const whole = strictText(node, reading, label);
  return whole === undefined ? undefined : [{ value: whole, node }];
};

/** Huawei keys, which SOPS takes as a list only, whatever its documentation shows. */
const huaweiKeys: Shape<readonly Located<string>[]> = list(located(text), {
  hint: "write each key behind a dash",
});

interface RuleFields extends Record<Selection["rule"], string> {
  readonly path_regex: string;
  readonly kms: readonly Located<string>[];
  readonly aws_profile: string;
  readonly age: readonly Located<string>[];
  readonly pgp: readonly Located<string>[];
  readonly gcp_kms: readonly Located<string>[];
  readonly hckms: readonly Located<string>[];
  readonly azure_keyvault: readonly Located<string>[];
  readonly hc_vault_transit_uri: readonly Located<string>[];
  readonly key_groups: KeyGroups;
  readonly shamir_threshold: number;
  readonly mac_only_encrypted: boolean;
}

const hints: ReadonlyMap<string, string> = new Map([
  ["hc_vault", "in a rule it is hc_vault_transit_uri; hc_vault belongs to a key group"],
  ["hc_vault_uris", "in a rule it is hc_vault_transit_uri, in a key group hc_vault"],
  ["azure_kv", "in a configuration it is azure_keyvault"],
  ["merge", "it belongs to a key group"],
  ["encryption_context", "the context stands beside the arn of a kms key in key_groups"],
  ["context", "it stands beside the arn of a kms key in key_groups"],
  ["role", "write arn:aws:kms:...+arn:aws:iam:...:role/name, or key_groups"],
  ["indent", "it belongs to stores, as yaml: {indent: 2}"],
]);

const ruleFields: Shape<Mapping<RuleFields>> = mapping<RuleFields>(
  {
    path_regex: regex,
    kms: keys,
    aws_profile: text,
    age: keys,
    pgp: keys,
    gcp_kms: keys,
    hckms: huaweiKeys,
    azure_keyvault: keys,
    hc_vault_transit_uri: keys,
    key_groups: keyGroups,
    shamir_threshold: wholeNumber({ from: 0, to: 255 }),
    unencrypted_suffix: text,
    encrypted_suffix: text,
    unencrypted_regex: regex,
    encrypted_regex: regex,
    unencrypted_comment_regex: regex,
    encrypted_comment_regex: regex,
    mac_only_encrypted: flag,
  },
  { name: "a creation rule", hints },
);

/** One item of `creation_rules`; also what a destination rule re-encrypts with. */
export const creationRule: Shape<CreationRule> = (node, reading, label) => {
  const rule = ruleFields(node, reading, label);
  if (rule === undefined) return undefined;
  const { values } = rule;
  const groups = values.key_groups?.length ? values.key_groups : ruleKeys(rule, reading);
  checkThreshold(groups, rule, reading);
  return {
    pathRegex: values.path_regex,
    groups,
    shamirThreshold: values.shamir_threshold ?? 0,
    selection: selectionOf(rule, reading),
    macOnlyEncrypted: values.mac_only_encrypted ?? false,
    line: reading.placeOf(node).line,
  };
};

/** The keys that stand in the rule itself: one group, in the order of SOPS. */
function ruleKeys({ values }: Mapping<RuleFields>, reading: Reading): KeyGroups {
  const read = (
    label: keyof RuleFields,
    texts: readonly Located<string>[] | undefined,
    parse: (text: string) => ParsedKey,
  ) => keysOf(splitAtCommas(texts ?? []), { parse, reading, label });
  const group = withoutDuplicates([
    ...read("age", values.age, parseAge),
    ...read("pgp", values.pgp, parsePgp),
    ...read("kms", values.kms, (arn) => parseKmsArn(arn, values.aws_profile)),
    ...read("gcp_kms", values.gcp_kms, parseGcpKms),
    ...read("hckms", values.hckms, parseHuaweiKms),
    ...read("azure_keyvault", values.azure_keyvault, parseAzureUrl),
    ...read("hc_vault_transit_uri", values.hc_vault_transit_uri, parseVaultUri),
  ]);
  return group.length === 0 ? [] : [group];
}

// With one group SOPS wraps the whole data key and takes no notice of the threshold.
function checkThreshold(groups: KeyGroups, rule: Mapping<RuleFields>, reading: Reading): void {
  const threshold = rule.values.shamir_threshold ?? 0;
  if (groups.length > 255) reading.report(rule.nodeOf("key_groups") ?? rule.node, "more than 255 key groups");
  if (groups.length < 2 || threshold === 0) return;
  const place = rule.nodeOf("shamir_threshold") ?? rule.node;
  if (threshold === 1)
    reading.report(place, "shamir_threshold must be at least 2; without it all groups are needed");
  if (threshold > groups.length) {
    reading.report(place, `shamir_threshold is ${threshold}, but there are only ${groups.length} key groups`);
  }
}

function selectionOf(rule: Mapping<RuleFields>, reading: Reading): Selection | undefined {
  const [first, ...others] = selectionRules
    .flatMap((name) => {
      const node = rule.nodeOf(name);
      // A pattern that RE2 refuses has no value but is there all the same. An empty one is none, as in SOPS.
      const counts = isScalar(node) && node.value !== "";
      return counts ? [{ rule: name, pattern: rule.values[name] ?? "", node }] : [];
    })
    .sort((a, b) => (a.node.range?.[0] ?? 0) - (b.node.range?.[0] ?? 0));
  for (const other of others) {
    reading.report(other.node, `${other.rule} beside ${first?.rule}: a rule selects in one way only`);
  }
  return first && { rule: first.rule, pattern: first.pattern };
}
