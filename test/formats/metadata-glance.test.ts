import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Metadata } from "../../src/core/metadata.ts";
import { KsealError } from "../../src/errors.ts";
import { MetadataGlance } from "../../src/formats/metadata-glance.ts";
import { yamlStore } from "../../src/formats/yaml.ts";
import { vectorsFolder } from "../support/identities.ts";

const stores = new Map([["yaml", yamlStore] as const]);

/** What a glance promises to get right: keys and settings; not wrapped keys, MAC and dates. */
function shapeOf(read: () => Metadata | undefined): unknown {
  try {
    const metadata = read();
    if (metadata === undefined) return undefined;
    const { groups, shamirThreshold, selection, macOnlyEncrypted, version } = metadata;
    return {
      keys: groups.map((group) => group.map(({ key }) => key)),
      ...{ shamirThreshold, selection, macOnlyEncrypted, version },
    };
  } catch (error) {
    if (error instanceof KsealError) return error.message;
    throw error;
  }
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const example = readFileSync(join(vectorsFolder, "sops-3.13.3", "unencrypted-regex.enc.yaml"), "utf8");
const start = example.indexOf("sops:");
const [content, block] = [example.slice(0, start), example.slice(start)];
const forged = block.replace(/age1\w+/g, "age1forged");

describe("a glance at the metadata of a YAML file", () => {
  test("sees what the store sees, in every golden file", () => {
    const glance = new MetadataGlance(stores);
    const files = globSync("**/*.{yaml,yml}", { cwd: vectorsFolder });
    expect(files.length).toBeGreaterThan(300);
    for (const file of files) {
      const bytes = readFileSync(join(vectorsFolder, file));
      const seen = shapeOf(() => glance.read(bytes, "yaml"));
      expect([file, seen]).toEqual([file, shapeOf(() => yamlStore.parse(bytes).metadata)]);
    }
  });

  test.for<[name: string, text: string]>([
    [
      "a block that is text in a quoted scalar, and the real one with a quoted key",
      `a: "x\n${forged}"\n"sops":${block.slice(5)}`,
    ],
    [
      "the real block with an escape in its key",
      `${forged.replace("sops:", "soap:")}"so\\x70s":${block.slice(5)}`,
    ],
    ["a tagged key", `!!str sops:${block.slice(5)}`],
    ["an anchored key", `&a sops:${block.slice(5)}`],
    ["a key behind a question mark", `? sops\n: ${forged.slice(5).trim()}\n`],
    ["a block inside of a block scalar", `a: |\n${forged.replaceAll(/^/gm, "  ")}\n${block}`],
    ["a comment at the left margin inside of the block", block.replace(/\n {4}mac:/, "\n# here\n    mac:")],
    ["two blocks", `${content}${forged}${block}`],
    ["a block in the second document only", `${content}---\n${block}`],
    ["a block in the first of two documents", `${content}${block}---\na: b\n`],
    ["several documents with a block each", `${content}${block}---\n${content}${forged}`],
    ["an indented root", `${example.replaceAll(/^(?=.)/gm, "  ")}`],
    [
      "an indented root, and a block at the margin in a quoted scalar",
      `  a: "\n${forged}"\n${block.replaceAll(/^(?=.)/gm, "  ")}`,
    ],
    ["a flow mapping", '{"a": "b", "sops": {"age": [], "lastmodified": "x", "version": "3.1.1"}}'],
    ["a list at the margin", block.replace(/\n {4}age:\n( {4,}.*\n)+/, "\n- age\n")],
    ["Windows line ends", example.replaceAll("\n", "\r\n")],
    ["a document start", `---\n${example}`],
    ["a directive", `%YAML 1.2\n---\n${example}`],
    ["a byte order mark", `\u{feff}${example}`],
    [
      "an alias into the block from outside",
      `x: &r age1other\n${block.replace(/recipient: age1\w+/, "recipient: *r")}`,
    ],
    ["no block", content],
    ["half of a block", example.slice(0, start + 60)],
    [
      "a wrapped key in a field that continues",
      block.replace(/(recipient: age1\w+)/, "$1\n                -----BEGIN AGE ENCRYPTED FILE-----"),
    ],
  ])("%s: goes by the store", ([, text]) => {
    const glance = new MetadataGlance(stores);
    // What it has seen before must not show.
    shapeOf(() => glance.read(encode(example), "yaml"));
    shapeOf(() => glance.read(encode(`${content}${forged}`), "yaml"));
    const bytes = encode(text);
    expect(shapeOf(() => glance.read(bytes, "yaml"))).toEqual(shapeOf(() => yamlStore.parse(bytes).metadata));
  });

  test("other recipients in the same shape are other recipients", () => {
    const glance = new MetadataGlance(stores);
    const keys = (text: string) =>
      glance
        .read(encode(text), "yaml")
        ?.groups.flat()
        .map(({ key }) => key);
    const first = keys(example);
    expect(keys(`${content}${forged}`)).toEqual([{ type: "age", recipient: "age1forged" }]);
    expect(keys(example)).toEqual(first);
  });

  test("contexts of AWS keys that look like fields are told apart", () => {
    const glance = new MetadataGlance(stores);
    const kms = (value: string) =>
      `a: b\nsops:\n    kms:\n        - arn: arn:aws:kms:eu-west-1:1:key/a\n          context:\n            enc: ${value}\n          created_at: "2026-01-01T00:00:00Z"\n          enc: AQ==\n    lastmodified: "2026-01-01T00:00:00Z"\n    version: 3.10.2\n`;
    const context = (value: string) =>
      glance
        .read(encode(kms(value)), "yaml")
        ?.groups[0]?.map(({ key }) => (key.type === "kms" ? key.context : undefined));
    expect([context("one"), context("two")]).toEqual([[{ enc: "one" }], [{ enc: "two" }]]);
  });
});
