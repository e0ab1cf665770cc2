import type { MasterKey } from "../core/master-key.ts";
import { compileSelection, defaultSelection, type Selection } from "../core/selection.ts";
import { printTreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import { leavesOf } from "./check-leaves.ts";
import type { CheckedText } from "./check-text.ts";
import { chooseRecipients, chooseSelection, type SelectionOrigin } from "./choose-rule.ts";
import type { OpContext } from "./context.ts";
import type { MatchedRule, RuleBook } from "./rule-book.ts";

/** What `kseal encrypt` would do with a file in clear. */
export interface EncryptionPlan {
  /** Why it would refuse, and what to do. */
  readonly refusal: { readonly message: string; readonly hint: string | undefined } | undefined;
  readonly groups: readonly (readonly MasterKey[])[];
  readonly needed: number;
  /** `undefined` for a file that is encrypted as a whole. */
  readonly selection: Selection | undefined;
  readonly selectionFrom: SelectionOrigin;
  readonly macOnlyEncrypted: boolean;
  /** The values that would be encrypted, and those that would stay in clear, as tree paths. */
  readonly encrypted: readonly string[];
  readonly clear: readonly string[];
}

/**
 * Plans the encryption of a file without asking for a key: the choices are those of `kseal encrypt`.
 *
 * @param about.isNew - Nothing is in it yet.
 */
export async function planEncryption(
  text: CheckedText,
  about: { readonly matched: MatchedRule | undefined; readonly rules: RuleBook; readonly isNew: boolean },
  context: OpContext,
): Promise<EncryptionPlan> {
  const { matched, rules, isNew } = about;
  const checksSecrets = text.format === "yaml" || text.format === "json";
  const chosen = attempt(() =>
    chooseSelection(
      text.parsed.document,
      text.format,
      { selection: undefined, checksSecrets },
      matched?.rule,
    ),
  );
  const recipients = await attemptLater(() => chooseRecipients(text, {}, matched, rules, context));
  const { groups, shamirThreshold } = recipients.value ?? { groups: [], shamirThreshold: 0 };
  const selection = chosen.value?.selection;
  const leaves = await placesOf(text, selection);
  const nothing =
    leaves.encrypted.length === 0 && chosen.value !== undefined && !isNew
      ? { message: "the rule selects no value of it, so all of it would stay in clear", hint: undefined }
      : undefined;
  return {
    refusal: chosen.refusal ?? recipients.refusal ?? nothing,
    groups,
    needed: groups.length > 1 ? Math.max(2, shamirThreshold) : 1,
    selection,
    selectionFrom: chosen.value?.origin ?? "default",
    macOnlyEncrypted: matched?.rule.macOnlyEncrypted ?? false,
    ...leaves,
  };
}

async function placesOf(
  text: CheckedText,
  selection: Selection | undefined,
): Promise<Pick<EncryptionPlan, "encrypted" | "clear">> {
  if (text.format === "binary") return { encrypted: text.bytes.length === 0 ? [] : ["all of it"], clear: [] };
  const selector = await compileSelection(selection ?? defaultSelection);
  const filled = leavesOf(text.parsed.document, selector).filter(
    ({ leaf }) => leaf.kind !== "comment" && !(leaf.kind === "str" && leaf.value === ""),
  );
  const paths = (selected: boolean): readonly string[] =>
    filled.filter((placed) => placed.selected === selected).map(({ path }) => printTreePath(path));
  return { encrypted: paths(true), clear: paths(false) };
}

interface Attempted<T> {
  readonly value: T | undefined;
  readonly refusal: EncryptionPlan["refusal"];
}

function attempt<T>(work: () => T): Attempted<T> {
  try {
    return { value: work(), refusal: undefined };
  } catch (error) {
    return refused(error);
  }
}

async function attemptLater<T>(work: () => Promise<T>): Promise<Attempted<T>> {
  try {
    return { value: await work(), refusal: undefined };
  } catch (error) {
    return refused(error);
  }
}

function refused(error: unknown): Attempted<never> {
  if (!(error instanceof KsealError) || error.code === "INTERRUPTED") throw error;
  return { value: undefined, refusal: { message: error.message, hint: error.hint } };
}
