import type { CreationRule } from "../config/rules.ts";
import type { KeyGroups } from "../core/master-key.ts";
import { spelledThreshold } from "../core/metadata.ts";
import { defaultSelection, type Selection } from "../core/selection.ts";
import type { Document } from "../core/tree.ts";
import { KsealError } from "../errors.ts";
import type { Format } from "../formats/store.ts";
import type { OpContext } from "./context.ts";
import type { EncryptOptions } from "./encrypt-text.ts";
import { shellWord } from "./file-path.ts";
import { findSecrets, secretSelection } from "./kubernetes-secret.ts";
import type { FileText } from "./load-file.ts";
import { explicitKeys, withContextOf } from "./recipients.ts";
import type { MatchedRule, RuleBook } from "./rule-book.ts";

/** Who said what is encrypted in a file. */
export type SelectionOrigin = "flag" | "rule" | "kubernetes" | "default" | "whole-file";

/**
 * To whom a file is encrypted: the keys of flags or environment as one group, else those of the matching rule. An
 * encryption context given by flag applies to all AWS KMS keys among them (sops.md D30).
 *
 * @throws KsealError `NO_MASTER_KEYS`, `CONFIG_NOT_FOUND`.
 */
export async function chooseRecipients(
  text: FileText,
  options: EncryptOptions,
  matched: MatchedRule | undefined,
  rules: RuleBook,
  context: OpContext,
): Promise<{ groups: KeyGroups; shamirThreshold: number }> {
  const explicit = await explicitKeys(options.keys, context);
  const place = { file: text.file, log: context.log };
  const shamirThreshold = options.shamirThreshold ?? matched?.rule.shamirThreshold ?? 0;
  if (explicit !== undefined) {
    return { groups: withContextOf(options.keys, [explicit], place), shamirThreshold };
  }
  if (matched !== undefined && matched.rule.groups.length > 0) {
    const groups = withContextOf(options.keys, matched.rule.groups, place);
    return { groups, shamirThreshold: spelledThreshold(groups, shamirThreshold) };
  }
  const byFlag = `kseal encrypt --age age1... -i ${shellWord(text.file)}`;
  const where = { file: text.file };
  if (matched !== undefined) {
    const { config, rule } = matched;
    throw new KsealError(
      "NO_MASTER_KEYS",
      `the creation rule ${config.path}:${rule.line} names no master key`,
      {
        where,
      },
    );
  }
  const config = await rules.configFor(context.host.resolve(text.name));
  if (config?.rules === undefined) {
    throw new KsealError("CONFIG_NOT_FOUND", "no creation rules found, so nothing says to whom to encrypt", {
      hint: `make a .sops.yaml with: kseal init\nor name a recipient: ${byFlag}`,
      where,
    });
  }
  throw new KsealError("NO_MASTER_KEYS", `no creation rule of ${config.path} matches it`, {
    hint: `add a rule with a path_regex that matches, or name a recipient: ${byFlag}`,
    where,
  });
}

/**
 * What is encrypted in a file: as flags say, else the matching rule, else the default of Kubernetes Secrets or of SOPS.
 *
 * @throws KsealError `USAGE` for two different rules, `NOTHING_SELECTED` for a file of Secrets and other objects.
 */
export function chooseSelection(
  document: Document,
  format: Format,
  options: { readonly selection?: Selection | undefined; readonly checksSecrets: boolean },
  rule: CreationRule | undefined,
): { selection: Selection | undefined; origin: SelectionOrigin } {
  if (format === "binary") return { selection: undefined, origin: "whole-file" };
  const { selection } = options;
  if (selection !== undefined) {
    if (rule?.selection !== undefined && rule.selection.rule !== selection.rule) {
      const both = `the flag says ${selection.rule}, the creation rule ${rule.selection.rule}`;
      throw new KsealError("USAGE", `only one selection rule can hold: ${both}`);
    }
    return { selection, origin: "flag" };
  }
  if (rule?.selection !== undefined) return { selection: rule.selection, origin: "rule" };
  const { secrets, others } = options.checksSecrets ? findSecrets(document) : { secrets: [], others: 0 };
  if (secrets.length === 0) return { selection: defaultSelection, origin: "default" };
  if (others === 0) return { selection: secretSelection, origin: "kubernetes" };
  throw new KsealError(
    "NOTHING_SELECTED",
    "the file holds Secrets and other objects, and no rule says what is encrypted",
    {
      hint: `add to its rule in .sops.yaml:\n  encrypted_regex: ${secretSelection.pattern}\nor use --encrypted-regex '${secretSelection.pattern}'`,
    },
  );
}
