import type { Metadata } from "../core/metadata.ts";
import { compileSelection } from "../core/selection.ts";
import type { Document } from "../core/tree.ts";
import { leavesOf } from "./check-leaves.ts";

/** One version of a file. */
interface Version {
  readonly document: Document;
  readonly metadata: Metadata | undefined;
}

/**
 * Whether the comments changed that say what is encrypted. They are no values, and neither MAC nor key protects them: one
 * more at the end of a mapping leaves the next value that somebody adds there in clear.
 */
export async function compareMarks(
  old: Version | undefined,
  now: Version | undefined,
): Promise<readonly string[]> {
  const selection = now?.metadata?.selection;
  if (old === undefined || now === undefined || !selection?.rule.endsWith("_comment_regex")) return [];
  const selector = await compileSelection(selection);
  const [before, after] = [old, now].map(({ document }) =>
    leavesOf(document, selector).flatMap(({ leaf, document: at, path }) =>
      leaf.kind === "comment" && selector.afterComment(false, leaf.text)
        ? [JSON.stringify([at, path.filter((step) => typeof step === "string")])]
        : [],
    ),
  );
  return before?.toSorted().join() === after?.toSorted().join()
    ? []
    : ["comments changed that say what is encrypted: see them with git diff --no-textconv"];
}
