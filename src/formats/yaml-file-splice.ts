import type { Entry, MapNode } from "../core/tree.ts";
import { spliceBlock } from "./yaml-block-items.ts";
import { type Edit, YamlEdits } from "./yaml-edits.ts";
import { spliceFlow } from "./yaml-flow-items.ts";
import { columnOf, type FileLayout } from "./yaml-layout.ts";
import { printBlock, printDocuments } from "./yaml-print.ts";
import type { YamlText } from "./yaml-read.ts";
import { endsWithBreak, isMarker, lineStart, nextLine, skipBlanks, withoutBreak } from "./yaml-scan.ts";
import { NoPlace } from "./yaml-slot.ts";
import { YamlSplicer } from "./yaml-splice.ts";
import type { AliasSyntax, DocumentSyntax, EntrySyntax, MapSyntax } from "./yaml-syntax.ts";

/** What every document of a file is to become: its values, and the `sops` block behind them. */
export interface NextDocument {
  readonly branch: MapNode;
  readonly metadata: MapNode | undefined;
}

/**
 * Writes new documents into a text. What did not change keeps its bytes.
 *
 * @param options.isSealed - The key `sops` of the documents is the metadata, not a value of the user's.
 * @param options.endsLastLine - A text without a line break at its end may get one, which a block scalar that is now
 *   the last value counts as its own.
 */
export function spliceFile(
  source: YamlText,
  next: readonly NextDocument[],
  options: {
    readonly layout: FileLayout;
    readonly isSealed: boolean;
    readonly endsLastLine: boolean;
  },
): string {
  const { layout, isSealed } = options;
  const edits = new YamlEdits();
  const splicer = new YamlSplicer(source.text, layout, edits);
  for (const [index, document] of source.documents.entries()) {
    const becomes = next[index];
    if (becomes) new DocumentSplicer(splicer, document, isSealed).become(becomes);
    else removeDocument(splicer, document);
  }
  expandAliases(splicer);
  const text = edits.apply(source.text);
  const added = next.slice(source.documents.length);
  const whole = added.length === 0 ? text : appendDocuments(text, added, layout);
  return options.endsLastLine || endsWithBreak(source.text)
    ? whole
    : whole.slice(0, withoutBreak(whole, whole.length));
}

class DocumentSplicer {
  readonly #splicer: YamlSplicer;
  readonly #document: DocumentSyntax;
  /** The document without its `sops` block. */
  readonly #root: MapSyntax;
  readonly #block: EntrySyntax | undefined;

  constructor(splicer: YamlSplicer, document: DocumentSyntax, isSealed: boolean) {
    this.#splicer = splicer;
    this.#document = document;
    this.#block = isSealed ? document.root.items.find(isBlock) : undefined;
    this.#root = isSealed ? withoutBlock(document.root) : document.root;
  }

  become({ branch, metadata }: NextDocument): void {
    const { root, content } = this.#document;
    if (root.flow) {
      this.#becomeInBrackets(branch, metadata);
    } else if (content === "map") {
      this.#items(branch);
      this.#metadata(metadata);
      if (metadata === undefined && !branch.items.some(isEntry)) this.#writeEmpty();
    } else {
      this.#fill(branch, metadata);
    }
  }

  /** Gives a document its first values. Its comments stay where they are. */
  #fill(branch: MapNode, metadata: MapNode | undefined): void {
    const { edits, text } = this.#splicer;
    const old = this.#document.root;
    const comments = old.items.filter((item) => item.kind === "comment");
    const [first, rest] = [branch.items.slice(0, comments.length), branch.items.slice(comments.length)];
    for (const [index, comment] of comments.entries()) {
      const item = first[index];
      if (item?.kind === "comment") edits.replace(comment.start + 1, comment.end, item.text);
      else edits.remove(lineStart(text, comment.start), nextLine(text, comment.end));
    }
    const added = [...first.filter(isEntry), ...rest];
    if (added.length === 0 && metadata === undefined) return;
    // A null that is written out makes room.
    edits.remove(old.start, this.#document.end);
    this.#append(printMap({ kind: "map", items: added }, metadata, this.#splicer.layout));
  }

  #items(branch: MapNode): void {
    const hasEntries = this.#root.items.some((item) => item.kind === "entry");
    if (hasEntries || this.#block === undefined) spliceBlock(this.#splicer, this.#root, branch);
    else spliceBlock(this.#splicer, { ...this.#root, start: this.#block.start }, branch);
  }

  #metadata(metadata: MapNode | undefined): void {
    const { edits, text, layout } = this.#splicer;
    const block = this.#block;
    if (block === undefined) {
      if (metadata !== undefined) this.#append(printMetadata(metadata, layout));
      return;
    }
    if (metadata === undefined) {
      this.#removeBlock(block);
    } else if (block.value.kind === "map" && !block.value.flow && block.value.items.some(isEntrySyntax)) {
      const step = columnOf(text, block.value.start);
      const inner = new YamlSplicer(text, { ...layout, indent: step, flatLists: false }, edits);
      spliceBlock(inner, block.value, metadata, { keepsComments: true });
    } else {
      this.#splicer.replace(block.value, metadata, this.#splicer.slotOf(block, { flow: false }));
    }
  }

