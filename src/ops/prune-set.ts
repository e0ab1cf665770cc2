import { encodeBase64 } from "../core/base64.ts";
import { sha256Hex } from "../core/digest.ts";
import { KsealError } from "../errors.ts";
import { type JsonObject, type KubeApi, KubeError, type ObjectPath } from "../kube/api.ts";
import { type PlacedObject, titleOf } from "./apply-object.ts";
import { isObject, textAt, valueAt } from "./verify-fields.ts";

/*
 * Sets of applied objects as KEP-3659 writes them down: a parent object with an id that follows from its name, and the
 * id as a label on each member. The parent of a set NAME is the ConfigMap `kseal-NAME`.
 */

/** The label of a member; its value is the id of the set. */
export const partOf = "applyset.kubernetes.io/part-of";
const idLabel = "applyset.kubernetes.io/id";
const toolingAnnotation = "applyset.kubernetes.io/tooling";
const kindsAnnotation = "applyset.kubernetes.io/contains-group-kinds";
const namespacesAnnotation = "applyset.kubernetes.io/additional-namespaces";

/** What the parent of a set says. */
export interface ApplySet {
  readonly parent: ObjectPath & { readonly name: string; readonly namespace: string };
  readonly id: string;
  /** Whether the parent is there. */
  readonly exists: boolean;
  readonly contents: SetContents;
}

/** What is looked at when members that are no longer applied are searched. */
interface SetContents {
  /** As `SealedSecret.bitnami.com`. */
  readonly kinds: ReadonlySet<string>;
  readonly namespaces: ReadonlySet<string>;
}

/** A member that goes. */
export interface PrunedObject {
  readonly path: ObjectPath;
  /** `Secret prod/db`. */
  readonly title: string;
  readonly kind: string;
  /** What was decided about: another object under its name is left alone. */
  readonly uid: string;
  readonly resourceVersion: string;
}

// Nothing else is ever deleted: a volume or a namespace that leaves a folder by mistake would take data with it.
const kinds: ReadonlyMap<string, { readonly kind: string; readonly path: ObjectPath }> = new Map([
  ["Secret", { kind: "Secret", path: { group: "", version: "v1", plural: "secrets" } }],
  [
    "SealedSecret.bitnami.com",
    { kind: "SealedSecret", path: { group: "bitnami.com", version: "v1alpha1", plural: "sealedsecrets" } },
  ],
]);
const fieldManager = "kseal-applyset";

/** The id of the set with this parent. */
function setId(parent: { readonly name: string; readonly namespace: string }): string {
  const hex = sha256Hex(new TextEncoder().encode(`${parent.name}.${parent.namespace}.ConfigMap.`));
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  const text = encodeBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  return `applyset-${text}-v1`;
}

/** Whether objects of a kind belong to sets. */
export function isMember({ kind, group }: Pick<PlacedObject, "kind" | "group">): boolean {
  return kinds.has(groupKind(kind, group));
}

/**
 * Reads the parent of a set.
 *
 * @param name - What the user calls the set.
 * @throws KsealError `CLUSTER_CONFLICT` when the parent is another program's or no parent of a set, `USAGE` for a name that
 *   cannot be one.
 */
export async function readSet(
  api: Pick<KubeApi, "get">,
  { name, namespace }: { readonly name: string; readonly namespace: string },
): Promise<ApplySet> {
  if (!/^[a-z0-9](?:[a-z0-9-]{0,200}[a-z0-9])?$/.test(name)) {
    throw new KsealError("USAGE", `${JSON.stringify(name)} is no name of a set`, {
      hint: "lower-case letters, digits and dashes",
    });
  }
  const parent = { group: "", version: "v1", plural: "configmaps", namespace, name: `kseal-${name}` };
  const id = setId(parent);
  const live = await api.get(parent);
  if (live === undefined)
    return { parent, id, exists: false, contents: { kinds: new Set(), namespaces: new Set() } };
  refuseOthers(live, titleOf("ConfigMap", parent), id);
  const listed = (annotation: string): readonly string[] =>
    textAt(live, ["metadata", "annotations", annotation])
      .split(",")
      .filter((word) => word !== "");
  const unknown = listed(kindsAnnotation).filter((kind) => !kinds.has(kind));
  if (unknown.length > 0) {
    throw foreign(`${titleOf("ConfigMap", parent)} is the parent of a set with ${unknown.join(", ")}`);
  }
  const namespaces = new Set([namespace, ...listed(namespacesAnnotation)]);
  return { parent, id, exists: true, contents: { kinds: new Set(listed(kindsAnnotation)), namespaces } };
}

/**
 * The members of a set that are not applied any more.
 *
 * @throws KsealError `CLUSTER_CONFLICT` for one that another object owns.
 */
