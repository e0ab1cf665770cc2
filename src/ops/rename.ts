import { parseTreePath, printTreePath, renameKey } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import { type EditTreeOptions, type EditTreeResult, editTree } from "./edit-tree.ts";

export interface RenameOptions extends EditTreeOptions {
  /** The new name of the key that the tree path ends with. */
  readonly newKey: string;
}

/** Gives a key another name. It keeps its value and its place; what is below it is encrypted anew. */
export async function renameKeyIn(options: RenameOptions, context: OpContext): Promise<EditTreeResult> {
  const path = parseTreePath(options.treePath);
  return editTree(
    options,
    (document) => {
      const renamed = renameKey(document, path, options.newKey);
      if (renamed !== undefined) return renamed;
      throw new KsealError("NOT_FOUND", "nothing stands at this path", {
        where: { path: printTreePath(path) },
      });
    },
    context,
  );
}
