import type { CreationRule } from "../config/rules.ts";
import { decodeBase64 } from "../core/base64.ts";
import { describeKey, noNames } from "../core/key-names.ts";
import { pendingMac } from "../core/mac.ts";
import { keyId, type MasterKey, matchesListed, sameHolder, type WrappedKey } from "../core/master-key.ts";
import { type Metadata, spelledThreshold } from "../core/metadata.ts";
import { defaultSelection, type Selection } from "../core/selection.ts";
import { parseSealed } from "../core/value.ts";
import { KsealError } from "../errors.ts";
import { type CheckFinding, finding } from "./check-rules.ts";
import { type CheckedText, lineOfText, metadataOffset } from "./check-text.ts";
import type { OpContext } from "./context.ts";
import { shellWord } from "./file-path.ts";
import { secretSelection } from "./kubernetes-secret.ts";
import { unlistedRecipients } from "./listed-recipients.ts";
import { flatKeys } from "./recipients.ts";
import type { MatchedRule, RuleBook } from "./rule-book.ts";

const latin1 = new TextDecoder("latin1");

/** What is wrong with the `sops` block itself. */
export function checkBlock(text: CheckedText, metadata: Metadata): readonly CheckFinding[] {
  const { groups, shamirThreshold, macOnlyEncrypted } = metadata;
  const find = finderIn(text);
  const keys = groups.flat().filter((wrapped) => !hasItsForm(wrapped));
  const hidden = groups.flat().filter(opensWithOthers);
  return [
    ...keys.map(({ key }) =>
      find(
        "sops-metadata",
        keyId(key),
        `the data key that is wrapped for ${describeKey(key, noNames)} was cut off or changed by hand`,
        damaged(text.file),
      ),
    ),
    ...hidden.map(({ key }) =>
      find(
        "sops-recipients",
        keyId(key),
        `what is wrapped for ${describeKey(key, noNames)} opens with another key, too, which is listed nowhere`,
        `give it a new data key: kseal rotate -i ${shellWord(text.file)}; and new values, for the other key knows these`,
      ),
    ),
    ...(groups.length > 1 && shamirThreshold > groups.length
      ? [
          find(
            "sops-metadata",
            "shamir_threshold",
            `${shamirThreshold} groups are needed to open it, and it has ${groups.length}`,
            damaged(text.file),
          ),
        ]
      : []),
    ...checkMac(metadata, find, text.file),
    ...(macOnlyEncrypted
      ? [
          find(
            "sops-mac-scope",
            "mac_only_encrypted",
            "the MAC covers encrypted values only: anybody can change those in clear",
          ),
        ]
      : []),
  ];
}

/** How the file compares with the creation rule that is for it. */
export async function checkAgainstRule(
  text: CheckedText,
  metadata: Metadata,
  { matched, rules, context }: { matched: MatchedRule; rules: RuleBook; context: OpContext },
): Promise<readonly CheckFinding[]> {
  const find = finderIn(text);
  const { rule, config } = matched;
  const update = `kseal updatekeys ${shellWord(text.file)}`;
  const listed = flatKeys(rule.groups);
  const held = flatKeys(metadata.groups.map((group) => group.map(({ key }) => key)));
  const name = (key: (typeof listed)[number]): string => describeKey(key, config.names);
  // A rule without keys leaves them to flags and variables.
  const unlisted =
    listed.length === 0 ? [] : await unlistedRecipients({ name: text.name, metadata }, rules, context);
  const missing = listed.filter(
    (one) => !held.some((key) => matchesListed(key, one) || sameHolder(key, one)),
  );
  return [
    ...unlisted.map((key) =>
      find(
        "sops-recipients",
        keyId(key),
        `${name(key)} can read it, and its creation rule does not list them`,
        `take the recipients of the rule: ${update}\nand, if they should never have read it, new values: kseal rotate`,
      ),
    ),
    ...missing.map((key) =>
      find(
        "sops-missing-recipient",
        "",
        `${name(key)} cannot read it, and its creation rule lists them`,
        `add them: ${update}`,
      ),
    ),
    ...checkGroups(text, metadata, rule),
    ...checkSelection(text, metadata, rule.selection),
  ];
}

