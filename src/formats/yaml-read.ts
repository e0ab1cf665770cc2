import {
  type AliasEvent,
  COLLECTION_STYLE,
  type DocumentEvent,
  EVENT_ID,
  type Event,
  type MappingEvent,
  type ScalarEvent,
  type SequenceEvent,
} from "js-yaml";
import { YamlAnchors } from "./yaml-anchors.ts";
import { type NodeComments, noComments, YamlComments } from "./yaml-comments.ts";
import { documentOf } from "./yaml-document.ts";
import { propertiesOf, readEvents, remarksOn } from "./yaml-events.ts";
import { type Element, mapItems, type Pair, seqItems } from "./yaml-items.ts";
import { checkColon, keyName, keyOf } from "./yaml-key.ts";
import { ScalarReader } from "./yaml-scalar-read.ts";
import { isSpaceOrEnd, skipSpace, startOfContent } from "./yaml-scan.ts";
import type {
  AliasSyntax,
  DocumentSyntax,
  MapSyntax,
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

class YamlReader {
  readonly duplicates: ScalarSyntax[] = [];
  readonly #text: string;
  readonly #events: readonly Event[];
  readonly #comments: YamlComments;
  readonly #path: (string | number)[] = [];
  /** The comments of mappings and lists that the one around them must place. */
  readonly #own = new Map<Syntax, NodeComments>();
  readonly #anchors: YamlAnchors;
  readonly #scalars: ScalarReader;
  #next = 0;
  #flowLevel = 0;
  /** Everything before this offset has been read. */
  #end = 0;
  /** Nodes read so far, every alias counted as a copy. */
  #nodes = 0;

  constructor(text: string, events: readonly Event[]) {
    this.#text = text;
    this.#events = events;
    this.#comments = new YamlComments(text, events);
    this.#anchors = new YamlAnchors(text);
    this.#scalars = new ScalarReader(text, this.#path);
  }

  get aliases(): readonly AliasSyntax[] {
    return this.#anchors.aliases;
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
    this.#scalars.directives = event.directives;
    const { explicitStart } = event;
    this.#end = startOfContent(this.#text, this.#end, { explicitStart });
    const start = this.#end;
    const contentEvent = this.#events[this.#next];
    const syntax = this.#readValue();
    // The event that ends the document.
    this.#next++;
    return documentOf(this.#text, syntax, {
      span: { start, end: this.#end },
      explicitStart,
      own: this.#commentsOf(syntax, contentEvent ?? event),
      around: this.#comments.of(event),
    });
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

  #readScalar(event: ScalarEvent): ScalarSyntax {
    const syntax = this.#scalars.read(event, this.#end, this.#flowLevel);
    this.#end = syntax.end;
    this.#nodes++;
    if (syntax.properties?.anchor) this.#anchors.keep(syntax.properties, { syntax, size: 1 });
    return syntax;
  }

  #readAlias(event: AliasEvent): AliasSyntax {
    const { syntax, size } = this.#anchors.readAlias(event);
    this.#end = syntax.end;
    this.#nodes += size;
    return syntax;
  }

  #readMap(event: MappingEvent): MapSyntax {
    const flow = event.style === COLLECTION_STYLE.FLOW;
    const isBracketed = flow && this.#text[event.start] === "{";
    const properties = propertiesOf(event);
    this.#anchors.keep(properties, { syntax: undefined, size: 0 });
    const nodes = this.#nodes++;
    this.#end = isBracketed ? event.start + 1 : event.start;
    if (flow) this.#flowLevel++;
    const pairs: Pair[] = [];
    const seen = new Set<string>();
    while (this.#events[this.#next]?.type !== EVENT_ID.POP) {
      const pair = this.#readPair(event);
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
    this.#anchors.keep(properties, { syntax, size: this.#nodes - nodes });
    if (own !== noComments) this.#own.set(syntax, own);
    return syntax;
  }

  #readPair(map: MappingEvent): Pair {
    let first = skipSpace(this.#text, this.#end);
    if (this.#text[first] === ",") first = skipSpace(this.#text, first + 1);
    const keyEvent = this.#events[this.#next] ?? map;
    const isExplicit = this.#text[first] === "?" && isSpaceOrEnd(this.#text, first + 1);
    this.#end = isExplicit ? first + 1 : first;
    const key = keyOf(this.#text, this.#readValue(), this.#path);
    this.#path.push(keyName(key));
    const colon = skipSpace(this.#text, this.#end);
    if (this.#text[colon] === ":") this.#end = colon + 1;
    checkColon(this.#text, key, colon);
    const valueEvent = this.#events[this.#next] ?? keyEvent;
    const value = this.#readValue();
    this.#path.pop();
    return {
      key,
      keyComments: this.#comments.of(keyEvent),
      value,
      valueComments: this.#commentsOf(value, valueEvent),
      start: first,
    };
  }

  #readSeq(event: SequenceEvent): SeqSyntax {
    const flow = event.style === COLLECTION_STYLE.FLOW;
    const properties = propertiesOf(event);
    this.#anchors.keep(properties, { syntax: undefined, size: 0 });
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
    this.#anchors.keep(properties, { syntax, size: this.#nodes - nodes });
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
