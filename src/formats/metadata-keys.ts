import { type KeyType, keyTypes, type MasterKey, type WrappedKey } from "../core/master-key.ts";
import type { Entry, MapNode, TreeNode } from "../core/tree.ts";
import { asList, canonicalDate, openFields, textNode, type WeakFields } from "./weak-fields.ts";

interface KeyField {
  /** The field's name in the file. */
  readonly name: string;
  /** The property of {@link MasterKey} that holds it. */
  readonly property: string;
  /** Left out of the file when it is empty. */
  readonly optional?: true;
  readonly isMapping?: true;
}

/** What an entry of each key type says besides `enc` and `created_at`. */
const keyFields: Readonly<Record<KeyType, readonly KeyField[]>> = {
  age: [{ name: "recipient", property: "recipient" }],
  azure_kv: [
    { name: "name", property: "name" },
    { name: "vault_url", property: "vaultUrl" },
    { name: "version", property: "version" },
  ],
  gcp_kms: [{ name: "resource_id", property: "resourceId" }],
  hc_vault: [
    { name: "engine_path", property: "enginePath" },
    { name: "key_name", property: "keyName" },
    { name: "vault_address", property: "vaultAddress" },
  ],
  hckms: [{ name: "key_id", property: "keyId" }],
  kms: [
    { name: "arn", property: "arn" },
    { name: "aws_profile", property: "awsProfile" },
    { name: "context", property: "context", optional: true, isMapping: true },
    { name: "role", property: "role", optional: true },
  ],
  pgp: [{ name: "fp", property: "fingerprint" }],
};

/** SOPS writes these lists into the objects of `key_groups` even when they are empty; all others it leaves out. */
const alwaysInGroups: readonly KeyType[] = ["hc_vault", "age"];

/** The keys of the seven known lists of a mapping, in the order in which SOPS keeps them. */
export function readKeys(fields: WeakFields): WrappedKey[] {
  return keyTypes.flatMap((type) => fields.list(type).map((entry) => readKey(type, entry)));
}

/**
 * The keys of a field whose name kseal does not know, when it looks like a list of keys: mappings with an `enc`.
 *
 * They are carried along, so that a file re-written by kseal still opens for the tool that knows them (sops.md D16).
 */
export function readUnknownKeys(entry: Entry, place: string): WrappedKey[] | undefined {
  const items = entry.value.kind === "seq" ? asList(entry.value) : [];
  if (items.length === 0 || !items.every(hasEnc)) return undefined;
  return items.map((item, index) => {
    const fields = openFields(item, `${place}.${entry.key}[${index}]`);
    const enc = fields.text("enc");
    return { key: { type: "unknown", name: entry.key }, enc, ...unknownFields(fields.rest()) };
  });
}

/** The lists of keys of one group, by field name. `inGroup` says that they stand in an object of `key_groups`. */
export function writeKeys(group: readonly WrappedKey[], options: { inGroup: boolean }): Entry[] {
  const lists = new Map<string, MapNode[]>();
  if (options.inGroup) for (const type of alwaysInGroups) lists.set(type, []);
  for (const wrapped of group) {
    const name = wrapped.key.type === "unknown" ? wrapped.key.name : wrapped.key.type;
    lists.set(name, [...(lists.get(name) ?? []), writeKey(wrapped)]);
  }
  return [...lists].map(([key, items]) => ({ kind: "entry", key, value: { kind: "seq", items } }));
}

/** Unknown fields as a property to spread, absent when there are none. */
export function unknownFields(rest: readonly Entry[]): {
  unknownFields?: Readonly<Record<string, TreeNode>>;
} {
  if (rest.length === 0) return {};
  return { unknownFields: Object.fromEntries(rest.map(({ key, value }) => [key, value])) };
}

/** A mapping in alphabetical order, as SOPS writes all mappings of the block since 3.13.0. */
export function sortedMap(entries: readonly Entry[]): MapNode {
  return { kind: "map", items: entries.toSorted((a, b) => (a.key < b.key ? -1 : 1)) };
}

/** An entry with a text. */
export function textEntry(key: string, value: string): Entry {
  return { kind: "entry", key, value: textNode(value) };
}

function readKey(type: KeyType, entry: WeakFields): WrappedKey {
  const key: Record<string, unknown> = { type };
  for (const { name, property, optional, isMapping } of keyFields[type]) {
    const value = isMapping ? entry.texts(name) : entry.text(name);
    if (value !== undefined && !(optional && value === "")) key[property] = value;
  }
  const enc = entry.text("enc");
  // A key that somebody adds in the editor has not been used yet.
  const isNew = enc === "" && !entry.has("created_at");
  return {
    // The table above names exactly the properties of the type.
    key: key as MasterKey,
    enc,
    ...(type === "age" || isNew ? {} : { createdAt: entry.date("created_at") }),
    ...unknownFields(entry.rest()),
  };
}

function writeKey({ key, enc, createdAt, unknownFields: unknown = {} }: WrappedKey): MapNode {
  const properties = key as unknown as Readonly<Record<string, string | Record<string, string> | undefined>>;
  const fields = (key.type === "unknown" ? [] : keyFields[key.type]).flatMap(
    ({ name, property, optional }): Entry[] => {
      const value = properties[property] ?? "";
      if (typeof value === "string") return optional && value === "" ? [] : [textEntry(name, value)];
      const entries = Object.entries(value).map(([k, v]) => textEntry(k, v));
      return entries.length === 0 ? [] : [{ kind: "entry", key: name, value: sortedMap(entries) }];
    },
  );
  return sortedMap([
    ...fields,
    textEntry("enc", enc),
    ...(createdAt === undefined ? [] : [textEntry("created_at", canonicalDate(createdAt))]),
    ...Object.entries(unknown).map(([k, value]): Entry => ({ kind: "entry", key: k, value })),
  ]);
}

function hasEnc(node: TreeNode): boolean {
  return node.kind === "map" && node.items.some((item) => item.kind === "entry" && item.key === "enc");
}
