import type { TreeNode } from "../core/tree.ts";
import type { OpContext } from "./context.ts";
import { nodeAt, renderPlain } from "./decrypt-text.ts";
import type { LayoutOptions } from "./layout.ts";
import { type OpenOptions, openText, readText } from "./load-file.ts";
import { selectOne } from "./select-files.ts";

export interface GetOptions extends OpenOptions, LayoutOptions {
  /** A file, or `-` for standard input. */
  readonly path: string;
  /** A tree path such as `["stringData"]["password"]`. */
  readonly treePath: string;
  readonly nameOverride?: string | undefined;
}

export interface GetResult {
  readonly node: TreeNode;
  /** As `--extract` of SOPS prints it: a string raw, a map as a document. */
  readonly content: Uint8Array;
}

/** Reads one value of an encrypted file. */
export async function getValue(options: GetOptions, context: OpContext): Promise<GetResult> {
  const text = await readText(await selectOne(options.path, context), options, context);
  const opened = await openText(text, options, context);
  const { content } = await renderPlain(opened, { ...options, extract: options.treePath }, context);
  return { node: nodeAt(opened.plain, options.treePath), content };
}
