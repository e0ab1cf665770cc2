import type { DataKey } from "../core/data-key.ts";
import { type KeyGroups, type MasterKey, sameHolder, sameKey, type WrappedKey } from "../core/master-key.ts";
import { type Metadata, spelledThreshold } from "../core/metadata.ts";
import type { Document } from "../core/tree.ts";
import { isSealed } from "../core/value.ts";
import { KsealError } from "../errors.ts";
import { storeFor } from "../formats/detect.ts";
import { readManifest } from "../formats/manifest.ts";
import type { ParsedFile } from "../formats/store.ts";
import { readSealingKey } from "../sealed/sealing-key.ts";
import { readSecret, type Secret } from "../sealed/secret.ts";
import { openKeyDocument } from "./key-document.ts";
import { entryOf } from "./walk-leaves.ts";

/** What a backup was made from, to hold it against what was read back. */
export interface ExpectedBackup {
  readonly content: Uint8Array;
  readonly dataKey: DataKey;
  /** The recipients as they were encrypted to: the versions of Azure keys are known by then. */
  readonly groups: readonly (readonly WrappedKey[])[];
  /** The recipients as they are configured. */
  readonly recipients: { readonly groups: KeyGroups; readonly shamirThreshold: number };
  readonly secret: Secret;
}

/**
 * Proves a backup that was read back from its place: it is what was written, byte for byte; it is encrypted to the
 * recipients that are configured and to nobody else; every value is encrypted, and opens with the data key in hand to
 * the key that was to be backed up; and certificate and key belong together (S14).
 *
 * @throws KsealError `CHANGES_REFUSED` saying what is not so, `CERTIFICATE_INVALID`, and what opening it throws.
 */
export async function proveBackup(back: Uint8Array, expected: ExpectedBackup): Promise<void> {
  if (!sameBytes(back, expected.content)) throw unproved("what was read back is not what was written");
  const parsed = (await storeFor("yaml")).parse(back);
  const { metadata } = parsed;
  if (metadata === undefined) throw unproved("it is not encrypted");
  checkRecipients(metadata, expected);
  checkHidden(parsed.document);
  const secret = await secretIn(parsed, await openKeyDocument(parsed.document, metadata, expected.dataKey));
  const { fingerprint } = readSealingKey(secret);
  if (fingerprint !== readSealingKey(expected.secret).fingerprint) throw unproved("it holds another key");
  if (!sameSecret(secret, expected.secret)) throw unproved("it does not open to the key as it is");
}

function checkRecipients(metadata: Metadata, { groups, recipients }: ExpectedBackup): void {
  const found = metadata.groups.map((group) => group.map(({ key }) => key));
  const wrapped = groups.map((group) => group.map(({ key }) => key));
  const isRight =
    sameGroups(found, wrapped, sameKey) &&
    sameGroups(wrapped, recipients.groups, sameHolder) &&
    metadata.shamirThreshold === spelledThreshold(groups, recipients.shamirThreshold);
  if (!isRight) throw unproved("its recipients are not those that are configured");
}

function sameGroups(
  a: readonly (readonly MasterKey[])[],
  b: readonly (readonly MasterKey[])[],
  same: (left: MasterKey, right: MasterKey) => boolean,
): boolean {
  const holdsAll = (some: readonly MasterKey[], all: readonly MasterKey[]) =>
    some.every((key) => all.some((other) => same(key, other)));
  return (
    a.length === b.length &&
    a.every((group, at) => holdsAll(group, b[at] ?? []) && holdsAll(b[at] ?? [], group))
  );
}

function checkHidden({ branches }: Document): void {
  for (const branch of branches) {
    const data = entryOf(branch, "data");
    const entries = data?.kind === "map" ? data.items.filter((item) => item.kind === "entry") : [];
    const isHidden = entries.every((entry) => entry.value.kind === "str" && isSealed(entry.value.value));
    if (entries.length === 0 || !isHidden) throw unproved("a value in it is in clear");
  }
}

async function secretIn(parsed: ParsedFile, plain: Document): Promise<Secret> {
  const store = await storeFor(parsed.format);
  const text = store.render({ document: plain, metadata: undefined }, { base: parsed });
  const { documents } = await readManifest(text, { file: "backup.yaml" });
  const objects = documents.flatMap(({ object }) => (object === undefined ? [] : [object]));
  if (objects.length !== 1) {
    throw unproved("it does not hold one Secret");
  }
  return readSecret(objects[0]);
}

function sameSecret(a: Secret, b: Secret): boolean {
  const place = ({ metadata: { name, namespace }, type }: Secret) => JSON.stringify([namespace, name, type]);
  return (
    place(a) === place(b) &&
    sameTexts(a.metadata.labels, b.metadata.labels) &&
    sameTexts(a.metadata.annotations, b.metadata.annotations) &&
    a.data.size === b.data.size &&
    [...a.data].every(([item, bytes]) => sameBytes(bytes, b.data.get(item)))
  );
}

function sameTexts(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([name, text]) => b.get(name) === text);
}

function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every((byte, at) => byte === b[at]);
}

function unproved(why: string): KsealError {
  return new KsealError("CHANGES_REFUSED", `the backup is not good: ${why}`, {
    hint: "it does not count; look at the place that it was written to",
  });
}
