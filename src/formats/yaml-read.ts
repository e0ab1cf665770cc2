import {
  type AliasEvent,
  CHOMPING_MODE,
  COLLECTION_STYLE,
  type DocumentEvent,
  EVENT_ID,
  type Event,
  type MappingEvent,
  SCALAR_STYLE,
  type ScalarEvent,
  type SequenceEvent,
} from "js-yaml";
import type { Scalar, TreeNode } from "../core/tree.ts";
import { printTreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import { invalid, placeOf } from "./source-text.ts";
import { type NodeComments, noComments, YamlComments } from "./yaml-comments.ts";
import { type Directives, propertiesOf, readEvents, remarksOn, tagOf } from "./yaml-events.ts";
import { type Element, mapItems, type Pair, seqItems, surround, withoutComments } from "./yaml-items.ts";
import { resolvePlain, resolveTagged, type ScalarProblem } from "./yaml-scalar.ts";
import { endOfBlock, scalarText } from "./yaml-scalar-text.ts";
import { isSpaceOrEnd, skipSpace, startOfContent } from "./yaml-scan.ts";
import type {
  AliasSyntax,
  BlockScalar,
  DocumentSyntax,
  MapSyntax,
  Properties,
  ScalarStyle,
  ScalarSyntax,
  SeqSyntax,
  Span,
  Syntax,
} from "./yaml-syntax.ts";

/** A YAML text taken apart: where everything stands, and what it means. */
export interface YamlText {
  readonly text: string;
  readonly documents: readonly DocumentSyntax[];
  /** Keys that their mapping has already. */
  readonly duplicates: readonly ScalarSyntax[];
  readonly aliases: readonly AliasSyntax[];
  readonly remarks: readonly string[];
}

// Nobody shares more by aliases; an alias bomb multiplies with every level.
const maxExpandedNodes = 1_000_000;

const styles: Readonly<Record<number, ScalarStyle>> = {
  [SCALAR_STYLE.PLAIN]: "plain",
  [SCALAR_STYLE.SINGLE_QUOTED]: "single",
  [SCALAR_STYLE.DOUBLE_QUOTED]: "double",
  [SCALAR_STYLE.LITERAL_BLOCK]: "literal",
  [SCALAR_STYLE.FOLDED_BLOCK]: "folded",
};
const chompings: Readonly<Record<number, BlockScalar["chomping"]>> = {
  [CHOMPING_MODE.CLIP]: "clip",
  [CHOMPING_MODE.STRIP]: "strip",
  [CHOMPING_MODE.KEEP]: "keep",
};

/**
 * Reads a YAML text as SOPS does: with go-yaml's types, aliases as copies, and comments in the places that go-yaml
 * gives them.
 *
 * @throws KsealError `FORMAT_INVALID` with line and column, `LIMIT_EXCEEDED`.
 */
export function readYaml(text: string): YamlText {
  const events = readEvents(text);
  const reader = new YamlReader(text, events);
  const documents = reader.readDocuments();
  return {
    text,
    documents,
    duplicates: reader.duplicates,
    aliases: reader.aliases,
    remarks: remarksOn(events),
  };
}

interface Anchor {
  /** Nothing while the node is still being read. */
  readonly syntax: Syntax | undefined;
  /** The number of its nodes, with every alias in it as a copy. */
  readonly size: number;
  /** What aliases stand for: all of them for the same nodes, since trees never change. */
  copy?: TreeNode;
}

class YamlReader {
  readonly duplicates: ScalarSyntax[] = [];
  readonly aliases: AliasSyntax[] = [];
  readonly #text: string;
  readonly #events: readonly Event[];
  readonly #comments: YamlComments;
  readonly #path: (string | number)[] = [];
  /** The comments of mappings and lists that the one around them must place. */
  readonly #own = new Map<Syntax, NodeComments>();
  /** By name. go-yaml keeps them from one document to the next. */
  readonly #anchors = new Map<string, Anchor>();
  #directives: Directives = [];
  #next = 0;
  #flowLevel = 0;
  /** Everything before this offset has been read. */
  #end = 0;
  /** Nodes read so far, every alias counted as a copy. */
  #nodes = 0;
  #expanded = 0;

  constructor(text: string, events: readonly Event[]) {
    this.#text = text;
    this.#events = events;
    this.#comments = new YamlComments(text, events);
  }

  readDocuments(): DocumentSyntax[] {
    const documents: DocumentSyntax[] = [];
    for (let event = this.#take(); event; event = this.#take()) {
      if (event.type === EVENT_ID.DOCUMENT) documents.push(this.#readDocument(event));
    }
    return documents;
  }

  #take(): Event | undefined {
    return this.#events[this.#next++];
  }

  #readDocument(event: DocumentEvent): DocumentSyntax {
    this.#directives = event.directives;
    const { explicitStart } = event;
    this.#end = startOfContent(this.#text, this.#end, { explicitStart });
    const start = this.#end;
    const contentEvent = this.#events[this.#next];
    const syntax = this.#readValue();
    const comments = this.#commentsOf(syntax, contentEvent ?? event);
    // The event that ends the document.
    this.#next++;
    const around = this.#comments.of(event);
    const before = [...around.head, ...comments.head, ...comments.line];
    const behind = [...comments.foot, ...around.foot, ...around.lost];
    if (syntax.kind === "map") {
      const root = surround(this.#text, syntax, before, behind);
      return { start, end: this.#end, root, content: "map", explicitStart };
    }
    if (syntax.kind !== "scalar" || syntax.node.kind !== "null") {
      throw invalid(
        this.#text,
        syntax.start,
        `the top level is ${nameOf(syntax)}, not a mapping of keys to values`,
      );
    }
    const root = surround(this.#text, emptyMap(syntax.start), before, behind);
    return {
      start,
      end: this.#end,
      root,
      content: syntax.end > syntax.start ? "null" : "nothing",
      explicitStart,
    };
  }

  #readValue(): Syntax {
    const event = this.#take();
    switch (event?.type) {
      case EVENT_ID.SCALAR:
        return this.#readScalar(event);
      case EVENT_ID.ALIAS:
        return this.#readAlias(event);
      case EVENT_ID.MAPPING:
        return this.#readMap(event);
      case EVENT_ID.SEQUENCE:
        return this.#readSeq(event);
      default:
        throw new RangeError("the events of the parser do not nest");
    }
  }

  #commentsOf(syntax: Syntax, event: Event): NodeComments {
    return this.#own.size === 0
      ? this.#comments.of(event)
      : (this.#own.get(syntax) ?? this.#comments.of(event));
  }

  #keepAnchor(properties: Properties | undefined, anchor: Anchor): void {
    if (!properties?.anchor) return;
    const { start, end } = properties.anchor;
    const name = this.#text.slice(start + 1, end);
    if (!/^[\w-]+$/.test(name)) {
      throw invalid(this.#text, start, "sops knows anchors of letters, digits, dashes and underscores only");
    }
    this.#anchors.set(name, anchor);
  }

  #readAlias(event: AliasEvent): AliasSyntax {
    const span = { start: event.anchorStart - 1, end: event.anchorEnd };
    const anchor = this.#anchors.get(this.#text.slice(event.anchorStart, event.anchorEnd));
    if (anchor === undefined) throw invalid(this.#text, span.start, "the alias names no anchor above it");
    if (anchor.syntax === undefined) {
      throw invalid(this.#text, span.start, "the alias stands inside its own anchor");
    }
    this.#end = span.end;
    this.#expanded += anchor.size;
    this.#nodes += anchor.size;
    if (this.#expanded > maxExpandedNodes) {
      throw new KsealError("LIMIT_EXCEEDED", "the aliases stand for more than a million values", {
        where: placeOf(this.#text, span.start),
      });
    }
    const target = anchor.syntax;
    anchor.copy ??= withoutComments(target.node);
    const syntax: AliasSyntax = { kind: "alias", ...span, properties: undefined, target, node: anchor.copy };
    this.aliases.push(syntax);
    return syntax;
  }

  #readScalar(event: ScalarEvent): ScalarSyntax {
    const properties = propertiesOf(event);
    const style = styles[event.style] ?? "plain";
    const isBlock = style === "literal" || style === "folded";
    const start = this.#startOf(event, style, properties);
    const end = event.valueStart < 0 ? start : this.#endOf(event, style);
    const chomping = chompings[event.chomping] ?? "clip";
    const block = isBlock ? { body: event.valueStart, column: event.indent, chomping } : undefined;
    const node = this.#scalarNode(event, { style, offset: start, properties });
    const syntax: ScalarSyntax = { kind: "scalar", start, end, style, block, properties, node };
    this.#end = end;
    this.#nodes++;
    if (properties?.anchor) this.#keepAnchor(properties, { syntax, size: 1 });
    return syntax;
  }

  #startOf({ valueStart }: ScalarEvent, style: ScalarStyle, properties: Properties | undefined): number {
    if (style === "plain" && valueStart >= 0) return valueStart;
    if (style === "single" || style === "double") return valueStart - 1;
    const from = Math.max(this.#end, properties?.end ?? 0);
    return valueStart < 0 ? from : skipSpace(this.#text, from);
  }

  #endOf(event: ScalarEvent, style: ScalarStyle): number {
    if (style === "plain") return event.valueEnd;
    return style === "single" || style === "double" ? event.valueEnd + 1 : endOfBlock(this.#text, event);
  }

  #scalarNode(
    event: ScalarEvent,
    { style, offset, properties }: { style: ScalarStyle; offset: number; properties: Properties | undefined },
  ): Scalar {
    const value = scalarText(this.#text, event, style);
    if (style === "plain" && this.#flowLevel > 0 && value.includes("?")) {
      throw invalid(
        this.#text,
        offset,
        "sops takes the question mark in brackets for a key",
        "put the text in quotes",
      );
    }
    const tag = tagOf(this.#text, properties, this.#directives);
    if (tag === undefined && style !== "plain") return { kind: "str", value };
    const scalar = tag === undefined ? resolvePlain(value) : resolveTagged(value, tag);
    if (typeof scalar === "string") throw this.#notAScalar(scalar, offset);
    return scalar;
  }

  #notAScalar(problem: ScalarProblem, offset: number): KsealError {
    const where = { ...placeOf(this.#text, offset), path: printTreePath(this.#path) };
    return problem === "too-large"
      ? new KsealError("FORMAT_INVALID", "the integer does not fit into 64 bits", {
          where,
          hint: "put it in quotes to keep it as text",
        })
      : new KsealError("FORMAT_INVALID", "the text is not what its tag says", { where });
  }

  #readMap(event: MappingEvent): MapSyntax {
    const flow = event.style === COLLECTION_STYLE.FLOW;
    const isBracketed = flow && this.#text[event.start] === "{";
    const properties = propertiesOf(event);
    this.#keepAnchor(properties, { syntax: undefined, size: 0 });
    const nodes = this.#nodes++;
    this.#end = isBracketed ? event.start + 1 : event.start;
    if (flow) this.#flowLevel++;
    const pairs: Pair[] = [];
    const seen = new Set<string>();
    while (this.#events[this.#next]?.type !== EVENT_ID.POP) {
      const pair = this.#readPair();
      const name = keyName(pair.key);
      if (seen.has(name)) this.duplicates.push(pair.key);
      seen.add(name);
      pairs.push(pair);
    }
    this.#next++;
    if (flow) this.#flowLevel--;
    if (isBracketed) this.#closeFlow();
    const { items, own } = mapItems(this.#text, pairs, { comments: this.#comments.of(event), flow });
    const syntax: MapSyntax = {
      kind: "map",
      flow,
      properties,
      items: items.syntax,
      node: { kind: "map", items: items.nodes },
      ...this.#collectionSpan(event, items.syntax, flow),
    };
    this.#keepAnchor(properties, { syntax, size: this.#nodes - nodes });
    if (own !== noComments) this.#own.set(syntax, own);
    return syntax;
  }

  #readPair(): Pair {
    let first = skipSpace(this.#text, this.#end);
    if (this.#text[first] === ",") first = skipSpace(this.#text, first + 1);
    const keyEvent = this.#events[this.#next];
    const isExplicit = this.#text[first] === "?" && isSpaceOrEnd(this.#text, first + 1);
    this.#end = isExplicit ? first + 1 : first;
    const key = this.#readValue();
    const scalarKey = key.kind === "alias" ? aliasKey(key) : key;
    if (scalarKey.kind !== "scalar" || scalarKey.node.kind !== "str" || keyEvent === undefined) {
      const where = { ...placeOf(this.#text, key.start), path: printTreePath(this.#path) };
      throw new KsealError("FORMAT_INVALID", `a key is ${nameOf(key)}, and SOPS has text keys only`, {
        where,
        hint: key.kind === "scalar" ? "put the key in quotes" : undefined,
      });
    }
    this.#path.push(scalarKey.node.value);
    const colon = skipSpace(this.#text, this.#end);
    if (this.#text[colon] === ":") this.#end = colon + 1;
    if (colon === scalarKey.end && scalarKey.style === "plain" && !isSpaceOrEnd(this.#text, colon + 1)) {
      if (this.#text[colon] === ":") {
        throw invalid(
          this.#text,
          colon,
          "sops takes the colon for a part of the key",
          "put a blank behind it",
        );
      }
    }
    const valueEvent = this.#events[this.#next] ?? keyEvent;
    const value = this.#readValue();
    this.#path.pop();
    return {
      key: scalarKey,
      keyComments: this.#comments.of(keyEvent),
      value,
      valueComments: this.#commentsOf(value, valueEvent),
      start: first,
    };
  }

  #readSeq(event: SequenceEvent): SeqSyntax {
    const flow = event.style === COLLECTION_STYLE.FLOW;
    const properties = propertiesOf(event);
    this.#keepAnchor(properties, { syntax: undefined, size: 0 });
    const nodes = this.#nodes++;
    this.#end = flow ? event.start + 1 : event.start;
    if (flow) this.#flowLevel++;
    const elements: Element[] = [];
    while (this.#events[this.#next]?.type !== EVENT_ID.POP) {
      let start = skipSpace(this.#text, this.#end);
      if (flow && this.#text[start] === ",") start = skipSpace(this.#text, start + 1);
      this.#end = flow ? start : start + 1;
      this.#path.push(elements.length);
      const valueEvent = this.#events[this.#next] ?? event;
      const value = this.#readValue();
      this.#path.pop();
      elements.push({ value, comments: this.#commentsOf(value, valueEvent), start });
    }
    this.#next++;
    if (flow) this.#flowLevel--;
    if (flow) this.#closeFlow();
    const comments = this.#comments.of(event);
    const items = seqItems(this.#text, elements, comments);
    const syntax: SeqSyntax = {
      kind: "seq",
      flow,
      properties,
      items: items.syntax,
      node: { kind: "seq", items: items.nodes },
      ...this.#collectionSpan(event, items.syntax, flow),
    };
    this.#keepAnchor(properties, { syntax, size: this.#nodes - nodes });
    return syntax;
  }

  #collectionSpan(
    { start }: MappingEvent | SequenceEvent,
    items: readonly Span[],
    flow: boolean,
  ): Span & { reach: number } {
    let reach = this.#end;
    for (const item of items) reach = Math.max(reach, item.end);
    return { start, end: flow ? this.#end : reach, reach };
  }

  #closeFlow(): void {
    let at = skipSpace(this.#text, this.#end);
    if (this.#text[at] === ",") at = skipSpace(this.#text, at + 1);
    this.#end = at + 1;
  }
}

function emptyMap(at: number): MapSyntax {
  const node = { kind: "map", items: [] } as const;
  return { kind: "map", flow: false, properties: undefined, items: [], node, start: at, end: at, reach: at };
}

/** An alias may stand for a key; its text is then that of the anchor. */
function aliasKey({ start, end, target }: AliasSyntax): Syntax {
  if (target.kind !== "scalar") return target;
  return { ...target, start, end, style: "plain", block: undefined, properties: undefined };
}

function keyName({ node }: ScalarSyntax): string {
  return node.kind === "str" ? node.value : "";
}

function nameOf(syntax: Syntax): string {
  if (syntax.kind === "alias") return nameOf(syntax.target);
  if (syntax.kind !== "scalar") return syntax.kind === "map" ? "a mapping" : "a list";
  return scalarNames[syntax.node.kind];
}

const scalarNames: Readonly<Record<Scalar["kind"], string>> = {
  int: "a number",
  float: "a number",
  bool: "true or false",
  time: "a date",
  null: "empty or null",
  str: "a text",
  bytes: "a text",
};
