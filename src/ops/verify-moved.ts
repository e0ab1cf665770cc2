import { oaepLabel } from "../sealed/scope.ts";
import { entriesAt, textAt } from "./verify-fields.ts";
import type { JudgedObject } from "./verify-file.ts";
import { defect, type Finding } from "./verify-finding.ts";
import { scopeOfObject } from "./verify-metadata.ts";

/** The same ciphertext in several objects: it was copied. Bound to a name or a namespace it opens in one of them only. */
export function movedValues(objects: readonly JudgedObject[]): readonly Finding[] {
  const first = new Map<string, { readonly label: string; readonly object: JudgedObject }>();
  return objects.flatMap((object) => {
    const label = labelOf(object);
    return entriesAt(object.object, ["spec", "encryptedData"]).flatMap(([name, value]) => {
      if (typeof value !== "string" || value.length < 100) return [];
      const other = first.get(value);
      if (other === undefined) first.set(value, { label, object });
      if (other === undefined || other.label === label) return [];
      const place = `${other.object.place} (${other.object.file}:${other.object.line})`;
      const message = `the same sealed value stands in ${place}, and it opens in one of the two only`;
      const path = ["spec", "encryptedData", name];
      return [object.find(defect("moved-value", path, message, "seal the value for each of them"))];
    });
  });
}

function labelOf({ object }: JudgedObject): string {
  const scope = scopeOfObject(object);
  const [namespace, name] = [textAt(object, ["metadata", "namespace"]), textAt(object, ["metadata", "name"])];
  return `${scope} ${oaepLabel(scope, { namespace, name })}`;
}
