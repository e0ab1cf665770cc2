import { compileSelection, defaultSelection } from "../core/selection.ts";
import { isSealed, parseSealed } from "../core/value.ts";
import { KsealError } from "../errors.ts";
import type { ManifestWarning } from "../formats/manifest.ts";
import type { FormatWarning } from "../formats/store.ts";
import { leavesOf, type PlacedLeaf } from "./check-leaves.ts";
import { checkAgainstRule, checkBlock } from "./check-metadata.ts";
import { type CheckFinding, finding } from "./check-rules.ts";
import { type CheckedText, pathText } from "./check-text.ts";
import type { OpContext } from "./context.ts";
import { shellWord } from "./file-path.ts";
import { openParsed } from "./load-file.ts";
import type { MatchedRule, RuleBook } from "./rule-book.ts";

/** What is known about an encrypted file besides its text. */
interface SopsChecking {
  readonly matched: MatchedRule | undefined;
  /** Whether there are creation rules of which one could be for it. */
  readonly hasRules: boolean;
  readonly rules: RuleBook;
  /** Also whether it opens. */
  readonly withKeys: boolean;
  readonly context: OpContext;
}

/** Everything that is wrong with a file of SOPS; without a key what shows from outside. */
export async function checkSops(
  text: CheckedText,
  { matched, hasRules, rules, withKeys, context }: SopsChecking,
): Promise<readonly CheckFinding[]> {
  const { metadata } = text.parsed;
  if (metadata === undefined) return [];
  const selector = await compileSelection(metadata.selection ?? defaultSelection);
  const leaves = leavesOf(text.parsed.document, selector);
  const values = [
    ...leaves.flatMap((leaf) => checkLeaf(text, leaf) ?? []),
    ...copiedValues(text, leaves),
    ...duplicateKeys(text),
  ];
  const isClear = leaves.length > 0 && !leaves.some(({ leaf }) => isSealedLeaf(leaf));
  const nothing = isClear && values.length === 0 && leaves.some(({ leaf }) => isFilled(leaf));
  const atTop = { file: text.file, line: 1 };
  return [
    ...values,
    ...(nothing
      ? [
          finding(
            "sops-nothing-encrypted",
            atTop,
            "the rule that it was encrypted by matches nothing in it: all its values are in clear",
            "give it a rule of its own in .sops.yaml, and encrypt it anew",
          ),
        ]
      : []),
    ...checkBlock(text, metadata),
    ...(matched === undefined && hasRules
      ? [
          finding(
            "sops-no-rule",
            atTop,
            "no creation rule is for it, so nothing says who should read it",
            "add a rule to .sops.yaml",
          ),
        ]
      : []),
    ...(matched === undefined ? [] : await checkAgainstRule(text, metadata, { matched, rules, context })),
    ...(withKeys ? await checkOpening(text, context) : []),
  ];
}

/** Encrypted values in a file without a `sops` block: it was lost, and with it the data key. */
export async function checkWithoutBlock(text: CheckedText): Promise<readonly CheckFinding[]> {
  const leaves = leavesOf(text.parsed.document, await compileSelection(defaultSelection));
  const first = leaves.find(({ leaf }) => isSealedLeaf(leaf));
  if (first === undefined) return [];
  const at = { file: text.file, line: text.lineOf(first.document, first.path), path: pathText(first.path) };
  const hint = `the data key stands in that block; get it back: git log -p ${shellWord(text.file)}`;
  return [finding("sops-metadata", at, "a value is encrypted, and the file has no sops block", hint)];
}

function checkLeaf(text: CheckedText, placed: PlacedLeaf): CheckFinding | undefined {
  const { leaf, selected, document, path } = placed;
  const at = () => ({ file: text.file, line: text.lineOf(document, path), path: pathText(path) });
  const sealed = textOf(leaf);
  if (sealed !== undefined && isSealed(sealed)) {
    const problem = shapeProblem(sealed);
    if (problem !== undefined) {
      return finding("sops-value", at(), problem, `get it back: git log -p ${shellWord(text.file)}`);
    }
    if (selected || leaf.kind === "comment") return undefined;
    const message =
      "it is encrypted, and the file's rule leaves it in clear: readers take the ciphertext for the value";
    return finding("sops-unselected", at(), message, "rename the key back, or set the value anew: kseal set");
  }
  // Comments of old files are in clear; an empty text never is encrypted.
  if (!selected || leaf.kind === "comment" || !isFilled(leaf)) return undefined;
  const hint = `put it in anew: kseal set ${shellWord(text.file)} PATH; and change it, for Git keeps what was committed`;
  return finding("sops-clear", at(), "it stands in clear, and the file's rule has it encrypted", hint);
}

/**
 * Values that stand at two places. Each is sealed for its keys (sops.md 2.3), and nobody draws the same IV twice, so one
 * of them is a copy that does not open. Positions in lists are no part of that.
 */
function copiedValues(text: CheckedText, leaves: readonly PlacedLeaf[]): readonly CheckFinding[] {
  const first = new Map<string, { readonly keys: string; readonly path: PlacedLeaf["path"] }>();
  return leaves.flatMap(({ leaf, selected, document, path }) => {
    if (!selected || leaf.kind !== "str" || !isSealed(leaf.value)) return [];
    const keys = path.filter((step) => typeof step === "string").join(":");
    const known = first.get(leaf.value);
    if (known === undefined) first.set(leaf.value, { keys, path });
    if (known === undefined || known.keys === keys) return [];
    const at = { file: text.file, line: text.lineOf(document, path), path: pathText(path) };
    const message = `the same encrypted value stands at ${pathText(known.path)}: one of the two is a copy, and does not open`;
    return [
      finding("sops-value", at, message, `see where it comes from: git log -p ${shellWord(text.file)}`),
    ];
  });
}

/** Of two equal keys readers take different ones; an empty value and a null change nothing about the MAC. */
function duplicateKeys({ file, parsed, manifest }: CheckedText): readonly CheckFinding[] {
  const warnings: readonly (ManifestWarning | FormatWarning)[] = manifest?.warnings ?? parsed.warnings;
  return warnings
    .filter(({ kind }) => kind === "duplicate-key")
    .map(({ message, line }) =>
      finding("sops-duplicate-key", { file, line }, message, "remove one of the two"),
    );
}

function isSealedLeaf(leaf: PlacedLeaf["leaf"]): boolean {
  const text = textOf(leaf);
  return text !== undefined && isSealed(text);
}

/** The text of a leaf that could be encrypted. */
function textOf(leaf: PlacedLeaf["leaf"]): string | undefined {
  if (leaf.kind === "comment") return leaf.text.trim();
  return leaf.kind === "str" ? leaf.value : undefined;
}

function isFilled(leaf: PlacedLeaf["leaf"]): boolean {
  return leaf.kind !== "comment" && leaf.kind !== "null" && !(leaf.kind === "str" && leaf.value === "");
}

function shapeProblem(text: string): string | undefined {
  try {
    parseSealed(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    return error.message;
  }
}

async function checkOpening(text: CheckedText, context: OpContext): Promise<readonly CheckFinding[]> {
  try {
    await openParsed(text, text.parsed, {}, context);
    return [];
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    const { code, message, hint, where } = error;
    if (code === "INTERRUPTED") throw error;
    // A MAC that is missing was reported without a key.
    if (code === "MAC_MISSING") return [];
    const at = { file: text.file, line: where?.line, path: where?.path };
    const found = finding("sops-opens", at, message, hint);
    // Whoever holds no key of a file cannot tell, which is no fault of the file.
    return [code === "NO_KEY" ? { ...found, severity: "note" } : found];
  }
}
