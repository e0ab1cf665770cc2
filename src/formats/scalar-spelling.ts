import type { TreeNode } from "../core/tree.ts";
import { printTreePath, type TreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import { goFloat } from "./float-text.ts";

/**
 * A value as SOPS spells it in the formats that know only texts, dotenv and INI.
 *
 * @param options.format - The format's name, for the message.
 * @throws KsealError `FORMAT_CANNOT_HOLD` for what SOPS writes unreadably: null as `<nil>`, lists and mappings as Go
 *   prints them (sops.md D25), and for bytes that are not UTF-8.
 */
export function spellScalar(node: TreeNode, options: { format: string; path: TreePath }): string {
  switch (node.kind) {
    case "str":
      return node.value;
    case "int":
      return node.value.toString();
    case "float": {
      const text = goFloat(node.value);
      return /^-?\d+$/.test(text) ? `${text}.0` : text;
    }
    case "bool":
      return String(node.value);
    case "time":
      return node.value.replace(/\.\d+/, "");
    case "bytes":
      try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(node.value);
      } catch {
        throw cannotHold("bytes that are not UTF-8", options);
      }
    case "null":
      throw cannotHold("null", options);
    case "map":
      throw cannotHold("a mapping", options);
    case "seq":
      throw cannotHold("a list", options);
  }
}

/** A value that the format has no place for, by its path. */
export function cannotHold(what: string, { format, path }: { format: string; path: TreePath }): KsealError {
  return new KsealError("FORMAT_CANNOT_HOLD", `${format} has no place for ${what}`, {
    where: path.length === 0 ? {} : { path: printTreePath(path) },
  });
}
