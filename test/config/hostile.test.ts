import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/rules.ts";
import { KsealError } from "../../src/errors.ts";
import { badConfigs, goodConfigs } from "./configs.ts";

const utf8 = new TextEncoder();

/** The message of the refusal; an empty text when the configuration is accepted. Anything but a refusal is thrown. */
function outcome(bytes: Uint8Array | string): string {
  try {
    parseConfig(typeof bytes === "string" ? utf8.encode(bytes) : bytes, "c");
    return "";
  } catch (error) {
    if (error instanceof KsealError && error.code === "CONFIG_INVALID")
      return `${error.where?.file}:${error.where?.line}:${error.where?.column}: ${error.message}`;
    throw error;
  }
}

describe("a hostile configuration is refused in a moment", () => {
  const rules = (group: string) => `creation_rules:\n  - key_groups:\n      - ${group}\n`;
  test.for([
    {
      name: "a bomb of aliases",
      text: `${Array.from({ length: 9 }, (_, i) => `x-${i}: &g${i} {merge: [${Array(9).fill(i === 0 ? "{}" : `*g${i - 1}`)}]}\n`).join("")}${rules("*g8")}`,
      message: /more than 100000 nodes/,
    },
    {
      name: "an alias in a circle",
      text: rules("&g {merge: [*g]}"),
      message: /an alias stands for something that holds it/,
    },
    {
      name: "an alias in two circles",
      text: rules("&g {merge: [*g, *g]}"),
      message: /more than 100000 nodes|holds it/,
    },
    {
      name: "a merge key in a circle",
      text: "creation_rules:\n  - &r\n    <<: *r\n",
      message: /an alias stands for something that holds it/,
    },
    {
      name: "deep nesting that is read",
      text: rules("{merge: [".repeat(40) + "]}".repeat(40)),
      message: /nested too deeply/,
    },
    {
      name: "10,000 levels",
      text: `x-a: ${"[".repeat(10_000)}${"]".repeat(10_000)}`,
      message: /nested too deeply/,
    },
    { name: "100,000 dashes", text: "- ".repeat(100_000), message: /nested too deeply/ },
    { name: "a file of two megabytes", text: " ".repeat(2_000_000), message: /larger than 1000000 bytes/ },
    {
      name: "a mapping of 50,000 unknown fields",
      text: Array.from({ length: 50_000 }, (_, i) => `a${i}:\n`).join(""),
      message: /and 49980 more/,
    },
    {
      name: "20,000 keys in one group",
      text: `creation_rules:\n  - pgp: [${Array.from({ length: 20_000 }, (_, i) => `'${String(i).padStart(40, "0")}'`).join(",")}]\n`,
      message: /^$/,
    },
    { name: "a NUL byte", text: "creation_rules: \0", message: /creation_rules must be a list/ },
    {
      name: "invalid UTF-8",
      text: new Uint8Array([0x61, 0x0a, 0x62, 0xff]),
      message: /^c:2:2: the file is not UTF-8 text$/,
    },
    {
      name: "UTF-16",
      text: new Uint8Array([0xff, 0xfe, 0x61, 0x00]),
      message: /^c:1:1: the file is not UTF-8 text$/,
    },
    {
      name: "a tab as indentation",
      text: "creation_rules:\n\t- age: x\n",
      message: /^c:2:1: not YAML: tabs/,
    },
    {
      name: "an open quote",
      text: "creation_rules: 'a\n",
      message: /^c:2:1: not YAML: missing closing 'quote/,
    },
  ])("$name", { timeout: 30_000 }, ({ text, message }) => {
    expect(outcome(text)).toMatch(message);
  });
});

test("a configuration that was cut off anywhere, or has one byte too many, is read or refused", () => {
  for (const { text } of [...goodConfigs, ...badConfigs]) {
    const bytes = utf8.encode(text);
    for (let end = 0; end < bytes.length; end++) outcome(bytes.subarray(0, end));
    for (const extra of ["\0", "\t", "'", '"', "[", "{", "*", "&", ": ", "- ", "\u{FFFD}"]) {
      const middle = Math.floor(text.length / 2);
      outcome(text.slice(0, middle) + extra + text.slice(middle));
    }
  }
});

test("any YAML, and any bytes, are read or refused", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void outcome(bytes)));
  const field = fc.constantFrom(
    "creation_rules",
    "stores",
    "kseal",
    "key_groups",
    "age",
    "kms",
    "merge",
    "<<",
    "arn",
    "context",
    "path_regex",
    "encrypted_regex",
    "yaml",
    "indent",
    "hckms",
    "hc_vault",
    "shamir_threshold",
    "__proto__",
    "",
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom(null, true, 0, -1, 3, "", "(", "a,b"),
      fc.string(),
      tie("map"),
      tie("list"),
    ),
    map: fc.dictionary(field, tie("tree"), { maxKeys: 5 }),
    list: fc.array(tie("tree"), { maxLength: 3 }),
  }));
  fc.assert(
    fc.property(
      fc.record({ creation_rules: fc.array(tree), stores: tree }, { requiredKeys: [] }),
      (value) => {
        outcome(JSON.stringify(value));
      },
    ),
    { numRuns: 1000 },
  );
});
