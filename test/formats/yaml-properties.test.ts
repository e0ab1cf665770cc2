import fc from "fast-check";
import { expect, test } from "vitest";
import type { Document, MapNode, SeqNode, TreeNode } from "../../src/core/tree.ts";
import { loadTextStore } from "./file-text.ts";

const store = await loadTextStore("yaml");

/** A file before it is written down: every key and value gets a mark of its own, by which its lines are known. */
type Shape =
  | { readonly kind: "leaf"; readonly style: number; readonly comment: boolean }
  | {
      readonly kind: "map" | "seq";
      readonly flow: number;
      readonly above: boolean;
      readonly items: readonly Shape[];
    };

const { shape } = fc.letrec<{ shape: Shape; leaf: Shape; container: Shape }>((tie) => ({
  leaf: fc.record({ kind: fc.constant("leaf"), style: fc.nat(7), comment: fc.boolean() }),
  container: fc.record({
    kind: fc.constantFrom("map", "seq"),
    flow: fc.nat(5),
    above: fc.boolean(),
    items: fc.array(tie("shape"), { minLength: 1, maxLength: 4 }),
  }),
  shape: fc.oneof({ depthSize: "small", withCrossShrink: true }, tie("leaf"), tie("leaf"), tie("container")),
}));

const keys = ["k", "ключ", "鍵", "q k", "😀", "a-b", "'q"];

class Writer {
  #marks = 0;
  #groups = 0;

  file(documents: readonly (readonly Shape[])[], step: number): string {
    return documents.map((items) => this.#map(items, 0, step)).join("--- # next\n");
  }

  #mark(group = ""): string {
    return `${group}t${this.#marks++}x`;
  }

  #key(group = ""): string {
    const name = `${keys[this.#marks % keys.length]}${this.#mark(group)}`;
    return name.startsWith("'") || this.#marks % 5 === 0 ? JSON.stringify(name) : name;
  }

  #scalar(style: number, group: string): string {
    const mark = this.#mark(group);
    return (
      [mark, `'${mark} it''s'`, `"${mark}\\t#"`, `${mark} b`, `"${mark}"`, `'${mark}: c'`, mark, mark][
        style
      ] ?? mark
    );
  }

  #map(items: readonly Shape[], indent: number, step: number): string {
    const margin = " ".repeat(indent);
    return items.map((item) => `${margin}${this.#key()}:${this.#value(item, indent, step)}`).join("");
  }

  #seq(items: readonly Shape[], indent: number, step: number): string {
    const margin = " ".repeat(indent);
    return items.map((item) => `${margin}-${this.#value(item, indent, step)}`).join("");
  }

  #value(shape: Shape, indent: number, step: number): string {
    const inner = indent + step;
    if (shape.kind === "leaf") {
      if (shape.style === 7) return ` |\n${" ".repeat(inner)}${this.#mark()}\n`;
      return ` ${this.#scalar(shape.style, "")}${shape.comment ? ` # ${this.#mark()}` : ""}\n`;
    }
    if (shape.flow <= 1)
      return ` ${this.#flow(shape, `g${this.#groups++}g`, shape.flow === 1 ? inner : -1)}\n`;
    const above = shape.above ? `${" ".repeat(inner)}# ${this.#mark()}\n` : "";
    const below =
      shape.kind === "map" ? this.#map(shape.items, inner, step) : this.#seq(shape.items, inner, step);
    return `\n${shape.flow === 5 ? "\n" : ""}${above}${below}`;
  }

  #flow(shape: Shape, group: string, column: number): string {
    if (shape.kind === "leaf") return JSON.stringify(this.#mark(group));
    const items = shape.items.map((item) =>
      shape.kind === "map"
        ? `${this.#key(group)}: ${this.#flow(item, group, -1)}`
        : this.#flow(item, group, -1),
    );
    const text = items.join(column < 0 ? ", " : `,\n${" ".repeat(column)}`);
    return shape.kind === "map" ? `{${text}}` : `[${text}]`;
  }
}