export async function abandoned(
  api: Pick<KubeApi, "list">,
  set: ApplySet,
  objects: readonly PlacedObject[],
): Promise<readonly PrunedObject[]> {
  const wanted = new Set(
    objects.map(({ path, group }) => keyOf(group, path.plural, path.namespace, path.name)),
  );
  const { kinds: groupKinds, namespaces } = both(set.contents, contentsOf(objects));
  const found: PrunedObject[] = [];
  for (const groupKind of [...groupKinds].toSorted()) {
    const known = kinds.get(groupKind);
    if (known === undefined) continue;
    for (const namespace of [...namespaces].toSorted()) {
      for (const item of await membersIn(api, { ...known.path, namespace }, set.id)) {
        const name = textAt(item, ["metadata", "name"]);
        const path = { ...known.path, namespace, name };
        const title = titleOf(known.kind, path);
        if (wanted.has(keyOf(path.group, path.plural, namespace, name))) continue;
        refuseOwned(item, title);
        const [uid, resourceVersion] = [
          textAt(item, ["metadata", "uid"]),
          textAt(item, ["metadata", "resourceVersion"]),
        ];
        found.push({ path, title, kind: known.kind, uid, resourceVersion });
      }
    }
  }
  return found;
}

/**
 * Writes the parent of a set.
 *
 * @param options.which - `before` anything is applied it names what was in the set and what will be, so that whatever happens then
 *   is found again; `after` all is done only what is.
 * @param options.tooling - Name and version of this program, which other tools compare with theirs: `kseal/v1.0.0`.
 */
export async function writeSet(
  api: Pick<KubeApi, "apply">,
  set: ApplySet,
  objects: readonly PlacedObject[],
  options: { readonly which: "before" | "after"; readonly tooling: string; readonly dryRun?: boolean },
): Promise<void> {
  const { parent, id, contents } = set;
  const { which, tooling, dryRun = false } = options;
  const now = contentsOf(objects);
  const { kinds: groupKinds, namespaces } = which === "before" ? both(contents, now) : now;
  const others = [...namespaces].filter((namespace) => namespace !== parent.namespace).toSorted();
  const object: JsonObject = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name: parent.name,
      namespace: parent.namespace,
      labels: { [idLabel]: id },
      annotations: {
        [toolingAnnotation]: tooling,
        [kindsAnnotation]: [...groupKinds].toSorted().join(","),
        [namespacesAnnotation]: others.join(","),
      },
    },
  };
  await api.apply(parent, object, { fieldManager, force: true, dryRun });
}

function contentsOf(objects: readonly PlacedObject[]): SetContents {
  const members = objects.filter(isMember);
  return {
    kinds: new Set(members.map(({ kind, group }) => groupKind(kind, group))),
    namespaces: new Set(members.flatMap(({ path }) => path.namespace ?? [])),
  };
}

function both(one: SetContents, other: SetContents): SetContents {
  return {
    kinds: new Set([...one.kinds, ...other.kinds]),
    namespaces: new Set([...one.namespaces, ...other.namespaces]),
  };
}

async function membersIn(
  api: Pick<KubeApi, "list">,
  path: ObjectPath,
  id: string,
): Promise<readonly JsonObject[]> {
  try {
    // Values stay in the cluster.
    return (await api.list(path, { labelSelector: `${partOf}=${id}`, metadataOnly: true })).items;
  } catch (error) {
    // The kind is gone, and all its objects with it.
    if (error instanceof KubeError && error.status === 404) return [];
    throw error;
  }
}

function refuseOthers(live: JsonObject, title: string, id: string): void {
  const tooling = textAt(live, ["metadata", "annotations", toolingAnnotation]);
  const label = textAt(live, ["metadata", "labels", idLabel]);
  if (tooling === "")
    throw foreign(`${title} exists, and is no parent of a set: it has no annotation ${toolingAnnotation}`);
  if (tooling.split("/")[0] !== "kseal") throw foreign(`${title} is the parent of a set of ${tooling}`);
  if (label !== id) throw foreign(`${title} has the id of another set: ${label === "" ? "none" : label}`);
}

function refuseOwned(item: JsonObject, title: string): void {
  const owners = valueAt(item, ["metadata", "ownerReferences"]);
  const owner = Array.isArray(owners) ? owners.find(isObject) : undefined;
  if (owner === undefined) return;
  throw new KsealError(
    "CLUSTER_CONFLICT",
    `${title} is in the set and not applied any more, but belongs to ${textAt(owner, ["kind"])} ${textAt(owner, ["name"])}`,
    { hint: `remove its label ${partOf}, or delete its owner` },
  );
}

function foreign(message: string): KsealError {
  return new KsealError("CLUSTER_CONFLICT", message, { hint: "choose another name for --applyset" });
}

function groupKind(kind: string, group: string): string {
  return group === "" ? kind : `${kind}.${group}`;
}

function keyOf(...parts: readonly (string | undefined)[]): string {
  return JSON.stringify(parts);
}
