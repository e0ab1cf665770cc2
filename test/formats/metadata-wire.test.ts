import { describe, expect, test } from "vitest";
import type { Metadata } from "../../src/core/metadata.ts";
import type { TreeNode } from "../../src/core/tree.ts";
import { parseMetadata, renderMetadata } from "../../src/formats/metadata-wire.ts";
import { outcome, treeOf } from "./file-text.ts";

const created = "2026-01-02T03:04:05Z";
const base = { lastmodified: created, mac: "ENC[x]", version: "3.13.3" };
const age = { recipient: "age1abc", enc: "wrapped" };

/** Every key type with every field, as SOPS 3.13.3 writes it. */
const everyType = {
  age: [{ enc: "a", recipient: "age1abc" }],
  azure_kv: [{ created_at: created, enc: "z", name: "n", vault_url: "https://v", version: "1" }],
  gcp_kms: [{ created_at: created, enc: "g", resource_id: "projects/p" }],
  hc_vault: [
    { created_at: created, enc: "vault:v1:x", engine_path: "e", key_name: "k", vault_address: "https://a" },
  ],
  hckms: [{ created_at: created, enc: "h", key_id: "r:u" }],
  kms: [
    { arn: "arn:1", aws_profile: "", context: { A: "1", B: "2" }, created_at: created, enc: "k", role: "r" },
    { arn: "arn:2", aws_profile: "p", created_at: created, enc: "k2" },
  ],
  lastmodified: created,
  mac: "ENC[x]",
  pgp: [{ created_at: created, enc: "p", fp: "ABC!" }],
  unencrypted_suffix: "_unencrypted",
  version: "3.13.3",
};

function read(value: unknown): Metadata {
  return parseMetadata(treeOf(value)).metadata;
}

function plain(node: TreeNode): unknown {
  switch (node.kind) {
    case "map":
      return Object.fromEntries(
        node.items.flatMap((i) => (i.kind === "entry" ? [[i.key, plain(i.value)]] : [])),
      );
    case "seq":
      return node.items.flatMap((i) => (i.kind === "comment" ? [] : [plain(i)]));
    case "null":
      return null;
    case "int":
      return Number(node.value);
    default:
      return node.value;
  }
}

/** With the order of keys, which `toEqual` does not see. */
const json = (node: TreeNode) => JSON.stringify(plain(node));

test("a block with every key type is written as it was read, in alphabetical order", () => {
  expect(json(renderMetadata(read(everyType)))).toBe(JSON.stringify(everyType));
});

test("the keys of a group come in the order in which SOPS keeps them", () => {
  const [group] = read(everyType).groups;

  expect(group?.map(({ key }) => key.type)).toEqual([
    ...["kms", "kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp", "age"],
  ]);
});

test("several groups are objects in which hc_vault and age stand even when they are empty", () => {
  const block = {
    key_groups: [
      { age: [age], hc_vault: [] },
      { age: [], hc_vault: [], pgp: [{ created_at: created, enc: "p", fp: "F" }] },
    ],
    ...base,
    shamir_threshold: 2,
  };

  expect(json(renderMetadata(read(block)))).toBe(
    JSON.stringify({
      key_groups: [
        { age: [{ enc: "wrapped", recipient: "age1abc" }], hc_vault: [] },
        { age: [], hc_vault: [], pgp: [{ created_at: created, enc: "p", fp: "F" }] },
      ],
      lastmodified: created,
      mac: "ENC[x]",
      shamir_threshold: 2,
      version: "3.13.3",
    }),
  );
});

test("the AWS profile is written even when it is empty; role and context are not", () => {
  const kms = { arn: "arn", created_at: created, enc: "k", role: "", context: null };

  expect(plain(renderMetadata(read({ kms: [kms], ...base })))).toMatchObject({
    kms: [{ arn: "arn", aws_profile: "", created_at: created, enc: "k" }],
  });
  expect(json(renderMetadata(read({ kms: [kms], ...base })))).not.toMatch(/role|context/);
});

describe("D48: metadata is read leniently and written canonically", () => {
  test.for<[string, Readonly<Record<string, unknown>>, Partial<Metadata>]>([
    [
      "field names in any case",
      { MAC: "m", LastModified: created, VERSION: "1.0.0", Age: [age] },
      { mac: "m", version: "1.0.0" },
    ],
    ["the exact name before another spelling", { ...base, age: [age], MAC: "other" }, { mac: "ENC[x]" }],
    ["a threshold as text", { ...base, age: [age], shamir_threshold: "2" }, { shamirThreshold: 2 }],
    ["a flag as text", { ...base, age: [age], mac_only_encrypted: "true" }, { macOnlyEncrypted: true }],
    ["a flag as number", { ...base, age: [age], mac_only_encrypted: 1 }, { macOnlyEncrypted: true }],
    ["one object in place of a list", { ...base, age }, {}],
    ["null for everything that may be missing", { ...base, age: [age], kms: null, mac: null }, { mac: "" }],
    ["empty lists, as before 3.10", { ...base, age: [age], kms: [], gcp_kms: [], pgp: [] }, {}],
    ["no selection rule", { ...base, age: [age], encrypted_regex: "" }, { selection: undefined }],
  ])("%s", ([, block, expected]) => {
    const metadata = read(block);

    expect(metadata).toMatchObject(expected);
    expect(metadata.groups).toEqual([[{ key: { type: "age", recipient: "age1abc" }, enc: "wrapped" }]]);
  });
});

