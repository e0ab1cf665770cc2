import { isMap, isScalar, isSeq, type Node } from "yaml";
import { compileRe2 } from "../core/regex.ts";
import { KsealError } from "../errors.ts";
import type { Reading } from "./yaml-text.ts";

/**
 * Reads one node of a configuration file.
 *
 * @param label - What the node is, as it stands in messages: `age`, `an item of age`.
 * @returns `undefined` when the node says nothing (null) or when a problem was reported.
 */
export type Shape<T> = (node: Node, reading: Reading, label: string) => T | undefined;

/** A value together with the node it came from, for problems that are found later. */
export interface Located<T> {
  readonly value: T;
  readonly node: Node;
}

/** Text. As in SOPS, a number or a word such as `true` counts as its own spelling. */
export const text: Shape<string> = (node, reading, label) => {
  if (!isScalar(node)) return mismatch(node, reading, `${label} must be text`);
  return isNull(node) ? undefined : String(node.value);
};

/** Text that SOPS takes only when YAML sees text: an unquoted number is refused. */
export const strictText: Shape<string> = (node, reading, label) => {
  if (isScalar(node) && node.type === "PLAIN" && resemblesNumberOrBool(String(node.value))) {
    return mismatch(node, reading, `${label} must be text: put it in quotes`);
  }
  return text(node, reading, label);
};

/** A pattern that RE2 accepts. An empty one counts as none, as in SOPS. */
export const regex: Shape<string> = (node, reading, label) => {
  const pattern = text(node, reading, label);
  if (pattern === undefined || pattern === "") return undefined;
  try {
    compileRe2(pattern);
    return pattern;
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    reading.report(node, `${label}: ${error.message}${error.hint ? ` (${error.hint})` : ""}`);
    return undefined;
  }
};

/** A whole number between two bounds, both included. */
export function wholeNumber({ from, to }: { from: number; to: number }): Shape<number> {
  return (node, reading, label) => {
    const rule = `${label} must be a whole number from ${from} to ${to}`;
    if (!isScalar(node)) return mismatch(node, reading, rule);
    if (isNull(node)) return undefined;
    const spelling = String(node.value);
    if (node.type !== "PLAIN") return mismatch(node, reading, `${rule}, without quotes`);
    const number = /^[-+]?[0-9]{1,9}$/.test(spelling) ? Number(spelling) : Number.NaN;
    if (number >= from && number <= to) return number;
    return mismatch(node, reading, rule);
  };
}

// The words of YAML 1.1 that go-yaml still takes where it expects a bool, quoted or not.
const oldTrue: readonly string[] = ["y", "Y", "yes", "on"];
const oldFalse: readonly string[] = ["n", "N", "no", "off"];

/** `true` or `false`. */
export const flag: Shape<boolean> = (node, reading, label) => {
  if (!isScalar(node)) return mismatch(node, reading, `${label} must be true or false`);
  if (isNull(node)) return undefined;
  const word = String(node.value);
  if (oldTrue.includes(word) || (node.type === "PLAIN" && /^(true|True|TRUE)$/.test(word))) return true;
  if (oldFalse.includes(word) || (node.type === "PLAIN" && /^(false|False|FALSE)$/.test(word))) return false;
  return mismatch(
    node,
    reading,
    `${label} must be true or false${node.type === "PLAIN" ? "" : ", without quotes"}`,
  );
};

/**
 * A list whose items all have one shape.
 *
 * @param options.hint - What to write instead, for the wrong forms that documentation shows (sops.md D47).
 */
export function list<T>(item: Shape<T>, options: { hint?: string } = {}): Shape<readonly T[]> {
  return (node, reading, label) => {
    if (isScalar(node) && isNull(node)) return undefined;
    if (!isSeq<Node | null>(node)) {
      return mismatch(node, reading, `${label} must be a list${options.hint ? `: ${options.hint}` : ""}`);
    }
    const items = reading.below(node, () =>
      node.items.map((entry) => {
        const target = entry === null ? undefined : reading.follow(entry);
        if (target === undefined || entry === null) return undefined;
        if (isScalar(target) && isNull(target))
          return mismatch(entry, reading, `an item of ${label} is empty`);
        return item(target, reading, `an item of ${label}`);
      }),
    );
    return items?.filter((entry) => entry !== undefined);
  };
}

/** Keeps the node of a value. */
export function located<T>(shape: Shape<T>): Shape<Located<T>> {
  return (node, reading, label) => {
    const value = shape(node, reading, label);
    return value === undefined ? undefined : { value, node };
  };
}

/** Whether a scalar says nothing. */
export function isNull(node: Node): boolean {
  return (
    isScalar(node) && node.type === "PLAIN" && !node.tag && /^(~|null|Null|NULL)?$/.test(String(node.value))
  );
}

/** Reports what a node should be, and what it is when that is another kind of node. */
export function mismatch(node: Node, reading: Reading, rule: string): undefined {
  const kind = isMap(node) ? ", not a mapping" : isSeq(node) ? ", not a list" : "";
  reading.report(node, rule + kind);
  return undefined;
}

function resemblesNumberOrBool(word: string): boolean {
  return (
    /^[-+]?(\.?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|0x[0-9a-fA-F_]+|0o?[0-7_]+|0b[01_]+|\.(inf|Inf|INF))$/.test(
      word,
    ) || /^(true|True|TRUE|false|False|FALSE|\.nan|\.NaN|\.NAN)$/.test(word)
  );
}