const file = fc
  .record({
    documents: fc.array(fc.array(shape, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
    step: fc.constantFrom(2, 3, 4),
    windows: fc.boolean(),
    final: fc.boolean(),
  })
  .map(({ documents, step, windows, final }) => {
    const text = new Writer().file(documents, step);
    // A block without its line end is another text.
    const ended = final || text.includes(" |\n") ? text : text.slice(0, -1);
    return windows ? ended.replaceAll("\n", "\r\n") : ended;
  });

interface Change<T> {
  readonly node: T;
  /** The keys and values whose lines may change. */
  readonly touched: string;
}

type Collection = MapNode | SeqNode;
type Item = Collection["items"][number];

const plainText = (items: unknown): string =>
  JSON.stringify(items, (_, value) => (typeof value === "bigint" ? String(value) : value));

/** Every single change of a kind that a tree allows. */
function changesOf(node: TreeNode, kind: string, inList = false): Change<TreeNode>[] {
  if (node.kind === "str") {
    const value = node.value.endsWith("\n") ? "NEW: #\n" : "NEW: #";
    return kind === "change" ? [{ node: { kind: "str", value }, touched: node.value }] : [];
  }
  if (node.kind !== "map" && node.kind !== "seq") return [];
  const items: readonly Item[] = node.items;
  return items
    .flatMap((_, index) => changesAt(items, index, { kind, inList }))
    .map((change) => ({ ...change, node: { kind: node.kind, items: change.node } as Collection }));
}

function changesAt(
  items: readonly Item[],
  index: number,
  { kind, inList }: { kind: string; inList: boolean },
): Change<readonly Item[]>[] {
  const item = items[index];
  if (item === undefined || item.kind === "comment") return [];
  const isEntry = item.kind === "entry";
  const inside = changesOf(isEntry ? item.value : item, kind, !isEntry).map(({ node, touched }) => ({
    node: items.with(index, isEntry ? { ...item, value: node } : node),
    touched,
  }));
  if (kind === "rename" && isEntry) {
    return [...inside, { node: items.with(index, { ...item, key: "NEW" }), touched: item.key }];
  }
  if (kind === "insert") {
    const value = { kind: "str", value: "NEW" } as const;
    const added = isEntry ? ({ kind: "entry", key: "NEW", value } as const) : value;
    const touched = /g\d+g/.exec(plainText(item))?.[0] ?? "";
    return [...inside, { node: items.toSpliced(index + 1, 0, added), touched }];
  }
  return kind === "remove" && isRemovable(items, index, inList) ? [...inside, without(items, index)] : inside;
}

/** The last item leaves brackets behind, and what follows the first one in a list moves up to the dash. */
function isRemovable(items: readonly Item[], index: number, inList: boolean): boolean {
  const isItem = (item: Item) => item.kind !== "comment";
  const isFirst = !items.slice(0, index).some(isItem);
  return !isFirst || (!inList && items.slice(index + 1).some(isItem));
}

/** An item goes together with the comment beside it. */
function without(items: readonly Item[], index: number): Change<readonly Item[]> {
  const before = items[index - 1];
  const start = before?.kind === "comment" && before.inline ? index - 1 : index;
  const gone = items.slice(start, index + 1);
  return { node: items.toSpliced(start, gone.length), touched: plainText(gone) };
}

function someChange(
  { branches }: Document,
  kind: string,
  choice: number,
): { document: Document; touched: string } | undefined {
  const all = branches.flatMap((branch, index) =>
    changesOf(branch, kind).map((change) => ({
      document: { branches: branches.with(index, change.node as MapNode) },
      touched: change.touched,
    })),
  );
  return all[choice % Math.max(all.length, 1)];
}

/** Comments have to stay, but in the tree of SOPS some stand behind the key that they are above. */
const withoutComments = (document: Document): unknown =>
  document.branches.map(function bare(node: TreeNode): unknown {
    if (node.kind === "map") {
      return node.items.flatMap((item) => (item.kind === "entry" ? [[item.key, bare(item.value)]] : []));
    }
    if (node.kind !== "seq") return node;
    return node.items.flatMap((item) => (item.kind === "comment" ? [] : [bare(item)]));
  });

test.for(["change", "insert", "remove", "rename"])("%s: other lines stay as they are", (kind) => {
  fc.assert(
    fc.property(file, fc.nat(), (text, choice) => {
      const base = store.parse(text);
      const change = someChange(base.document, kind, choice);
      fc.pre(change !== undefined);

      const result = store.splice(base, change.document);

      expect(withoutComments(store.parse(result).document)).toEqual(withoutComments(change.document));
      // What happens in brackets may respell them, wherever they stand.
      const marks = [...change.touched.matchAll(/g\d+g|t\d+x/g)].map(([mark]) => mark);
      const others = (of: string) =>
        of
          .split(/\r?\n/)
          .filter(
            (line) =>
              !/^ *(?:- \||-)?$/.test(line) &&
              !line.includes("NEW") &&
              !marks.some((mark) => line.includes(mark)),
          );
      expect(others(result)).toEqual(others(text));
      expect(result.includes("\r\n")).toBe(text.includes("\r\n") && result.includes("\n"));
    }),
    { numRuns: 300 },
  );
});
