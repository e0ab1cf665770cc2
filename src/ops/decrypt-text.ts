import type { Document, TreeNode } from "../core/tree.ts";
import { getNode, parseTreePath, printTreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import { storeFor } from "../formats/detect.ts";
import type { Format } from "../formats/store.ts";
import type { OpContext } from "./context.ts";
import { freshLayout, type LayoutOptions, layoutLike } from "./layout.ts";
import type { OpenedFile, OpenOptions } from "./load-file.ts";

/** How to decrypt, for files and text alike. */
export interface DecryptOptions extends OpenOptions, LayoutOptions {
  /** A tree path such as `["stringData"]["password"]`: only what stands there. */
  readonly extract?: string | undefined;
}

/** Writes an opened file as text: in its own layout, or in that of SOPS when the format changes. */
export async function renderPlain(
  opened: OpenedFile,
  options: DecryptOptions,
  context: OpContext,
): Promise<{ content: Uint8Array; format: Format }> {
  const format = options.outputType ?? opened.parsed.format;
  try {
    const store = await storeFor(format);
    const to = { name: opened.name, format, indent: options.indent };
    if (options.extract !== undefined) {
      const node = nodeAt(opened.plain, options.extract);
      const isPart = node.kind === "map" || node.kind === "seq";
      const layout = isPart ? await freshLayout(to, context) : { indent: options.indent };
      return { content: store.renderNode(node, layout), format };
    }
    const layout = await layoutLike(opened.parsed, to, context);
    return { content: store.render({ document: opened.plain, metadata: undefined }, layout), format };
  } catch (error) {
    throw error instanceof KsealError ? error.at({ file: opened.file }) : error;
  }
}

/**
 * What stands at a tree path of the first document, as SOPS reads paths.
 *
 * @throws KsealError `PATH_INVALID`, also for a path through a value (sops.md D39), or `NOT_FOUND` when nothing stands there.
 */
export function nodeAt(document: Document, treePath: string): TreeNode {
  const path = parseTreePath(treePath);
  const [branch] = document.branches;
  const node = branch === undefined ? undefined : getNode(branch, path);
  if (node !== undefined) return node;
  const end = path.findIndex(
    (step, depth) => branch !== undefined && isDeadEnd(getNode(branch, path.slice(0, depth)), step),
  );
  if (end !== -1) {
    throw new KsealError("PATH_INVALID", "the path does not fit: no such step leads on from here", {
      where: { path: printTreePath(path.slice(0, end)) },
    });
  }
  throw new KsealError("NOT_FOUND", "nothing stands at this path", { where: { path: printTreePath(path) } });
}

/** Whether nothing of that kind can stand below a node, whatever else the file says: not a key below a list. */
function isDeadEnd(node: TreeNode | undefined, step: string | number): boolean {
  return node !== undefined && node.kind !== (typeof step === "string" ? "map" : "seq");
}
