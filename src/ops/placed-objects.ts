import type { TreePath } from "../core/tree-path.ts";
import type { JsonObject } from "../sealed/object-fields.ts";
import { typedItem } from "../sealed/secret.ts";
import { isObject, textAt, valueAt } from "./verify-fields.ts";

/** What an object of a manifest is, or was meant to be. */
export type ObjectRole = "sealed" | "secret" | "other";

/** An object, and where it stands in its document. */
export interface PlacedObject {
  readonly object: JsonObject;
  readonly path: TreePath;
}

const deepestList = 3;

/** The objects of a document, those of lists in it included. */
export function objectsOf(document: unknown, path: TreePath = []): readonly PlacedObject[] {
  if (!isObject(document)) return [];
  const items = valueAt(document, ["items"]);
  const kind = textAt(document, ["kind"]);
  const isList = /^(|Secret|SealedSecret)List$/.test(kind) && Array.isArray(items);
  if (!isList || path.length >= 2 * deepestList) return [{ object: document, path }];
  return items.flatMap((item, at) => objectsOf(typedItem(kind, item), [...path, "items", at]));
}

/** What an object is; what has sealed values or the name of a SealedSecret was meant to be one. */
export function roleOf(object: JsonObject): ObjectRole {
  const [kind, version] = [textAt(object, ["kind"]), textAt(object, ["apiVersion"])];
  if (kind === "SealedSecret" || version.startsWith("bitnami.com/")) return "sealed";
  if (valueAt(object, ["spec", "encryptedData"]) !== undefined) return "sealed";
  if (kind === "Secret" && version === "v1") return "secret";
  return "other";
}