test("D17: an unquoted date, which YAML takes for a timestamp, is accepted and written as text", () => {
  const node = treeOf({ age: [age], mac: "m", version: "1.0.0" });
  const time = { kind: "entry", key: "lastmodified", value: { kind: "time", value: created } } as const;
  if (node.kind !== "map") throw new Error("a mapping");

  const { metadata } = parseMetadata({ kind: "map", items: [...node.items, time] });

  expect(metadata.lastModified).toBe(created);
  expect(plain(renderMetadata(metadata))).toMatchObject({ lastmodified: created });
});

describe("D16: what kseal does not know is kept, with a warning", () => {
  test("a field", () => {
    const block = { ...everyType, future: { b: [1, "x"], a: true } };
    const { metadata, warnings } = parseMetadata(treeOf(block));

    expect(plain(renderMetadata(metadata))).toEqual(block);
    expect(warnings).toEqual([
      { kind: "metadata-unknown", message: "the unknown field sops.future is kept" },
    ]);
  });

  test("a field of a key", () => {
    const block = { age: [{ ...age, note: "laptop" }], ...base };

    expect(plain(renderMetadata(read(block)))).toEqual(block);
  });

  test("keys of an unknown type, beside others, alone, and in groups", () => {
    const tpm = [{ enc: "t", handle: 7 }, { enc: "u" }];
    const groups = [
      { age: [age], hc_vault: [], tpm },
      { age: [age], hc_vault: [] },
    ];
    for (const block of [
      { age: [age], tpm, ...base },
      { tpm, ...base },
      { key_groups: groups, ...base },
    ]) {
      const { metadata, warnings } = parseMetadata(treeOf(block));

      expect(metadata.groups[0]?.filter(({ key }) => key.type === "unknown")).toHaveLength(2);
      expect(plain(renderMetadata(metadata))).toEqual(block);
      expect(warnings.map(({ kind }) => kind)).toEqual(["metadata-unknown"]);
    }
  });

  test("a name that JavaScript treats specially", () => {
    const block = treeOf(JSON.parse('{"__proto__": {"x": 1}}'));
    const known = treeOf({ age: [age], ...base });
    if (block.kind !== "map" || known.kind !== "map") throw new Error("mappings");

    const { metadata } = parseMetadata({ kind: "map", items: [...known.items, ...block.items] });

    expect(json(renderMetadata(metadata))).toContain('"mac"');
    expect(
      renderMetadata(metadata).items.some((item) => item.kind === "entry" && item.key === "__proto__"),
    ).toBe(true);
  });
});

test("with keys at the top and in groups, the groups do not count", () => {
  expect(read({ age: [age], key_groups: [{ pgp: [] }], ...base }).groups).toHaveLength(1);
});

test("comments in the block say nothing", () => {
  const node = treeOf({ age: [age], ...base });
  if (node.kind !== "map") throw new Error("a mapping");
  const comment = { kind: "comment", text: " x", inline: false } as const;

  expect(parseMetadata({ kind: "map", items: [comment, ...node.items] }).metadata.mac).toBe("ENC[x]");
});

test.for<[string, unknown]>([
  ["a text in place of the block", "x"],
  ["an empty block", {}],
  ["no keys", base],
  ["an empty list of groups", { ...base, key_groups: [] }],
  ["no date", { ...base, age: [age], lastmodified: undefined }],
  ["an impossible date", { ...base, age: [age], lastmodified: "2026-02-30T00:00:00Z" }],
  ["a date without a time", { ...base, age: [age], lastmodified: "2026-02-03" }],
  ["a key without its date", { ...base, pgp: [{ fp: "F", enc: "e" }] }],
  ["two selection rules", { ...base, age: [age], encrypted_regex: "a", unencrypted_suffix: "b" }],
  ["a threshold that is none", { ...base, age: [age], shamir_threshold: "two" }],
  ["a flag that is none", { ...base, age: [age], mac_only_encrypted: "yes" }],
  ["no version", { ...base, age: [age], version: undefined }],
  ...["3.13", "3", "03.1.2", "3.13.3.1", "3.13.x", "v3.13.3", "3.13.3-", "3.13.3+", "3.13.3-01", 3.5].map(
    (version): [string, unknown] => [`the version ${version}`, { ...base, age: [age], version }],
  ),
  ["a list for the mac", { ...base, age: [age], mac: ["x"] }],
  ["a text in a list of keys", { ...base, age: ["age1abc"] }],
  ["a list for the context", { ...base, kms: [{ arn: "a", enc: "e", created_at: created, context: [1] }] }],
])("%s is refused as unusable metadata", ([, block]) => {
  const node = treeOf(JSON.parse(JSON.stringify(block)));

  expect(outcome(() => parseMetadata(node))).toBe("METADATA_INVALID");
});

test.for(["0.0.0", "3.13.3-rc.1", "3.13.3-0a.-", "3.13.3+build.01"])("the version %s is taken", (version) => {
  expect(read({ ...base, age: [age], version }).version).toBe(version);
});

test("dates are written in whole seconds, and UTC as Z", () => {
  const metadata = read({ age: [age], ...base, lastmodified: "2026-01-02T03:04:05.678+00:00" });

  expect(plain(renderMetadata(metadata))).toMatchObject({ lastmodified: created });
});
