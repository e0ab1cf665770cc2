import { matchRule } from "../config/match.ts";
import { compileSelection, defaultSelection } from "../core/selection.ts";
import { leavesOf } from "./check-leaves.ts";
import { type CheckFinding, finding } from "./check-rules.ts";
import type { CheckedText } from "./check-text.ts";
import type { OpContext } from "./context.ts";
import { baseName, shellWord } from "./file-path.ts";
import type { MatchedRule } from "./rule-book.ts";
import { isObject, textAt } from "./verify-fields.ts";

/**
 * A file in clear that a creation rule is for. Only a rule that singles files out says that they belong encrypted: one
 * for every YAML file says how to encrypt those that are. Kubernetes objects are judged by their kind instead.
 */
export async function checkCovered(
  text: CheckedText,
  matched: MatchedRule,
): Promise<readonly CheckFinding[]> {
  const { manifest, parsed, file, format } = text;
  if (manifest?.documents.some(({ object }) => isObject(object) && textAt(object, ["kind"]) !== ""))
    return [];
  if (format === "binary" && text.text.trim() === "") return [];
  const selector = await compileSelection(matched.rule.selection ?? defaultSelection);
  const isMeant = leavesOf(parsed.document, selector).some(
    ({ leaf, selected }) =>
      selected && leaf.kind !== "comment" && !(leaf.kind === "str" && leaf.value === ""),
  );
  return isMeant ? [coveredInClear(file, matched)] : [];
}

/** The finding about a file in clear that a rule singles out. */
export function coveredInClear(file: string, matched: MatchedRule): CheckFinding {
  const message = `it is in clear, and the rule at line ${matched.rule.line} of its .sops.yaml is for it`;
  const hint = `encrypt it: kseal encrypt -i ${shellWord(file)}; and change the values, for Git keeps what was committed`;
  return finding("clear-covered", { file, line: 1 }, message, hint);
}

/** Whether a rule singles a file out, given by its absolute path, rather than being for all of its kind. */
export function singlesOut(
  { rule, config }: MatchedRule,
  path: string,
  { host }: Pick<OpContext, "host">,
): boolean {
  const name = baseName(path, host.platform);
  // Documentation, lists for Git, public halves and configurations of tools are never secrets.
  const isHarmless =
    /^(?:README|LICENSE|CODEOWNERS|kustomization\.|Kustomization$|\.git|\.sops|\.keep)|\.(?:md|pub|crt|txt)$/i;
  if (rule.pathRegex === undefined || isHarmless.test(name)) return false;
  if (/\.env$/.test(name)) return true;
  const ending = /\.[^.]*$/.exec(name)?.[0] ?? "";
  const elsewhere = host.resolve(config.path, "..", "no-such-folder", `no-such-file${ending}`);
  return matchRule(config, elsewhere, host) !== rule;
}