  #removeBlock(block: EntrySyntax): void {
    const { edits, text } = this.#splicer;
    edits.remove(lineStart(text, block.start), nextLine(text, block.end));
  }

  /** Adds the block at the end of the document, behind its last comments and blank lines. */
  #append(lines: string): void {
    const { edits, text, layout } = this.#splicer;
    const at = this.#end();
    const printed = lines.replaceAll("\n", layout.newline);
    if (at === lineStart(text, at)) edits.insert(at, printed);
    else edits.insert(at, layout.newline + printed.slice(0, -layout.newline.length));
  }

  /** Where the next document begins, or what ends this one. */
  #end(): number {
    const { text } = this.#splicer;
    let at = this.#document.end;
    while (at < text.length) {
      at = nextLine(text, at);
      if (isMarker(text, at, "---") || isMarker(text, at, "...")) return at;
    }
    return at;
  }

  #becomeInBrackets(branch: MapNode, metadata: MapNode | undefined): void {
    const { edits } = this.#splicer;
    const mark = edits.mark();
    const last: readonly Entry[] = metadata ? [{ kind: "entry", key: "sops", value: metadata }] : [];
    const next: MapNode = { kind: "map", items: [...branch.items, ...last] };
    try {
      spliceFlow(this.#splicer, this.#document.root, next);
    } catch (error) {
      if (!(error instanceof NoPlace)) throw error;
      edits.rewind(mark);
      this.#rewrite(branch, metadata);
    }
  }

  /** A document of which nothing is left must still be one. */
  #writeEmpty(): void {
    const { edits, text, layout } = this.#splicer;
    const { root, explicitStart } = this.#document;
    if (!explicitStart && root.items.some(isEntrySyntax))
      edits.insert(lineStart(text, root.start), `{}${layout.newline}`);
  }

  /** Writes a document in brackets as a block. */
  #rewrite(branch: MapNode, metadata: MapNode | undefined): void {
    const { edits, text, layout } = this.#splicer;
    const { root } = this.#document;
    for (const item of root.items) {
      if (item.kind !== "comment" || (item.start >= root.start && item.end <= root.end)) continue;
      const line = lineStart(text, item.start);
      if (skipBlanks(text, line) === item.start) edits.remove(line, nextLine(text, item.end));
      else edits.remove(item.start, item.end);
    }
    const value = printMap(branch, metadata, layout).replaceAll("\n", layout.newline);
    // What stood behind `---` on its line goes below it.
    const lead = lineStart(text, root.start) === root.start ? "" : layout.newline;
    edits.replace(root.start, root.end, lead + value.slice(0, -layout.newline.length));
  }
}

function printMap(branch: MapNode, metadata: MapNode | undefined, layout: FileLayout): string {
  const last: readonly Entry[] = metadata ? [{ kind: "entry", key: "sops", value: metadata }] : [];
  return printBlock({ kind: "map", items: [...branch.items, ...last] }, 0, { ...layout, floats: "float" });
}

function printMetadata(metadata: MapNode, layout: FileLayout): string {
  const block: MapNode = { kind: "map", items: [{ kind: "entry", key: "sops", value: metadata }] };
  return printBlock(block, 0, { indent: layout.metadataIndent, floats: "float" });
}

function isEntry({ kind }: { readonly kind: string }): boolean {
  return kind === "entry";
}

function isEntrySyntax(item: MapSyntax["items"][number]): item is EntrySyntax {
  return item.kind === "entry";
}

/** Whether an item of a root mapping is the metadata. */
export function isBlock(item: MapSyntax["items"][number]): item is EntrySyntax {
  return item.kind === "entry" && item.key.node.kind === "str" && item.key.node.value === "sops";
}

/** A root mapping without its metadata. */
export function withoutBlock(root: MapSyntax): MapSyntax {
  if (!root.items.some(isBlock)) return root;
  const stays = root.items.map((item) => !isBlock(item));
  const items = root.items.filter((_, index) => stays[index]);
  const node: MapNode = { kind: "map", items: root.node.items.filter((_, index) => stays[index]) };
  return { ...root, items, node };
}

function removeDocument({ edits, text }: YamlSplicer, document: DocumentSyntax): void {
  const start = lineStart(text, document.start);
  let end = Math.max(document.end, document.root.reach);
  do end = nextLine(text, end);
  while (end < text.length && !isMarker(text, end, "---"));
  edits.remove(start, end);
}

function appendDocuments(text: string, documents: readonly NextDocument[], layout: FileLayout): string {
  const branches = documents.map(({ branch, metadata }): MapNode => {
    if (metadata === undefined) return branch;
    return { kind: "map", items: [...branch.items, { kind: "entry", key: "sops", value: metadata }] };
  });
  const printed = printDocuments(branches, { ...layout, floats: "float" });
  const lead = text === "" || endsWithBreak(text) ? "" : layout.newline;
  return `${text}${lead}${`---\n${printed}`.replaceAll("\n", layout.newline)}`;
}

/** Writes copies in place of the aliases whose anchors have changed; that may change other anchors. */
function expandAliases(splicer: YamlSplicer): void {
  let waiting = splicer.keptAliases;
  for (let count = 0; count !== waiting.length; ) {
    count = waiting.length;
    const changes = splicer.edits.inOrder();
    const [stay, expand] = partition(waiting, ({ alias }) => !isTouched(alias, changes));
    for (const { alias, slot } of expand) splicer.replace(alias, alias.node, slot);
    waiting = stay;
  }
}

function isTouched({ target }: AliasSyntax, changes: readonly Edit[]): boolean {
  const start = target.properties?.start ?? target.start;
  const end = target.kind === "map" || target.kind === "seq" ? target.reach : target.end;
  let [low, high] = [0, changes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((changes[middle]?.start ?? 0) < start) low = middle + 1;
    else high = middle;
  }
  const behind = changes[low];
  if (behind && behind.start < end) return true;
  // A change that begins before the anchor takes it along when it reaches into it.
  return changes.slice(Math.max(low - 8, 0), low).some((change) => change.end > start);
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  const [yes, no]: [T[], T[]] = [[], []];
  for (const item of items) (test(item) ? yes : no).push(item);
  return [yes, no];
}
