import { sha256Hex } from "../core/digest.ts";
import type { CheckedFinding, CheckResult } from "../ops/check.ts";
import type { CheckSeverity } from "../ops/check-rules.ts";

// What GitHub shows of a step; it drops the others without a word.
const mostOfAKind = 10;

/** Workflow commands, which GitHub shows at the lines of a pull request. */
export function githubOf({ findings }: CheckResult): string {
  const kinds: readonly (readonly [CheckSeverity, string])[] = [
    ["error", "error"],
    ["warning", "warning"],
    ["note", "notice"],
  ];
  const lines = kinds.flatMap(([severity, command]) => {
    const all = findings.filter((found) => found.severity === severity);
    return all.slice(0, mostOfAKind).map((found) => githubLine(command, found));
  });
  const left = findings.length - lines.length;
  const more = left === 0 ? [] : [`::notice::${left} more findings of kseal check are in the log`];
  return [...lines, ...more].map((line) => `${line}\n`).join("");
}

function githubLine(command: string, { file, line, rule, message }: CheckedFinding): string {
  const place = `file=${property(file)},line=${line},title=${property(`kseal ${rule}`)}`;
  return `::${command} ${place}::${data(message)}`;
}

function data(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function property(text: string): string {
  return data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}

const gitlabSeverity: Readonly<Record<CheckSeverity, string>> = {
  error: "critical",
  warning: "minor",
  note: "info",
};

/** A Code Quality report of GitLab. */
export function gitlabOf({ findings }: CheckResult): string {
  const issues = findings.map(({ rule, severity, file, line, message, key }) => ({
    description: message,
    check_name: rule,
    fingerprint: sha256Hex(new TextEncoder().encode(key)),
    severity: gitlabSeverity[severity],
    location: { path: file, lines: { begin: line } },
  }));
  return `${JSON.stringify(issues, null, 2)}\n`;
}

/** JUnit's XML: each finding a failed test of the file; a run without any is one that passed. */
export function junitOf({ findings }: CheckResult): string {
  const failed = findings.filter(({ severity }) => severity !== "note");
  const cases = failed.map(({ rule, file, line, message, hint }) => {
    const text = [`${file}:${line}`, message, hint ?? ""].join("\n");
    return `    <testcase classname="${xml(file)}" name="${xml(`${rule} at line ${line}`)}" file="${xml(file)}" line="${line}">\n      <failure type="${xml(rule)}" message="${xml(message)}">${xml(text)}</failure>\n    </testcase>\n`;
  });
  const passed = '    <testcase classname="kseal" name="check"/>\n';
  const count = Math.max(1, cases.length);
  const head = `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n  <testsuite name="kseal check" tests="${count}" failures="${cases.length}">\n`;
  return `${head}${cases.length === 0 ? passed : cases.join("")}  </testsuite>\n</testsuites>\n`;
}

function xml(text: string): string {
  return (
    text
      // XML 1.0 has no place for these, not even escaped.
      .replaceAll(/[^\t\n\r\x20-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, "\u{fffd}")
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
      .replaceAll("\n", "&#10;")
  );
}
