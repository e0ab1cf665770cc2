import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { matchRule } from "../../src/config/match.ts";
import { parseConfig } from "../../src/config/rules.ts";
import { identityText } from "../../src/core/master-key.ts";
import { KsealError } from "../../src/errors.ts";
import { ada, badConfigs, goodConfigs } from "./configs.ts";

const utf8 = new TextEncoder();
const parse = (text: string) => parseConfig(utf8.encode(text), ".sops.yaml");
const host = { platform: "linux", resolve: (...parts: string[]) => resolve("/repo", ...parts) } as const;

describe("a good configuration", () => {
  test.for(goodConfigs)("$name", ({ text, file, groups, selection }) => {
    const rule = matchRule(parse(text), `/repo/${file ?? "a.yaml"}`, host);

    expect(rule?.groups.map((group) => group.map(identityText))).toEqual(groups);
    if (selection === undefined) return;
    const expected =
      selection === "unencrypted_suffix: _unencrypted" ? undefined : selection.replaceAll('"', "");
    expect(rule?.selection && `${rule.selection.rule}: ${rule.selection.pattern}`).toBe(expected);
  });

  test("tells the line of each rule, the threshold, and whether the MAC covers encrypted values only", () => {
    const config = parse(
      `creation_rules:\n  - age: ${ada}\n\n  - age: ${ada}\n    mac_only_encrypted: true\n    shamir_threshold: 2\n`,
    );

    expect(config.rules).toMatchObject([
      { line: 2, macOnlyEncrypted: false, shamirThreshold: 0, pathRegex: undefined },
      { line: 4, macOnlyEncrypted: true, shamirThreshold: 2 },
    ]);
  });

  test.for(["true", "True", "TRUE", "yes", "on", "y", "'yes'"])("takes %s for true, as SOPS does", (word) => {
    expect(parse(`creation_rules: [{mac_only_encrypted: ${word}}]`).rules?.[0]?.macOnlyEncrypted).toBe(true);
  });

  test.for(["false", "no", "off", "N", "~", ""])("takes %s for false, as SOPS does", (word) => {
    expect(parse(`creation_rules: [{mac_only_encrypted: ${word}}]`).rules?.[0]?.macOnlyEncrypted).toBe(false);
  });

  test("tells an empty list of rules from none", () => {
    expect(parse("creation_rules: []").rules).toEqual([]);
    expect(parse("creation_rules:").rules).toBeUndefined();
    expect(parse("").rules).toBeUndefined();
  });

  test("hands on the layout of new files", () => {
    const { stores } = parse("stores: {yaml: {indent: 2}, json: {indent: -1}, json_binary: {indent: 0}}");

    expect(stores).toEqual({ yamlIndent: 2, jsonIndent: -1, jsonBinaryIndent: 0 });
    expect(parse("stores: {yaml: {indent: }}").stores).toEqual({});
  });

  test("keeps an encryption context whatever its keys are called", () => {
    const arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd";
    const text = `creation_rules: [{key_groups: [{kms: [{arn: '${arn}', context: {__proto__: x, b: y}}]}]}]`;
    const [key] = parse(text).rules?.[0]?.groups[0] ?? [];

    expect(key?.type === "kms" && Object.entries(key.context ?? {})).toEqual([
      ["__proto__", "x"],
      ["b", "y"],
    ]);
  });
});

describe("a bad configuration is refused with every problem at once", () => {
  test.for(badConfigs)("$name", ({ text, problems }) => {
    const error = refusal(text);

    expect(error).toMatchObject({ code: "CONFIG_INVALID", exitCode: 5 });
    expect(linesOf(error)).toEqual(problems.map((problem) => `.sops.yaml:${problem}`));
    const [line, column] = problems[0]!.split(":").map(Number);
    expect(error.where).toEqual({ file: ".sops.yaml", line, column });
  });

  test("the same with CRLF line ends and a byte order mark", () => {
    for (const { text, problems } of badConfigs) {
      const error = refusal(`\u{FEFF}${text.replaceAll("\n", "\r\n")}`);
      expect(linesOf(error)).toEqual(problems.map((problem) => `.sops.yaml:${problem}`));
    }
  });

  test("D6: the hint says that sops would have ignored an unknown field", () => {
    expect(refusal("creation_rule: []").hint).toMatch(/^sops ignores unknown fields/);
    expect(refusal("creation_rules: 5").hint).toBeUndefined();
  });

  test("an identity where a recipient belongs is never repeated", () => {
    const identity = "AGE-SECRET-KEY-1QQPQYQGP5QGPTNS8Z5QZHVRXYZEXAMPLEEXAMPLEEXAMPLEEXAMPLEEX";

    expect(linesOf(refusal(`creation_rules:\n  - age: ${ada},${identity}\n`))).toEqual([
      ".sops.yaml:2:10: age: this is an identity, which opens files: take it out, replace it, and write its recipient (age1...) here",
    ]);
  });

  test("more problems than anybody reads are counted", () => {
    const text = `creation_rules:\n${"  - agee: x\n".repeat(50)}`;
    const lines = linesOf(refusal(text));

    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe("and 30 more");
  });
});

/** What the user sees: the place of an error is printed in front of its message. */
function linesOf({ where, message }: KsealError): readonly string[] {
  return `${where?.file}:${where?.line}:${where?.column}: ${message}`.split("\n");
}

function refusal(text: string): KsealError {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof KsealError) return error;
    throw error;
  }
  throw new Error("the configuration was accepted");
}
