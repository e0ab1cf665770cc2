import { printTreePath, type TreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import { invalid, placeOf } from "./source-text.ts";
import { isSpaceOrEnd } from "./yaml-scan.ts";
import { type AliasSyntax, nameOf, type ScalarSyntax, type Syntax } from "./yaml-syntax.ts";

/**
 * A node as the key of a mapping.
 *
 * @param path - Where the mapping is, for the message.
 * @throws KsealError `FORMAT_INVALID` for everything that is no text.
 */
export function keyOf(text: string, key: Syntax, path: TreePath): ScalarSyntax {
  const scalarKey = key.kind === "alias" ? aliasKey(key) : key;
  if (scalarKey.kind === "scalar" && scalarKey.node.kind === "str") return scalarKey;
  const where = { ...placeOf(text, key.start), path: printTreePath(path) };
  throw new KsealError("FORMAT_INVALID", `a key is ${nameOf(key)}, and SOPS has text keys only`, {
    where,
    hint: key.kind === "scalar" ? "put the key in quotes" : undefined,
  });
}

/** The text of a key. */
export function keyName({ node }: ScalarSyntax): string {
  return node.kind === "str" ? node.value : "";
}

/**
 * Checks that SOPS sees the colon behind a key as one.
 *
 * @param colon - Where the colon would stand.
 * @throws KsealError `FORMAT_INVALID` for one that a plain key and its value touch.
 */
export function checkColon(text: string, key: ScalarSyntax, colon: number): void {
  if (colon !== key.end || key.style !== "plain" || isSpaceOrEnd(text, colon + 1)) return;
  if (text[colon] !== ":") return;
  throw invalid(text, colon, "sops takes the colon for a part of the key", "put a blank behind it");
}

/** An alias may stand for a key; its text is then that of the anchor. */
function aliasKey({ start, end, target }: AliasSyntax): Syntax {
  if (target.kind !== "scalar") return target;
  return { ...target, start, end, style: "plain", block: undefined, properties: undefined };
}
