import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { parseConfig } from "../../src/config/rules.ts";
import { KsealError } from "../../src/errors.ts";
import { badConfigs, goodConfigs } from "./configs.ts";

/** As much of JSON Schema (draft 7) as the shipped schema uses. An unknown keyword fails the test. */
interface Schema {
  readonly $schema?: string;
  readonly title?: string;
  readonly description?: string;
  readonly definitions?: Readonly<Record<string, Schema>>;
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly required?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly not?: Schema;
}

const keywords = new Set(
  "$schema title description definitions $ref type enum minimum maximum items properties patternProperties additionalProperties required anyOf not".split(
    " ",
  ),
);

const schema: Schema = JSON.parse(
  readFileSync(new URL("../../schema/sops-config.schema.json", import.meta.url), "utf8"),
);

describe("the shipped JSON schema", () => {
  test("uses no keyword that this test does not check", () => {
    expect(
      allSchemas(schema)
        .flatMap(Object.keys)
        .filter((keyword) => !keywords.has(keyword)),
    ).toEqual([]);
  });

  test.for(goodConfigs.filter(({ schemaRefuses }) => !schemaRefuses))(
    "takes what the parser takes: $name",
    ({ text }) => {
      expect(isValid(schema, toJson(text))).toBe(true);
    },
  );

  test.for(badConfigs.filter(({ schemaAllows }) => !schemaAllows))(
    "refuses what the parser refuses: $name",
    ({ text }) => {
      expect(isValid(schema, toJson(text))).toBe(false);
    },
  );

  test.for([
    ["the file", [], schema],
    ["a rule", ["creation_rules", 0], definition("creationRule")],
    ["a group", ["creation_rules", 0, "key_groups", 0], definition("keyGroup")],
    ["a merged group", ["creation_rules", 0, "key_groups", 0, "merge", 0], definition("keyGroup")],
    ["a kms key", ["creation_rules", 0, "key_groups", 0, "kms", 0], keySchema("kms")],
    ["a gcp_kms key", ["creation_rules", 0, "key_groups", 0, "gcp_kms", 0], keySchema("gcp_kms")],
    ["an hckms key", ["creation_rules", 0, "key_groups", 0, "hckms", 0], keySchema("hckms")],
    [
      "an azure key",
      ["creation_rules", 0, "key_groups", 0, "azure_keyvault", 0],
      keySchema("azure_keyvault"),
    ],
    ["a destination", ["destination_rules", 0], definition("destinationRule")],
    ["a recreation rule", ["destination_rules", 0, "recreation_rule"], definition("creationRule")],
    ["kseal", ["kseal"], schema.properties?.["kseal"]],
    ["a named key", ["kseal", "keys", 0], definition("namedKey")],
    ["a cluster", ["kseal", "clusters", 0], definition("cluster")],
    ["a sealing rule", ["kseal", "sealing", 0], definition("sealingRule")],
    ["stores", ["stores"], schema.properties?.["stores"]],
    ["stores.yaml", ["stores", "yaml"], schema.properties?.["stores"]?.properties?.["yaml"]],
    ["stores.json", ["stores", "json"], schema.properties?.["stores"]?.properties?.["json"]],
    [
      "stores.json_binary",
      ["stores", "json_binary"],
      schema.properties?.["stores"]?.properties?.["json_binary"],
    ],
  ] as const)("has the same fields as the parser: %s", ([, path, part]) => {
    expect(parserFields(path)).toEqual(Object.keys(part?.properties ?? {}).sort());
  });

  test("says what each field of a rule is", () => {
    for (const [name, field] of Object.entries(definition("creationRule").properties ?? {})) {
      expect(field.description, name).toMatch(/\w/);
    }
  });
});

test(".sops.yaml.example is a configuration that says what it explains", () => {
  const bytes = readFileSync(new URL("../../.sops.yaml.example", import.meta.url));
  const config = parseConfig(bytes, ".sops.yaml.example");

  expect(
    config.rules?.map(({ groups, selection }) => [groups.map((keys) => keys.length), selection?.pattern]),
  ).toEqual([
    [[2, 1], "^(data|stringData)$"],
    [[2], "^(data|stringData)$"],
    [[2], undefined],
  ]);
  expect([...config.names.values()]).toEqual(["Ada's laptop", "CI", "the safe"]);
  expect(isValid(schema, toJson(bytes.toString()))).toBe(true);
});

/** The fields that the parser knows at a place: it lists them when it meets one that resembles none. */
function parserFields(path: readonly (string | number)[]): readonly string[] {
  const innermost: unknown = { qqqqqqqqqqqqqqq: 1 };
  const value = path.reduceRight<unknown>(
    (inner, step) => (step === 0 ? [inner] : { [step]: inner }),
    innermost,
  );
  try {
    parseConfig(new TextEncoder().encode(JSON.stringify(value)), "c");
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    const [, fields = ""] = /known are (.*)/.exec(error.message) ?? [];
    return fields.split(", ").sort();
  }
  throw new Error("the unknown field was accepted");
}

function definition(name: string): Schema {
  return schema.definitions?.[name] ?? {};
}

function keySchema(name: string): Schema | undefined {
  return definition("keyGroup").properties?.[name]?.items;
}

function toJson(text: string): unknown {
  return parseYaml(text, { merge: true, uniqueKeys: false, logLevel: "error" });
}

function isValid(part: Schema, value: unknown): boolean {
  const reference = part.$ref === undefined ? undefined : definition(part.$ref.replace("#/definitions/", ""));
  const types = part.type === undefined ? undefined : [part.type].flat();
  return (
    (reference === undefined || isValid(reference, value)) &&
    (types === undefined || types.some((type) => isOfType(value, type))) &&
    (part.enum === undefined || part.enum.includes(value)) &&
    !(typeof value === "number" && (value < (part.minimum ?? value) || value > (part.maximum ?? value))) &&
    (part.anyOf === undefined || part.anyOf.some((option) => isValid(option, value))) &&
    !(part.not !== undefined && isValid(part.not, value)) &&
    (!Array.isArray(value) || value.every((item) => isValid(part.items ?? {}, item))) &&
    (!isOfType(value, "object") || hasValidFields(part, value as Record<string, unknown>))
  );
}

function hasValidFields(part: Schema, value: Record<string, unknown>): boolean {
  const fields = Object.entries(value).every(([name, field]) => {
    const known = Object.entries(part.properties ?? {}).find(([property]) => property === name)?.[1];
    const matching = Object.entries(part.patternProperties ?? {}).find(([pattern]) =>
      new RegExp(pattern).test(name),
    )?.[1];
    const found = known ?? matching ?? part.additionalProperties ?? true;
    return typeof found === "boolean" ? found : isValid(found, field);
  });
  return fields && (part.required ?? []).every((name) => Object.hasOwn(value, name));
}

function isOfType(value: unknown, type: string): boolean {
  if (type === "null") return value === null || value === undefined;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  return typeof value === type;
}

function allSchemas(part: Schema): readonly Schema[] {
  const below = [
    ...Object.values(part.definitions ?? {}),
    ...Object.values(part.properties ?? {}),
    ...Object.values(part.patternProperties ?? {}),
    ...[part.items, part.not].filter((one) => one !== undefined),
    ...(part.anyOf ?? []),
    ...(typeof part.additionalProperties === "object" ? [part.additionalProperties] : []),
  ];
  return [part, ...below.flatMap(allSchemas)];
}
