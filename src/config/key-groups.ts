import type { Node } from "yaml";
import { type KeyGroups, keyId, type MasterKey, sameKey } from "../core/master-key.ts";
import { type Mapping, mapping, textMap } from "./mapping.ts";
import {
  type ParsedKey,
  parseAge,
  parseAzureUrl,
  parseGcpKms,
  parseHuaweiKms,
  parseKms,
  parsePgp,
  parseVaultUri,
} from "./master-keys.ts";
import { type Located, list, located, type Shape, text } from "./shapes.ts";
import type { Reading } from "./yaml-text.ts";

type Group = readonly MasterKey[];

const kmsKey: Shape<MasterKey> = finish(
  mapping<{ arn: string; role: string; context: Readonly<Record<string, string>>; aws_profile: string }>(
    { arn: text, role: text, context: textMap, aws_profile: text },
    { name: "a kms key", hint: "write - arn: arn:aws:kms:..., with role, context and aws_profile beside it" },
  ),
  ({ values: { arn, role, context, aws_profile: awsProfile } }) =>
    arn ? parseKms({ arn, role, context, awsProfile }) : { problem: "a kms key needs an arn" },
);

const gcpKey: Shape<MasterKey> = finish(
  mapping<{ resource_id: string }>(
    { resource_id: text },
    { name: "a gcp_kms key", hint: "write - resource_id: projects/..." },
  ),
  ({ values }) =>
    values.resource_id ? parseGcpKms(values.resource_id) : { problem: "a gcp_kms key needs a resource_id" },
);

const huaweiKey: Shape<MasterKey> = finish(
  mapping<{ key_id: string }>(
    { key_id: text },
    { name: "an hckms key", hint: "write - key_id: region:key-uuid" },
  ),
  ({ values }) => parseHuaweiKms(values.key_id ?? ""),
);

const azureKey: Shape<MasterKey> = finish(
  mapping<{ vaultUrl: string; key: string; version: string }>(
    { vaultUrl: text, key: text, version: text },
    { name: "an azure_keyvault key", hint: "write - vaultUrl: https://..., with key and version beside it" },
  ),
  ({ values: { vaultUrl, key, version = "" } }) => {
    if (!vaultUrl || !key) return { problem: "an azure_keyvault key needs a vaultUrl and a key" };
    // SOPS makes a URL of the three and keeps a slash at the end of the first one.
    const parsed = parseAzureUrl(`${vaultUrl.replace(/\/$/, "")}/keys/${key}/${version}`);
    if ("problem" in parsed)
      return { problem: "vaultUrl, key and version must make https://vaultUrl/keys/key/version" };
    return { key: { type: "azure_kv", vaultUrl, name: key, version } };
  },
);

interface GroupFields {
  readonly merge: readonly Group[];
  readonly kms: readonly MasterKey[];
  readonly gcp_kms: readonly MasterKey[];
  readonly hckms: readonly MasterKey[];
  readonly azure_keyvault: readonly MasterKey[];
  readonly hc_vault: readonly Located<string>[];
  readonly age: readonly Located<string>[];
  readonly pgp: readonly Located<string>[];
}

// Names that belong to a rule, or that the documentation of SOPS shows here by mistake (sops.md D47).
const misplaced: ReadonlyMap<string, string> = new Map([
  ["hc_vault_transit_uri", "in a key group it is hc_vault, a list of URIs"],
  ["hc_vault_uris", "in a key group it is hc_vault, a list of URIs"],
  ["aws_profile", "in a key group it stands beside the arn of each kms key"],
  ["role", "it stands beside the arn of a kms key"],
  ["context", "it stands beside the arn of a kms key"],
  ["azure_kv", "in a configuration it is azure_keyvault"],
  ["shamir_threshold", "it stands in the rule, beside key_groups"],
]);

const asList = { hint: "write each key behind a dash" };

