import { type CheckFinding, checkRules, finding } from "./check-rules.ts";

const comment = /(?:#|\/\/|;|<!--|--|\/\*)[ \t]*kseal:ignore\b[ \t]*([^\n]*)/;
const wellMade = /^([\w-]+(?:[ \t]*,[ \t]*[\w-]+)*)[ \t]+--[ \t]+\S/;

/**
 * Takes away what a comment says is meant: `# kseal:ignore RULE[, RULE] -- reason`, on the line of the finding or the
 * one above it. A comment without a reason ignores nothing, and is a finding itself.
 */
export function withoutIgnored(
  file: string,
  text: string,
  findings: readonly CheckFinding[],
): readonly CheckFinding[] {
  if (!text.includes("kseal:ignore")) return findings;
  const byLine = new Map<number, readonly string[]>();
  const wrong: CheckFinding[] = [];
  for (const [index, content] of text.split("\n").entries()) {
    const said = comment.exec(content)?.[1];
    if (said === undefined) continue;
    const rules = (wellMade.exec(said)?.[1] ?? "").split(/[ \t]*,[ \t]*/);
    if (rules.every(isRule)) byLine.set(index + 1, rules);
    // Where it is explained nothing is to be ignored.
    else if (!/\.(?:md|rst|adoc|txt)$/i.test(file) && !/^(?:RULE|\$)/.test(said))
      wrong.push(malformed(file, index + 1));
  }
  const isIgnored = ({ rule, line }: CheckFinding): boolean =>
    [line, line - 1].some((at) => byLine.get(at)?.includes(rule));
  return [...findings.filter((found) => !isIgnored(found)), ...wrong];
}

function isRule(name: string): boolean {
  return Object.hasOwn(checkRules, name) || /^sealed-[a-z]/.test(name);
}

function malformed(file: string, line: number): CheckFinding {
  return finding(
    "ignore-comment",
    { file, line },
    "the comment ignores nothing: it names no rule that there is, or no reason",
    "write it as: # kseal:ignore RULE -- reason",
  );
}
