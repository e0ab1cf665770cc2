import type { AliasEvent } from "js-yaml";
import type { TreeNode } from "../core/tree.ts";
import { KsealError } from "../errors.ts";
import { invalid, placeOf } from "./source-text.ts";
import { withoutComments } from "./yaml-items.ts";
import type { AliasSyntax, Properties, Syntax } from "./yaml-syntax.ts";

// Nobody shares more by aliases; an alias bomb multiplies with every level.
const maxExpandedNodes = 1_000_000;

interface Anchor {
  /** Nothing while the node is still being read. */
  readonly syntax: Syntax | undefined;
  /** The number of its nodes, with every alias in it as a copy. */
  readonly size: number;
  /** What aliases stand for: all of them for the same nodes, since trees never change. */
  copy?: TreeNode;
}

/** The anchors of a file and the aliases that stand for them. */
export class YamlAnchors {
  readonly aliases: AliasSyntax[] = [];
  readonly #text: string;
  /** By name. go-yaml keeps them from one document to the next. */
  readonly #anchors = new Map<string, Anchor>();
  #expanded = 0;

  /** @param text - The whole file, which the events' offsets are in. */
  constructor(text: string) {
    this.#text = text;
  }

  /**
   * Keeps the anchor of a node, when it has one.
   *
   * @param anchor - What it stands for: no syntax while the node is still being read; `size` counts its nodes.
   * @throws KsealError `FORMAT_INVALID` for a name that SOPS does not know.
   */
  keep(properties: Properties | undefined, anchor: Anchor): void {
    if (!properties?.anchor) return;
    const { start, end } = properties.anchor;
    const name = this.#text.slice(start + 1, end);
    if (!/^[\w-]+$/.test(name)) {
      throw invalid(this.#text, start, "sops knows anchors of letters, digits, dashes and underscores only");
    }
    this.#anchors.set(name, anchor);
  }

  /**
   * Reads an alias.
   *
   * @returns its syntax, and how many nodes it stands for.
   * @throws KsealError `FORMAT_INVALID` for one without an anchor, `LIMIT_EXCEEDED` for an alias bomb.
   */
  readAlias(event: AliasEvent): { readonly syntax: AliasSyntax; readonly size: number } {
    const span = { start: event.anchorStart - 1, end: event.anchorEnd };
    const anchor = this.#anchors.get(this.#text.slice(event.anchorStart, event.anchorEnd));
    if (anchor === undefined) throw invalid(this.#text, span.start, "the alias names no anchor above it");
    if (anchor.syntax === undefined) {
      throw invalid(this.#text, span.start, "the alias stands inside its own anchor");
    }
    this.#expanded += anchor.size;
    if (this.#expanded > maxExpandedNodes) {
      throw new KsealError("LIMIT_EXCEEDED", "the aliases stand for more than a million values", {
        where: placeOf(this.#text, span.start),
      });
    }
    const target = anchor.syntax;
    anchor.copy ??= withoutComments(target.node);
    const syntax: AliasSyntax = { kind: "alias", ...span, properties: undefined, target, node: anchor.copy };
    this.aliases.push(syntax);
    return { syntax, size: anchor.size };
  }
}