const groupFields: Shape<Mapping<GroupFields>> = mapping<GroupFields>(
  {
    merge: list((node, reading, label) => keyGroup(node, reading, label), {
      hint: "write each group behind a dash",
    }),
    kms: list(kmsKey, { hint: "write - arn: arn:aws:kms:..." }),
    gcp_kms: list(gcpKey, { hint: "write - resource_id: projects/..." }),
    hckms: list(huaweiKey, { hint: "write - key_id: region:key-uuid" }),
    azure_keyvault: list(azureKey, { hint: "write - vaultUrl: https://..." }),
    hc_vault: list(located(text), asList),
    age: list(located(text), asList),
    pgp: list(located(text), asList),
  },
  { name: "a key group", hints: misplaced },
);

/** One group of `key_groups`, with the groups under `merge` in front and without duplicates. */
const keyGroup: Shape<Group> = (node, reading, label) => {
  const values = groupFields(node, reading, label)?.values;
  if (values === undefined) return undefined;
  // The order in which SOPS takes keys from a group, which is the order in the file it writes.
  return withoutDuplicates([
    ...(values.merge ?? []).flat(),
    // Only an age item may itself be a list with commas.
    ...keysOf(splitAtCommas(values.age ?? []), { parse: parseAge, reading, label: "age" }),
    ...keysOf(values.pgp ?? [], { parse: single(parsePgp), reading, label: "pgp" }),
    ...(values.kms ?? []),
    ...(values.gcp_kms ?? []),
    ...(values.hckms ?? []),
    ...(values.azure_keyvault ?? []),
    ...keysOf(values.hc_vault ?? [], { parse: single(parseVaultUri), reading, label: "hc_vault" }),
  ]);
};

/** `key_groups`: with several groups, each gets one share of the data key. */
export const keyGroups: Shape<KeyGroups> = list(keyGroup, { hint: "write each group behind a dash" });

/** The keys that texts name; reports those that name none. */
export function keysOf(
  texts: readonly Located<string>[],
  { parse, reading, label }: { parse: (text: string) => ParsedKey; reading: Reading; label: string },
): readonly MasterKey[] {
  return texts.flatMap(({ value, node }) => keyOrReport(parse(value), { node, reading, label }));
}

/** The parts of texts that may be lists with commas; empty parts count for nothing. */
export function splitAtCommas(texts: readonly Located<string>[]): readonly Located<string>[] {
  return texts.flatMap(({ value, node }) =>
    value
      .split(",")
      .filter((part) => part.trim() !== "")
      .map((part) => ({ value: part, node })),
  );
}

/** Every key once, where it stands first. */
export function withoutDuplicates(keys: readonly MasterKey[]): readonly MasterKey[] {
  // By identifier first: comparing every key with every other takes quadratic time.
  const seen = new Map<string, MasterKey[]>();
  return keys.filter((key) => {
    const namesakes = seen.get(keyId(key)) ?? [];
    if (namesakes.some((other) => sameKey(key, other))) return false;
    seen.set(keyId(key), [...namesakes, key]);
    return true;
  });
}

function keyOrReport(
  parsed: ParsedKey,
  { node, reading, label }: { node: Node; reading: Reading; label: string },
): readonly MasterKey[] {
  if ("key" in parsed) return [parsed.key];
  reading.report(node, `${label}: ${parsed.problem}`);
  return [];
}

function single(parse: (text: string) => ParsedKey): (text: string) => ParsedKey {
  return (value) => {
    if (value.includes(",")) return { problem: "in a key group every key is an item of its own" };
    return value.trim() === "" ? { problem: "an item is empty" } : parse(value);
  };
}

function finish<T>(shape: Shape<Mapping<T>>, parse: (fields: Mapping<T>) => ParsedKey): Shape<MasterKey> {
  return (node, reading, label) => {
    const fields = shape(node, reading, label);
    return fields === undefined ? undefined : keyOrReport(parse(fields), { node, reading, label })[0];
  };
}
