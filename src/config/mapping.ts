import { isMap, isScalar, isSeq, type Node, type YAMLMap } from "yaml";
import { nearest } from "./did-you-mean.ts";
import { isNull, mismatch, type Shape } from "./shapes.ts";
import type { Reading } from "./yaml-text.ts";

/** What a mapping said, field by field. */
export interface Mapping<T> {
  /** Fields that are missing, null or wrong are left out. */
  readonly values: { readonly [K in keyof T]?: T[K] | undefined };
  /** The mapping itself. */
  readonly node: Node;
  /** The node of a field's value, also of a wrong one; `undefined` when the field is missing or null. */
  nodeOf(field: keyof T): Node | undefined;
}

export interface MappingOptions {
  /** What holds the fields, as it stands in messages: `a creation rule`. */
  readonly name: string;
  /** What to write instead of a field that is often written in the wrong place or under a wrong name. */
  readonly hints?: ReadonlyMap<string, string>;
  /** Unknown fields that are let through. */
  readonly allows?: (field: string) => boolean;
  /** What to write instead of something that is no mapping. */
  readonly hint?: string;
  /** SOPS does not read these fields, so that nobody can have got used to what it does with unknown ones. */
  readonly isOwn?: true;
}

/** A mapping with these fields and no others. `<<` merges other mappings, as in SOPS. */
export function mapping<T>(
  fields: { readonly [K in keyof T]: Shape<T[K]> },
  options: MappingOptions,
): Shape<Mapping<T>> {
  const shapes = new Map(Object.entries<Shape<unknown>>(fields));
  return (node, reading, label) => {
    if (isNull(node)) return undefined;
    if (!isMap<Node, Node | null>(node)) {
      return mismatch(node, reading, `${label} must be a mapping${options.hint ? `: ${options.hint}` : ""}`);
    }
    return reading.below(node, () => {
      const nodes = new Map<string, Node>();
      const values: Record<string, unknown> = {};
      for (const [name, { key, value }] of entriesOf(node, reading)) {
        const shape = shapes.get(name);
        if (shape === undefined) {
          reportUnknown(name, key, { reading, options, known: [...shapes.keys()] });
          continue;
        }
        const target = value === null ? undefined : reading.follow(value);
        if (target === undefined || isNull(target)) continue;
        nodes.set(name, target);
        values[name] = shape(target, reading, name);
      }
      return { values: values as Mapping<T>["values"], node, nodeOf: (field) => nodes.get(String(field)) };
    });
  };
}

/** A mapping from any text to text. */
export const textMap: Shape<Readonly<Record<string, string>>> = (node, reading, label) => {
  if (isNull(node)) return undefined;
  if (!isMap<Node, Node | null>(node)) return mismatch(node, reading, `${label} must be a mapping`);
  return reading.below(node, () => {
    const pairs: [string, string][] = [];
    for (const [name, { key, value }] of entriesOf(node, reading)) {
      const target = value === null ? undefined : reading.follow(value);
      if (target === undefined || !isScalar(target) || isNull(target)) {
        reading.report(key, `${JSON.stringify(name)} of ${label} must be text`);
      } else {
        pairs.push([name, String(target.value)]);
      }
    }
    // Unlike assignment this makes an own property of a key such as __proto__.
    return Object.fromEntries(pairs);
  });
};

interface Pair {
  readonly key: Node;
  readonly value: Node | null;
}

/** The pairs of a mapping with `<<` carried out: its own fields win, then the first mapping that has one. */
function entriesOf(node: YAMLMap<Node, Node | null>, reading: Reading): ReadonlyMap<string, Pair> {
  const entries = new Map<string, Pair>();
  const merged: Node[] = [];
  for (const { key, value } of node.items) {
    if (!isScalar(key)) {
      reading.report(key, "a field's name must be text");
      continue;
    }
    const name = String(key.value);
    if (name === "<<" && key.type === "PLAIN") {
      if (value !== null) merged.push(value);
    } else if (entries.has(name)) {
      reading.report(key, `${JSON.stringify(name)} is there twice`);
    } else {
      entries.set(name, { key, value });
    }
  }
  for (const value of merged) mergeInto(entries, value, reading);
  return entries;
}

function mergeInto(entries: Map<string, Pair>, value: Node, reading: Reading): void {
  const source = reading.follow(value);
  if (source === undefined) return;
  if (isMap<Node, Node | null>(source)) {
    const pairs = reading.below(source, () => entriesOf(source, reading)) ?? new Map<string, Pair>();
    for (const [name, pair] of pairs) if (!entries.has(name)) entries.set(name, pair);
  } else if (isSeq<Node>(source)) {
    reading.below(source, () => {
      for (const item of source.items) mergeInto(entries, item, reading);
    });
  } else {
    reading.report(value, "<< must name a mapping or a list of mappings");
  }
}

function reportUnknown(
  name: string,
  key: Node,
  { reading, options, known }: { reading: Reading; options: MappingOptions; known: readonly string[] },
): void {
  if (options.allows?.(name)) return;
  const hint = options.hints?.get(name);
  const meant = nearest(name, known);
  const help =
    hint ??
    (meant
      ? `did you mean ${JSON.stringify(meant)}?`
      : known.length > 0
        ? `known are ${known.join(", ")}`
        : "");
  const problem = `unknown field ${JSON.stringify(name)} in ${options.name}`;
  reading.report(key, help ? `${problem}: ${help}` : problem, { ignoredBySops: options.isOwn !== true });
}
