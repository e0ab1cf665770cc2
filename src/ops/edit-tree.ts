import type { MapNode } from "../core/tree.ts";
import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import type { Destination } from "./destination.ts";
import type { LayoutOptions } from "./layout.ts";
import { warnOfUnlisted } from "./listed-recipients.ts";
import { type OpenOptions, openText, readText } from "./load-file.ts";
import { resealFile } from "./reseal-file.ts";
import { selectOne } from "./select-files.ts";
import { withLocks, writeResults } from "./write-result.ts";

/** What `set`, `unset` and `rename` have in common. */
export interface EditTreeOptions extends OpenOptions, LayoutOptions {
  /** A file, or `-` for standard input. */
  readonly path: string;
  /** A tree path such as `["stringData"]["password"]`, in the first document unless {@link document} says otherwise. */
  readonly treePath: string;
  /** Which document of a YAML file, counted from 0. */
  readonly document?: number | undefined;
  /** `in-place` when left out. */
  readonly destination?: Destination | undefined;
  readonly nameOverride?: string | undefined;
  /** Leaves the file as it is when it says so already, instead of writing (set) or failing (unset). */
  readonly idempotent?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface EditTreeResult {
  readonly file: string;
  readonly writtenTo: string | undefined;
  /** The whole encrypted file. */
  readonly content: Uint8Array;
  readonly changed: boolean;
}

/**
 * Changes one document of an encrypted file. The lock is held from reading to writing, so that of two edits at the same
 * time none is lost.
 *
 * @param change - Returns the new document, or `undefined` to leave the file as it is.
 */
export async function editTree(
  options: EditTreeOptions,
  change: (document: MapNode) => MapNode | undefined,
  context: OpContext,
): Promise<EditTreeResult> {
  const { destination = { to: "in-place" }, dryRun, document = 0 } = options;
  const source = await selectOne(options.path, context);
  return withLocks([source], destination.to === "in-place" && !dryRun, context, async () => {
    const text = await readText(source, options, context);
    const opened = await openText(text, options, context);
    await warnOfUnlisted(opened, context);
    try {
      const branch = opened.plain.branches[document];
      if (branch === undefined) throw new KsealError("NOT_FOUND", `the file has no document ${document}`);
      const changed = change(branch);
      const branches = opened.plain.branches.with(document, changed ?? branch);
      const content = changed
        ? await resealFile(opened, { ...options, plain: { branches } }, context)
        : opened.bytes;
      const results = [{ source, content, expect: opened.bytes }];
      const unchanged = changed === undefined && destination.to === "in-place";
      const [writtenTo] = unchanged
        ? []
        : await writeResults(results, destination, { dryRun, plaintext: false }, context);
      return { file: source.file, writtenTo, content, changed: changed !== undefined };
    } catch (error) {
      throw error instanceof KsealError ? error.at({ file: source.file }) : error;
    }
  });
}
