import { commonSubsequence } from "../core/common-subsequence.ts";
import { printObjects } from "../formats/manifest-print.ts";
import type { JsonObject } from "../kube/api.ts";
import { join } from "../sealed/object-fields.ts";
import { type Hidden, hiddenBelow } from "./apply-hidden.ts";
import { metadataOf } from "./apply-object.ts";
import { isObject } from "./verify-fields.ts";

/** How two versions of an object differ, without a hidden value in it. */
export interface ObjectDiff {
  /** Lines of YAML behind `+`, `-` and a blank, with what stands around changes; empty when nothing changed. */
  readonly lines: readonly string[];
  /** The fields that differ: `data.password`. */
  readonly changes: readonly string[];
}

// What the API server changes with every write.
const serverFields = ["managedFields", "resourceVersion", "generation", "creationTimestamp", "uid"];
const around = 2;

/**
 * Compares two versions of an object. Hidden values are shown as kubectl shows those of Secrets: `***`, and where a value
 * changed `*** (before)` and `*** (after)`. Neither their length nor a digest is told.
 */
export function diffObjects(before: JsonObject, after: JsonObject, hidden: Hidden): ObjectDiff {
  const [one, other] = [comparable(before), comparable(after)];
  const changes = changedFields(one, other, "");
  if (changes.length === 0) return { lines: [], changes };
  const [left, right] = maskPair(one, other, hidden);
  return { lines: unified(linesOf(left), linesOf(right)), changes };
}

/** An object without what every write changes, and without its status. */
function comparable(object: JsonObject): JsonObject {
  const { status: _, ...rest } = object;
  const metadata = Object.entries(metadataOf(object)).filter(([key]) => !serverFields.includes(key));
  return { ...rest, metadata: Object.fromEntries(metadata) };
}

function changedFields(before: unknown, after: unknown, path: string): readonly string[] {
  if (isObject(before) && isObject(after)) {
    return keysOf(before, after).flatMap((key) =>
      changedFields(own(before, key), own(after, key), join(path, key)),
    );
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [path];
}

type Pair = readonly [unknown, unknown];

/** Both versions as they may be shown. Structure and keys stay, whatever is hidden in them. */
function maskPair(before: unknown, after: unknown, hidden: Hidden | undefined): Pair {
  if (hidden === undefined) return [before, after];
  if (isTree(before) || isTree(after)) {
    const pairs = keysOf(before, after).map(
      (key) => [key, maskPair(own(before, key), own(after, key), hiddenBelow(hidden, key))] as const,
    );
    return [side(before, pairs, 0, hidden), side(after, pairs, 1, hidden)];
  }
  if (hidden !== true) return [before, after];
  if (before === undefined || after === undefined || before === after) {
    return [before === undefined ? undefined : "***", after === undefined ? undefined : "***"];
  }
  return ["*** (before)", "*** (after)"];
}

function side(
  value: unknown,
  pairs: readonly (readonly [string, Pair])[],
  at: 0 | 1,
  hidden: Hidden,
): unknown {
  if (!isTree(value)) return value === undefined || hidden !== true ? value : "***";
  const entries = pairs.flatMap(([key, pair]) =>
    Object.hasOwn(value, key) ? [[key, pair[at]] as const] : [],
  );
  return Array.isArray(value) ? entries.map(([, child]) => child) : Object.fromEntries(entries);
}

function isTree(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function keysOf(...values: readonly unknown[]): readonly string[] {
  return [...new Set(values.flatMap((value) => (isTree(value) ? Object.keys(value) : [])))];
}

function own(value: unknown, key: string): unknown {
  return isTree(value) && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined;
}

function linesOf(value: unknown): readonly string[] {
  const text = new TextDecoder().decode(printObjects([value as JsonObject], "yaml"));
  return text.split("\n").slice(1, -1);
}

function unified(before: readonly string[], after: readonly string[]): readonly string[] {
  const ids = new Map<string, number>();
  const numbered = (lines: readonly string[]) =>
    lines.map((line) => {
      const id = ids.get(line) ?? ids.size;
      ids.set(line, id);
      return id;
    });
  const all: string[] = [];
  let [i, j] = [0, 0];
  for (const [left, right] of [
    ...commonSubsequence(numbered(before), numbered(after)),
    [before.length, after.length] as const,
  ]) {
    all.push(...before.slice(i, left).map((line) => `- ${line}`));
    all.push(...after.slice(j, right).map((line) => `+ ${line}`));
    if (left < before.length) all.push(`  ${before[left]}`);
    [i, j] = [left + 1, right + 1];
  }
  return nearChanges(all);
}

/** Changes with some lines around them, and those that say where they stand. */
function nearChanges(lines: readonly string[]): readonly string[] {
  const shown = new Set<number>();
  for (const [at, line] of lines.entries()) {
    if (line.startsWith("  ")) continue;
    for (let near = at - around; near <= at + around; near++) shown.add(near);
    for (const parent of parentsOf(lines, at)) shown.add(parent);
  }
  return lines.flatMap((line, at) => {
    if (shown.has(at)) return [line];
    return shown.has(at - 1) && at < lines.length - 1 ? ["  ..."] : [];
  });
}

/** The lines above one that are less indented, each less than the one below it. */
function parentsOf(lines: readonly string[], from: number): readonly number[] {
  const parents: number[] = [];
  let depth = depthOf(lines[from]);
  for (let at = from - 1; at >= 0 && depth > 0; at--) {
    if (depthOf(lines[at]) >= depth) continue;
    depth = depthOf(lines[at]);
    parents.push(at);
  }
  return parents;
}

function depthOf(line = ""): number {
  return line.slice(2).search(/[^ ]|$/);
}
