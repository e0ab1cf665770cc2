import type { KeyGroups, MasterKey } from "../core/master-key.ts";
import { spelledThreshold } from "../core/metadata.ts";
import { KsealError } from "../errors.ts";
import { storeFor } from "../formats/detect.ts";
import type { Format } from "../formats/store.ts";
import type { OpContext } from "./context.ts";
import type { Destination } from "./destination.ts";
import { shellWord } from "./file-path.ts";
import { layoutLike } from "./layout.ts";
import { openText, readText } from "./load-file.ts";
import { type KeyFlags, keysOf } from "./recipients.ts";
import { rewrap } from "./rewrap.ts";
import { selectOne } from "./select-files.ts";
import { withLocks, writeResults } from "./write-result.ts";

interface GroupsOptions {
  readonly path: string;
  readonly destination: Destination;
  readonly inputType?: Format | undefined;
  readonly indent?: number | undefined;
  readonly shamirThreshold?: number | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface AddGroupOptions extends GroupsOptions {
  readonly keys: KeyFlags;
}

export interface DeleteGroupOptions extends GroupsOptions {
  /** Which group to delete, counted from 0. */
  readonly index: number;
}

export interface GroupsResult {
  readonly file: string;
  readonly writtenTo: string | undefined;
  readonly content: Uint8Array;
  readonly groups: KeyGroups;
  readonly shamirThreshold: number;
}

/** Adds a key group to a file. The data key stays; with several groups each gets a Shamir share of it. */
export async function addGroup(options: AddGroupOptions, context: OpContext): Promise<GroupsResult> {
  const keys = await keysOf(options.keys, context);
  if (keys.length === 0) {
    throw new KsealError("NO_MASTER_KEYS", "the new key group has no master key", {
      hint: "name one: --age age1..., --pgp FINGERPRINT, --kms arn:aws:kms:...",
    });
  }
  return changeGroups({ ...options, named: keys }, (groups) => [...groups, keys], context);
}

/** Deletes a key group of a file. Its members may have kept the data key: only `rotate` shuts them out. */
export async function deleteGroup(options: DeleteGroupOptions, context: OpContext): Promise<GroupsResult> {
  const { index, path } = options;
  const result = await changeGroups(
    options,
    (groups) => {
      if (!Number.isInteger(index) || index < 0 || index >= groups.length) {
        throw new KsealError(
          "USAGE",
          `there is no key group ${index}: the file has ${groups.length}, counted from 0`,
        );
      }
      if (groups.length === 1) throw new KsealError("NO_MASTER_KEYS", "the last key group cannot be deleted");
      return groups.toSpliced(index, 1);
    },
    context,
  );
  context.log.warn(
    `${path}: the data key is still the same; give it a new one with: kseal rotate -i ${shellWord(path)}`,
  );
  return result;
}

async function changeGroups(
  options: GroupsOptions & { readonly named?: readonly MasterKey[] },
  change: (groups: KeyGroups) => KeyGroups,
  context: OpContext,
): Promise<GroupsResult> {
  const { destination, dryRun } = options;
  const source = await selectOne(options.path, context);
  return withLocks([source], destination.to === "in-place" && !dryRun, context, async () => {
    const text = await readText(source, {}, context);
    const opened = await openText(text, options, context);
    const { parsed, metadata, file } = opened;
    try {
      const groups = change(metadata.groups.map((group) => group.map(({ key }) => key)));
      const shamirThreshold = spelledThreshold(groups, options.shamirThreshold ?? metadata.shamirThreshold);
      refuseThreshold(shamirThreshold, groups.length);
      const wrapped = await rewrap(opened, { groups, shamirThreshold, named: options.named }, context);
      const store = await storeFor(parsed.format);
      const next = { document: parsed.document, metadata: { ...metadata, groups: wrapped, shamirThreshold } };
      const content = store.render(
        next,
        await layoutLike(parsed, { name: text.name, format: parsed.format, indent: options.indent }, context),
      );
      const results = [{ source, content, expect: text.bytes }];
      const [writtenTo] = await writeResults(results, destination, { dryRun, plaintext: false }, context);
      return { file, writtenTo, content, groups, shamirThreshold };
    } catch (error) {
      throw error instanceof KsealError ? error.at({ file }) : error;
    }
  });
}

function refuseThreshold(threshold: number, groups: number): void {
  if (threshold <= groups) return;
  throw new KsealError("USAGE", `the file would need ${threshold} key groups to open and have ${groups}`, {
    hint: `set another threshold: --shamir-secret-sharing-threshold ${groups}`,
  });
}