/** Whether as many people have to come together as the rule says. Nothing protects that in the file (sops.md 12). */
function checkGroups(
  text: CheckedText,
  { groups, shamirThreshold }: Metadata,
  rule: CreationRule,
): readonly CheckFinding[] {
  if (flatKeys(rule.groups).length === 0) return [];
  const needed = (all: readonly unknown[], threshold: number): number =>
    all.length > 1 ? spelledThreshold(all, threshold) : 1;
  const [held, wanted] = [needed(groups, shamirThreshold), needed(rule.groups, rule.shamirThreshold)];
  const isListed = ({ key }: WrappedKey, group: readonly MasterKey[]): boolean =>
    group.some((one) => matchesListed(key, one) || sameHolder(key, one));
  // Whoever is nowhere in the rule was told of already.
  const known = groups.map((group) => group.filter((wrapped) => isListed(wrapped, flatKeys(rule.groups))));
  const isMixed = known.some((group) => !rule.groups.some((one) => group.every((key) => isListed(key, one))));
  if (held >= wanted && !isMixed) return [];
  const message = isMixed
    ? "its key groups are not those of its creation rule: some of them have keys of several"
    : `${held} of its key groups open it, and its creation rule asks for ${wanted}`;
  const hint = `take the groups of the rule: kseal updatekeys ${shellWord(text.file)}`;
  return [finderIn(text)("sops-groups", "shamir_threshold", message, hint)];
}

function checkSelection(
  text: CheckedText,
  metadata: Metadata,
  ruled: Selection | undefined,
): readonly CheckFinding[] {
  // All of a binary file is one value.
  if (text.format === "binary") return [];
  const { rule, pattern } = metadata.selection ?? defaultSelection;
  // A rule that does not say leaves it to SOPS' default, and for Kubernetes Secrets to kseal's.
  const accepted = ruled === undefined ? [defaultSelection, secretSelection] : [ruled];
  if (accepted.some((one) => rule === one.rule && pattern === one.pattern)) return [];
  const wanted = ruled ?? defaultSelection;
  const message = `it is encrypted by ${rule} ${pattern}, and its creation rule says ${wanted.rule} ${wanted.pattern}`;
  const name = shellWord(text.file);
  const hint = `encrypt it anew by the rule: kseal decrypt -i ${name} && kseal encrypt -i ${name}`;
  return [finderIn(text)("sops-selection", rule, message, hint)];
}

type Find = (
  rule: Parameters<typeof finding>[0],
  near: string,
  message: string,
  hint?: string,
) => CheckFinding;

/** Findings in the metadata, at the line of a text in it. */
function finderIn({ file, text }: CheckedText): Find {
  const start = metadataOffset(text);
  return (rule, near, message, hint) =>
    finding(rule, { file, line: lineOfText(text, near, start), path: "sops" }, message, hint);
}

function checkMac({ mac }: Metadata, find: Find, file: string): readonly CheckFinding[] {
  if (mac === "") {
    return [
      find("sops-mac", "", "it has no MAC, so nobody can tell whether values were changed", damaged(file)),
    ];
  }
  if (mac === pendingMac) {
    return [
      find("sops-pending", pendingMac, "a merge of it is not finished", `kseal resolve ${shellWord(file)}`),
    ];
  }
  if (isSealedText(mac)) return [];
  return [find("sops-mac", "mac", "the MAC was cut off or changed by hand", damaged(file))];
}

function isSealedText(text: string): boolean {
  try {
    return parseSealed(text).type === "str";
  } catch (error) {
    if (error instanceof KsealError) return false;
    throw error;
  }
}

/** Whether a wrapped data key has the form that its type of key gives it. */
function hasItsForm({ key, enc }: WrappedKey): boolean {
  const text = enc.trim();
  switch (key.type) {
    case "age":
      return armored(text, "AGE ENCRYPTED FILE");
    case "pgp":
      return armored(text, "PGP MESSAGE");
    case "kms":
    case "gcp_kms":
      return text !== "" && decodeBase64(text) !== undefined;
    case "hc_vault":
      return /^vault:v\d+:[A-Za-z0-9+/]+={0,2}$/.test(text);
    case "azure_kv":
      return /^[\w-]+$/.test(text);
    case "hckms":
    case "unknown":
      return true;
  }
}

/**
 * Whether a data key that is wrapped for one age recipient has another stanza beside theirs. An age file can be for
 * many, and nothing in the metadata says so. Plugins may write several for one recipient, and other implementations one
 * that is for nobody (`-grease`). What has not its form was told of already.
 */
function opensWithOthers({ key, enc }: WrappedKey): boolean {
  if (key.type !== "age" || !/^(?:age1(?:pq1)?[^1]+|ssh-.*)$/.test(key.recipient)) return false;
  const file = decodeBase64(enc.replaceAll(/-----[A-Z ]+-----|\s/g, "")) ?? new Uint8Array();
  const [header = ""] = latin1.decode(file).split("\n---", 1);
  const stanzas = header.match(/^-> \S+/gm) ?? [];
  return stanzas.filter((stanza) => !stanza.endsWith("-grease")).length > 1;
}

function armored(text: string, kind: string): boolean {
  return text.startsWith(`-----BEGIN ${kind}-----\n`) && text.endsWith(`\n-----END ${kind}-----`);
}

function damaged(file: string): string {
  return `see what changed it: git log -p ${shellWord(file)}`;
}
