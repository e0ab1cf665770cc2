import { KsealError } from "../errors.ts";
import type { ApiResource, KubeApi } from "../kube/api.ts";
import { type ApplyObject, inNamespace, type PlacedObject, titleOf } from "./apply-object.ts";
import { textAt } from "./verify-fields.ts";

export interface PlaceOptions {
  /** For objects that name none. */
  readonly defaultNamespace: string;
  /** Set when the user named it: then no object may name another. */
  readonly requiredNamespace: string | undefined;
}

/**
 * Finds where objects belong in a cluster, which is asked what it calls their kinds. Kinds whose definition is among the
 * objects count as there.
 *
 * @throws KsealError `CLUSTER_CONFLICT` for a kind that the cluster does not have, `USAGE` for another namespace than
 *   the required one and for an object that stands there twice. Of several, all are told by the caller's `mapFiles`.
 */
export function openPlaces(
  api: Pick<KubeApi, "resources">,
  objects: readonly ApplyObject[],
  options: PlaceOptions,
): (object: ApplyObject) => Promise<PlacedObject> {
  const asked = new Map<string, Promise<readonly ApiResource[]>>();
  const defined = Map.groupBy(objects.flatMap(definedKinds), ({ groupVersion }) => groupVersion);
  const resourcesOf = ({ group, version }: ApplyObject): Promise<readonly ApiResource[]> => {
    const key = `${group}/${version}`;
    const known = asked.get(key) ?? api.resources(group, version).then((found) => found ?? []);
    asked.set(key, known);
    return known;
  };
  const seen = new Map<string, ApplyObject>();
  return async (object) => {
    const { group, version, kind, name } = object;
    const own = (defined.get(`${group}/${version}`) ?? []).find((one) => one.kind === kind);
    const resource = own ?? (await resourcesOf(object)).find((one) => one.kind === kind);
    if (resource === undefined) throw unknownKind(object);
    const namespace = resource.namespaced ? namespaceOf(object, options) : undefined;
    const path = { group, version, plural: resource.plural, namespace, name };
    const title = titleOf(kind, path);
    const key = JSON.stringify([group, resource.plural, namespace, name]);
    const twin = seen.get(key);
    if (twin !== undefined) {
      throw new KsealError("USAGE", `${title} stands in ${placeOf(twin)} too`, {
        hint: "one of them would undo the other; remove one",
      });
    }
    seen.set(key, object);
    return inNamespace({ ...object, path, title });
  };
}

/** The kinds that a definition among the objects brings with it. */
export function definedKinds({ group, kind, content }: ApplyObject): readonly (ApiResource & {
  readonly groupVersion: string;
})[] {
  if (group !== "apiextensions.k8s.io" || kind !== "CustomResourceDefinition") return [];
  const spec = content["spec"];
  const versions = (spec as { readonly versions?: unknown } | undefined)?.versions;
  return (Array.isArray(versions) ? versions : []).map((version) => ({
    groupVersion: `${textAt(spec, ["group"])}/${textAt(version, ["name"])}`,
    kind: textAt(spec, ["names", "kind"]),
    plural: textAt(spec, ["names", "plural"]),
    namespaced: textAt(spec, ["scope"]) === "Namespaced",
  }));
}

function namespaceOf(object: ApplyObject, { defaultNamespace, requiredNamespace }: PlaceOptions): string {
  const { namespace, kind, name } = object;
  if (requiredNamespace !== undefined && namespace !== "" && namespace !== requiredNamespace) {
    throw new KsealError(
      "USAGE",
      `${titleOf(kind, { namespace, name })} is not for the namespace ${requiredNamespace}`,
      { hint: "leave --namespace out: objects go where their files say" },
    );
  }
  return namespace === "" ? (requiredNamespace ?? defaultNamespace) : namespace;
}

function unknownKind({ group, version, kind }: ApplyObject): KsealError {
  const apiVersion = group === "" ? version : `${group}/${version}`;
  const isSealed = group === "bitnami.com";
  return new KsealError("CLUSTER_CONFLICT", `the cluster knows no ${kind} of ${apiVersion}`, {
    hint: isSealed
      ? "install the Sealed Secrets controller with its definition first"
      : `install its definition first, or apply it with it; what there is: kubectl api-resources --api-group=${group}`,
  });
}

function placeOf({ file, line }: ApplyObject): string {
  const name = file === "-" ? "standard input" : file;
  return line === undefined ? name : `${name}:${line}`;
}
