import { invalid } from "./source-text.ts";
import type { NodeComments } from "./yaml-comments.ts";
import { surround } from "./yaml-items.ts";
import { type DocumentSyntax, type MapSyntax, nameOf, type Span, type Syntax } from "./yaml-syntax.ts";

/**
 * The document of a node at the top: its mapping with the comments around it, or an empty one for a null.
 *
 * @param own - The comments of the node.
 * @param around - The comments of the document.
 * @throws KsealError `FORMAT_INVALID` for any other node at the top.
 */
export function documentOf(
  text: string,
  syntax: Syntax,
  {
    span,
    explicitStart,
    own,
    around,
  }: { span: Span; explicitStart: boolean; own: NodeComments; around: NodeComments },
): DocumentSyntax {
  const before = [...around.head, ...own.head, ...own.line];
  const behind = [...own.foot, ...around.foot, ...around.lost];
  if (syntax.kind === "map") {
    return { ...span, root: surround(text, syntax, before, behind), content: "map", explicitStart };
  }
  if (syntax.kind !== "scalar" || syntax.node.kind !== "null") {
    throw invalid(text, syntax.start, `the top level is ${nameOf(syntax)}, not a mapping of keys to values`);
  }
  const root = surround(text, emptyMap(syntax.start), before, behind);
  return { ...span, root, content: syntax.end > syntax.start ? "null" : "nothing", explicitStart };
}

function emptyMap(at: number): MapSyntax {
  const node = { kind: "map", items: [] } as const;
  return { kind: "map", flow: false, properties: undefined, items: [], node, start: at, end: at, reach: at };
}
