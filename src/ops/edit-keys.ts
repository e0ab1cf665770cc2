import { problemOf } from "../config/master-keys.ts";
import { DataKey } from "../core/data-key.ts";
import { describeKey, shortKeyId } from "../core/key-names.ts";
import { type KeyGroups, keyId, type MasterKey, sameKey } from "../core/master-key.ts";
import { type Metadata, spelledThreshold } from "../core/metadata.ts";
import { KsealError } from "../errors.ts";
import { storeFor } from "../formats/detect.ts";
import type { ParsedFile } from "../formats/store.ts";
import { parseAgeRecipient } from "../keys/recipients.ts";
import type { OpContext } from "./context.ts";
import { keyLookup } from "./key-lookup.ts";
import { layoutLike } from "./layout.ts";
import { type OpenedFile, parseText } from "./load-file.ts";
import { flatKeys, keysWithout } from "./recipients.ts";
import { resealFile } from "./reseal-file.ts";
import { refuseUnknown, rewrap } from "./rewrap.ts";

/** The plain values of a file together with its `sops` block: `edit --show-master-keys`. */
export async function renderWithKeys(opened: OpenedFile, context: OpContext): Promise<Uint8Array> {
  const { name, parsed, plain, metadata } = opened;
  const store = await storeFor(parsed.format);
  return store.render(
    { document: plain, metadata },
    await layoutLike(parsed, { name, format: parsed.format }, context),
  );
}

/**
 * Encrypts an edited file for the recipients that its edited `sops` block names (sops.md D31). Who was added gets the
 * data key; when somebody was removed the file gets a new one.
 *
 * @throws KsealError `METADATA_INVALID` without a block, `CHANGES_REFUSED` when more than the recipients changed in it.
 */
export async function resealWithKeys(
  opened: OpenedFile,
  edited: Uint8Array,
  context: OpContext,
): Promise<Uint8Array> {
  const layout = await parseText({ ...opened, bytes: edited }, opened.parsed.format);
  const where = { file: opened.file };
  refuseDuplicates(layout, opened.file);
  const { metadata } = layout;
  if (metadata === undefined) {
    throw new KsealError("METADATA_INVALID", "the sops block is gone", { hint: "put it back", where });
  }
  try {
    refuseOtherChanges(opened.metadata, metadata);
    const groups = checkedGroups(metadata, keysOf(opened.metadata));
    const change = { plain: layout.document, layout };
    const isThresholdKept = metadata.shamirThreshold === opened.metadata.shamirThreshold;
    if (sameGroups(groups, opened.metadata) && isThresholdKept) {
      return await resealFile(opened, change, context);
    }
    const shamirThreshold = spelledThreshold(groups, metadata.shamirThreshold);
    const removed = keysWithout(keysOf(opened.metadata), flatKeys(groups));
    // What the user typed into the editor is said in their own words.
    const named = keysWithout(flatKeys(groups), keysOf(opened.metadata));
    const lookup = keyLookup(opened.name, context, named);
    if (removed.length === 0) {
      const wrapped = await rewrap(opened, { groups, shamirThreshold, named }, context);
      const target = { ...opened, metadata: { ...opened.metadata, groups: wrapped, shamirThreshold } };
      return await resealFile(target, change, context);
    }
    refuseUnknown(flatKeys(groups));
    const dataKey = new DataKey(context.host.random(32));
    const wrapped = await context.keyring.wrapAll(dataKey, groups, shamirThreshold, lookup);
    const content = await resealFile(
      opened,
      { ...change, rekey: { dataKey, groups: wrapped, shamirThreshold } },
      context,
    );
    const names = await lookup.names();
    const persons = removed.map((key) => describeKey(key, names)).join(", ");
    context.log.warn(
      `${opened.file}: ${persons} could read these values and still can in the Git history; change them`,
    );
    return content;
  } catch (error) {
    throw error instanceof KsealError ? error.at(where) : error;
  }
}

function refuseDuplicates({ warnings }: ParsedFile, file: string): void {
  const twice = warnings.find(({ kind }) => kind === "duplicate-key");
  if (twice === undefined) return;
  const line = twice.line === undefined ? {} : { line: twice.line };
  throw new KsealError("FORMAT_INVALID", twice.message, {
    hint: "keep one of them",
    where: { file, ...line },
  });
}

// The MAC, the date and the version are made anew in any case.
function refuseOtherChanges(before: Metadata, after: Metadata): void {
  const isSame =
    before.macOnlyEncrypted === after.macOnlyEncrypted &&
    before.selection?.rule === after.selection?.rule &&
    before.selection?.pattern === after.selection?.pattern;
  if (isSame) return;
  throw new KsealError("CHANGES_REFUSED", "only the recipients in the sops block can be edited", {
    hint: "what is encrypted is decided when a file is encrypted: decrypt it, change the rule, encrypt it again",
  });
}

function checkedGroups({ groups }: Metadata, before: readonly MasterKey[]): KeyGroups {
  const keys = groups.map((group) => group.map(({ key }) => key)).filter((group) => group.length > 0);
  if (keys.length === 0) throw new KsealError("NO_MASTER_KEYS", "the sops block names no recipient");
  for (const key of keysWithout(flatKeys(keys), before)) {
    if (key.type === "age") parseAgeRecipient(key.recipient);
    const problem = problemOf(key);
    if (problem !== undefined) {
      throw new KsealError(
        "USAGE",
        `${shortKeyId(keyId(key))} names no key under ${key.type}: it ${problem}`,
      );
    }
  }
  return keys;
}

function keysOf({ groups }: Metadata): readonly MasterKey[] {
  return flatKeys(groups.map((group) => group.map(({ key }) => key)));
}

function sameGroups(groups: KeyGroups, before: Metadata): boolean {
  return (
    groups.length === before.groups.length &&
    groups.every((group, index) => {
      const old = before.groups[index] ?? [];
      return (
        group.length === old.length &&
        group.every((key, place) => {
          const wrapped = old[place];
          return wrapped !== undefined && sameKey(key, wrapped.key);
        })
      );
    })
  );
}
