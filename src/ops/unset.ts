import { parseTreePath, printTreePath, unsetNode } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import { type EditTreeOptions, type EditTreeResult, editTree } from "./edit-tree.ts";

/**
 * Removes a key or a list item from an encrypted file.
 *
 * @throws KsealError `NOT_FOUND` when it is not there, unless `idempotent`.
 */
export async function unsetValue(options: EditTreeOptions, context: OpContext): Promise<EditTreeResult> {
  const path = parseTreePath(options.treePath);
  return editTree(
    options,
    (document) => {
      const without = unsetNode(document, path);
      if (without !== undefined || options.idempotent) return without;
      throw new KsealError("NOT_FOUND", "nothing stands at this path", {
        where: { path: printTreePath(path) },
      });
    },
    context,
  );
}
