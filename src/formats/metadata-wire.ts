import type { WrappedKey } from "../core/master-key.ts";
import type { Metadata } from "../core/metadata.ts";
import { type Selection, selectionRules } from "../core/selection.ts";
import type { Entry, MapNode, TreeNode } from "../core/tree.ts";
import {
  readKeys,
  readUnknownKeys,
  sortedMap,
  textEntry,
  unknownFields,
  writeKeys,
} from "./metadata-keys.ts";
import type { FormatWarning } from "./store.ts";
import { canonicalDate, openFields, unreadable, type WeakFields } from "./weak-fields.ts";

/**
 * Reads the `sops` block of a file, as any store found it.
 *
 * Lenient like SOPS: field names match without regard to case and scalars are weakly typed (sops.md 3.2).
 *
 * @throws KsealError `METADATA_INVALID` for what SOPS refuses too: two selection rules, no keys, a date that is none.
 *   Whoever encrypts a plain file takes it as "already encrypted": the file claims to be.
 */
export function parseMetadata(node: TreeNode): {
  metadata: Metadata;
  warnings: readonly FormatWarning[];
} {
  const fields = openFields(node, "sops");
  const lastModified = fields.date("lastmodified");
  const topKeys = readKeys(fields);
  const keyGroups = fields.list("key_groups");
  const settings = {
    shamirThreshold: fields.integer("shamir_threshold"),
    selection: readSelection(fields),
    macOnlyEncrypted: fields.flag("mac_only_encrypted"),
    mac: fields.text("mac"),
    lastModified,
    version: readVersion(fields),
  };
  // With both, SOPS takes the lists and forgets the groups.
  const inGroups = topKeys.length === 0 && keyGroups.length > 0;
  const { keys: unknownKeys, rest } = inGroups
    ? { keys: [], rest: fields.rest() }
    : takeUnknownKeys(fields.rest(), fields.place);
  const warnings = unknownWarnings(unknownKeys, rest, fields.place);
  const groups = inGroups
    ? keyGroups.map((group) => readGroup(group, warnings))
    : [[...topKeys, ...unknownKeys]];
  if (!inGroups && groups[0]?.length === 0) throw unreadable("sops", "names no keys");
  return { metadata: { groups, ...settings, ...unknownFields(rest) }, warnings };
}

/** Writes the block canonically: alphabetical, as SOPS 3.13.3 does. Unknown fields stay. */
export function renderMetadata(metadata: Metadata): MapNode {
  const { groups, shamirThreshold, selection, macOnlyEncrypted } = metadata;
  const [first = []] = groups;
  const entries: Entry[] = groups.length === 1 ? writeKeys(first, { inGroup: false }) : [];
  if (groups.length > 1) {
    const items = groups.map((group) => sortedMap(writeKeys(group, { inGroup: true })));
    entries.push({ kind: "entry", key: "key_groups", value: { kind: "seq", items } });
  }
  if (selection !== undefined && selection.pattern !== "") {
    entries.push(textEntry(selection.rule, selection.pattern));
  }
  if (macOnlyEncrypted) {
    entries.push({ kind: "entry", key: "mac_only_encrypted", value: { kind: "bool", value: true } });
  }
  if (shamirThreshold !== 0) {
    const value = { kind: "int", value: BigInt(shamirThreshold) } as const;
    entries.push({ kind: "entry", key: "shamir_threshold", value });
  }
  entries.push(
    textEntry("lastmodified", canonicalDate(metadata.lastModified)),
    textEntry("mac", metadata.mac),
    textEntry("version", metadata.version),
  );
  for (const [key, value] of Object.entries(metadata.unknownFields ?? {})) {
    entries.push({ kind: "entry", key, value });
  }
  return sortedMap(entries);
}

// Semantic Versioning 2.0.0, which SOPS insists on before it opens a file.
const number = String.raw`(?:0|[1-9]\d{0,18})`;
const name = String.raw`(?:${number}|\d*[A-Za-z-][\dA-Za-z-]*)`;
const build = String.raw`[\dA-Za-z-]+`;
const versionPattern = new RegExp(
  String.raw`^${number}\.${number}\.${number}(?:-${name}(?:\.${name})*)?(?:\+${build}(?:\.${build})*)?$`,
);

function readVersion(fields: WeakFields): string {
  const version = fields.text("version");
  if (version === "") throw unreadable("sops.version", "is missing: the file was cut off or edited by hand");
  if (!versionPattern.test(version)) throw unreadable("sops.version", "is not a version such as 3.13.3");
  return version;
}

function readSelection(fields: WeakFields): Selection | undefined {
  const [selection, ...others] = selectionRules
    .map((rule) => ({ rule, pattern: fields.text(rule) }))
    .filter(({ pattern }) => pattern !== "");
  const [other] = others;
  if (selection !== undefined && other !== undefined) {
    throw unreadable("sops", `has both ${selection.rule} and ${other.rule}, which exclude each other`);
  }
  return selection;
}

function readGroup(fields: WeakFields, warnings: FormatWarning[]): readonly WrappedKey[] {
  const keys = readKeys(fields);
  const unknown = takeUnknownKeys(fields.rest(), fields.place);
  warnings.push(...unknownWarnings(unknown.keys, [], fields.place));
  for (const { key } of unknown.rest) {
    // A group is a list of keys; nothing else in it has a place to be kept.
    warnings.push(warning(`the unknown field ${fields.place}.${key} will be lost when the file is written`));
  }
  return [...keys, ...unknown.keys];
}

function takeUnknownKeys(
  entries: readonly Entry[],
  place: string,
): { keys: readonly WrappedKey[]; rest: readonly Entry[] } {
  const keys: WrappedKey[] = [];
  const rest: Entry[] = [];
  for (const entry of entries) {
    const found = readUnknownKeys(entry, place);
    if (found) keys.push(...found);
    else rest.push(entry);
  }
  return { keys, rest };
}

function unknownWarnings(
  keys: readonly WrappedKey[],
  rest: readonly Entry[],
  place: string,
): FormatWarning[] {
  const types = new Set(keys.map(({ key }) => (key.type === "unknown" ? key.name : key.type)));
  return [
    ...[...types].map((name) =>
      warning(`the keys under ${place}.${name} are of an unknown type and are kept`),
    ),
    ...rest
      // Written by every SOPS before 3.10 and by kseal never: an empty list says nothing.
      .filter(({ value }) => value.kind !== "null")
      .map(({ key }) => warning(`the unknown field ${place}.${key} is kept`)),
  ];
}

function warning(message: string): FormatWarning {
  return { kind: "metadata-unknown", message };
}
