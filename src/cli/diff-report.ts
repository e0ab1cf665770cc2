import type { TreeNode } from "../core/tree.ts";
import type { FileDiff, ValueChange } from "../ops/diff-file.ts";
import { printable } from "./printable.ts";

interface ReportOptions {
  /** Whether values are printed: only when the user asked for them. */
  readonly reveal: boolean;
}

const signs = { added: "+", removed: "-", changed: "~" } as const;

/** What changed, for people: a block each file, what must not be missed first. */
export function describeDiff(diffs: readonly FileDiff[], options: ReportOptions): string {
  return diffs.map((diff) => describeFile(diff, options).join("\n")).join("\n\n");
}

function describeFile(diff: FileDiff, options: ReportOptions): readonly string[] {
  return [
    headOf(diff),
    ...diff.warnings.map((warning) => `  ! ${warning}`),
    ...diff.changes.map((change) => `  ${signs[change.kind]} ${describeChange(change, options)}`),
    ...diff.notes.map((note) => `  ${note}`),
    ...(isQuiet(diff) ? [`  ${quietly(diff)}`] : []),
  ].map(printable);
}

/** The same for a comment on a pull request. */
export function diffInMarkdown(diffs: readonly FileDiff[], options: ReportOptions): string {
  if (diffs.length === 0) return "No encrypted file changed.";
  return diffs
    .map((diff) =>
      [
        `### ${code(headOf(diff))}`,
        ...diff.warnings.map((warning) => `> [!WARNING]\n> ${escaped(warning)}\n`),
        ...(diff.changes.length === 0 ? [] : ["| value | change |", "|---|---|"]),
        ...diff.changes.map(
          (change) =>
            `| ${code(change.path)} | ${escaped(describeChange({ ...change, path: "" }, options).trim())} |`,
        ),
        ...diff.notes.map((note) => `\n${escaped(note)}`),
        ...(isQuiet(diff) ? [quietly(diff)] : []),
      ].join("\n"),
    )
    .join("\n\n");
}

/** The same for programs. Values are left out unless they are to be revealed. */
export function diffAsJson(diffs: readonly FileDiff[], { reveal }: ReportOptions): unknown {
  return diffs.map(({ changes, ...diff }) => ({
    ...diff,
    changes: changes.map(({ before, after, ...change }) => ({
      ...change,
      ...(reveal || !change.encrypted ? { before: textOf(before), after: textOf(after) } : {}),
    })),
  }));
}

function headOf({ file, state, kind, opened }: FileDiff): string {
  const what = state === "changed" ? "" : ` (${state})`;
  return `${file}${what}${kind === "sops" && !opened ? ", compared without a key" : ""}`;
}

function isQuiet({ changes, warnings, notes }: FileDiff): boolean {
  return changes.length + warnings.length + notes.length === 0;
}

function quietly({ kind }: FileDiff): string {
  return kind === "config" ? "nothing about recipients or rules changed" : "no value changed";
}

function describeChange(
  { path, kind, encrypted, before, after }: ValueChange,
  { reveal }: ReportOptions,
): string {
  const [old, now] = [textOf(before), textOf(after)];
  if (encrypted && !reveal) return `${path} ${kind}, encrypted`;
  const values = [old, now].filter((text) => text !== undefined);
  return values.length === 0 ? `${path} ${kind}, encrypted` : `${path} ${kind}: ${values.join(" -> ")}`;
}

function textOf(node: TreeNode | undefined): string | undefined {
  return node === undefined ? undefined : textOfNode(node);
}

function textOfNode(node: TreeNode): string {
  switch (node.kind) {
    case "map":
      return "{}";
    case "seq":
      return "[]";
    case "null":
      return "null";
    case "bytes":
      return "bytes";
    case "str":
      // What a terminal would take for commands is shown as what it is.
      return printable(JSON.stringify(node.value));
    default:
      return String(node.value);
  }
}

function code(text: string): string {
  return `\`${printable(text).replaceAll("`", "'").replaceAll("|", "\\|")}\``;
}

function escaped(text: string): string {
  return printable(text).replaceAll(/[\\|<>*_`[\]]/g, (sign) => `\\${sign}`);
}
