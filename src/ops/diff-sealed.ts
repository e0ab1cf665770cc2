import type { Document, MapNode, TreeNode } from "../core/tree.ts";
import { getNode } from "../core/tree-path.ts";
import { type Scope, scopeOf } from "../sealed/scope.ts";

const widths: readonly Scope[] = ["strict", "namespace-wide", "cluster-wide"];

/**
 * What a reviewer must not miss in SealedSecrets: a widened scope, an object that became another one, values that moved
 * into clear text. Templates, types and annotations are not authenticated.
 */
export function compareSealed({
  old,
  now,
}: {
  readonly old: Document | undefined;
  readonly now: Document | undefined;
}): readonly string[] {
  const before = new Map(objectsOf(old).map((object) => [object.name, object]));
  const places = placesOf(before.values());
  return objectsOf(now).flatMap((object) => {
    const was = before.get(object.name);
    const warnings: string[] = [];
    if (was !== undefined && widths.indexOf(object.scope) > widths.indexOf(was.scope)) {
      warnings.push(
        `${object.name}: the scope widens from ${was.scope} to ${object.scope}: ${meaningOf[object.scope]}`,
      );
    }
    if (was === undefined && object.scope !== "strict") {
      warnings.push(`${object.name}: new, and ${object.scope}: ${meaningOf[object.scope]}`);
    }
    if (was !== undefined && was.namespace !== object.namespace) {
      warnings.push(`${object.name}: it moves from the namespace ${was.namespace} to ${object.namespace}`);
    }
    const clear = object.clear.filter((key) => !was?.clear.includes(key));
    warnings.push(...movedHere(object, was, places));
    if (clear.length > 0)
      warnings.push(`${object.name}: values in clear in its template: ${clear.join(", ")}`);
    return warnings;
  });
}

/** Values that stood elsewhere before, and come out of another key now: nothing in the format forbids it. */
function movedHere(
  { name, values }: SealedObject,
  was: SealedObject | undefined,
  places: ReadonlyMap<string, Place>,
): readonly string[] {
  const old = new Map(was?.values);
  return values.flatMap(([key, value]) => {
    const from = places.get(value);
    if (from === undefined || value === "" || old.get(key) === value) return [];
    const owner = from.object === name ? "" : ` of ${from.object}`;
    return [`${name}: the sealed value ${from.key}${owner} stands at ${key} now`];
  });
}

/** Where a sealed value stands. */
interface Place {
  readonly object: string;
  readonly key: string;
}

function placesOf(objects: Iterable<SealedObject>): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>();
  for (const { name, values } of objects) {
    for (const [key, value] of values) places.set(value, { object: name, key });
  }
  return places;
}

const meaningOf: Readonly<Record<Scope, string>> = {
  strict: "it opens at its place only",
  "namespace-wide":
    "whoever can create SealedSecrets in the namespace can read its values under another name",
  "cluster-wide": "whoever can create SealedSecrets anywhere in the cluster can read its values",
};

interface SealedObject {
  readonly name: string;
  readonly namespace: string;
  readonly scope: Scope;
  /** The values of `spec.encryptedData`. */
  readonly values: readonly (readonly [key: string, value: string])[];
  /** Keys of `spec.template.data`. */
  readonly clear: readonly string[];
}

function objectsOf(document: Document | undefined): readonly SealedObject[] {
  return (document?.branches ?? []).flatMap((branch) => {
    if (textAt(branch, ["kind"]) !== "SealedSecret") return [];
    const annotations = entriesAt(branch, ["metadata", "annotations"]);
    return [
      {
        name: textAt(branch, ["metadata", "name"]) ?? "a SealedSecret without a name",
        namespace: textAt(branch, ["metadata", "namespace"]) ?? "(none)",
        scope: scopeOf(new Map(annotations)),
        values: entriesAt(branch, ["spec", "encryptedData"]),
        clear: entriesAt(branch, ["spec", "template", "data"]).map(([key]) => key),
      },
    ];
  });
}

function textAt(branch: MapNode, path: readonly string[]): string | undefined {
  const node = getNode(branch, path);
  return node?.kind === "str" ? node.value : undefined;
}

function entriesAt(branch: MapNode, path: readonly string[]): readonly (readonly [string, string])[] {
  const node = getNode(branch, path);
  const items: MapNode["items"] = node?.kind === "map" ? node.items : [];
  return items.flatMap((item) => (item.kind === "entry" ? [[item.key, spelt(item.value)] as const] : []));
}

// YAML may say true without quotes, which no API server accepts; a reviewer is warned all the same.
function spelt(node: TreeNode): string {
  return node.kind === "str" || node.kind === "bool" ? String(node.value) : "";
}
