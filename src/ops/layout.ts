import type { Format, ParsedFile, RenderOptions } from "../formats/store.ts";
import type { OpContext } from "./context.ts";

/** How a result is laid out. */
export interface LayoutOptions {
  /** The input's format when left out. */
  readonly outputType?: Format | undefined;
  /** Spaces a level in what is laid out anew; the setting of `stores` in `.sops.yaml` when left out. */
  readonly indent?: number | undefined;
}

/** What a result is called and shall be. */
interface Target {
  /** The file's name, for its `.sops.yaml`; empty when there is none. */
  readonly name: string;
  readonly format: Format;
  /** Spaces a level in what is laid out anew, when the caller decides that. */
  readonly indent?: number | undefined;
}

/** How a result is laid out: as the file it came from, unless it changes format or the layout of SOPS is wanted. */
export async function layoutLike(from: ParsedFile, to: Target, context: OpContext): Promise<RenderOptions> {
  const keeps = context.layout === "kept" && from.format === to.format;
  return keeps ? { base: from, indent: to.indent } : freshLayout(to, context);
}

/**
 * The layout of SOPS. The configuration is read only here, where its `stores` decide something: a simple decrypt does
 * not need it.
 */
export async function freshLayout(
  { name, format, indent }: Target,
  context: OpContext,
): Promise<RenderOptions> {
  if (indent !== undefined || name === "") return { indent };
  const { indentOf, openRuleBook } = await import("./rule-book.ts");
  return { indent: indentOf(await openRuleBook(context).configFor(context.host.resolve(name)), format) };
}
