import type { CheckedFinding, CheckResult } from "../ops/check.ts";
import { checkRules, pageOf } from "../ops/check-rules.ts";
import { version } from "../version.ts";

const schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/**
 * The findings as SARIF 2.1.0, for code scanning. There is no snippet of any file in it, and the fingerprints are of the
 * names of rule, file and key.
 */
export function sarifOf({ findings }: CheckResult): string {
  const ids = [...new Set([...Object.keys(checkRules), ...findings.map(({ rule }) => rule)])].toSorted();
  const run = {
    tool: {
      driver: {
        name: "kseal",
        version,
        rules: ids.map(ruleOf),
      },
    },
    columnKind: "utf16CodeUnits",
    results: findings.map((found) => resultOf(found, ids)),
  };
  return `${JSON.stringify({ $schema: schema, version: "2.1.0", runs: [run] }, null, 2)}\n`;
}

function ruleOf(id: string): unknown {
  const known = Object.entries(checkRules).find(([name]) => name === id)?.[1];
  const text = known?.summary ?? "a SealedSecret does not work as it stands, or leaks something";
  return {
    id,
    shortDescription: { text },
    help: { text: `see docs/check/${pageOf(id)}.md` },
    ...(known && { defaultConfiguration: { level: known.severity } }),
    // GitHub sorts by it: high from 7.0, medium from 4.0.
    properties: { tags: ["security"], "security-severity": known?.severity === "error" ? "8.0" : "5.0" },
  };
}

function resultOf(
  { rule, severity, file, line, message, hint, key }: CheckedFinding,
  ids: readonly string[],
): unknown {
  return {
    ruleId: rule,
    ruleIndex: ids.indexOf(rule),
    level: severity,
    message: { text: hint === undefined ? message : `${message}\n${hint}` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: uriOf(file), uriBaseId: "%SRCROOT%" },
          region: { startLine: line },
        },
      },
    ],
    partialFingerprints: { "ksealFinding/v1": key },
  };
}

/** A path as a relative reference of RFC 3986. */
function uriOf(file: string): string {
  return file.replaceAll("\\", "/").split("/").map(encodeURIComponent).join("/");
}
