import { checkDepth, field, type JsonObject, textField, textsField } from "./object-fields.ts";

/** The metadata of a Kubernetes object. */
export interface ObjectMeta {
  /** Empty when there is none. */
  readonly name: string;
  /** Empty when there is none. */
  readonly namespace: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
  /** Every other field as it was read. */
  readonly other: ReadonlyMap<string, unknown>;
}

/** The fields in the order in which Kubernetes prints them. */
export const metaFields: readonly string[] = [
  "name",
  "generateName",
  "namespace",
  "selfLink",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "labels",
  "annotations",
  "ownerReferences",
  "finalizers",
  "managedFields",
];
/** Fields that belong to the object in a cluster, and not to what stands in Git. `managedFields` names every item (S24). */
export const serverFields: readonly string[] = [
  "managedFields",
  "uid",
  "resourceVersion",
  "selfLink",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
];
const own = ["name", "namespace", "labels", "annotations"];

/** Metadata of nothing. */
export const noMeta: ObjectMeta = {
  name: "",
  namespace: "",
  labels: new Map(),
  annotations: new Map(),
  other: new Map(),
};

/** @throws KsealError `SEALED_INVALID` that names the field with a wrong type. */
export function readMeta(object: JsonObject, path: string): ObjectMeta {
  checkDepth(object, path);
  return {
    name: textField(object, "name", path) ?? "",
    namespace: textField(object, "namespace", path) ?? "",
    labels: textsField(object, "labels", path),
    annotations: textsField(object, "annotations", path),
    other: new Map(
      Object.entries(object).filter(([key]) => !own.includes(key) && field(object, key) !== undefined),
    ),
  };
}

/** The metadata as an object to print: fields in the order of Kubernetes, labels and annotations sorted, empty ones left out. */
export function metaObject(meta: ObjectMeta): JsonObject {
  const fields = new Map<string, unknown>(meta.other);
  if (meta.name !== "") fields.set("name", meta.name);
  if (meta.namespace !== "") fields.set("namespace", meta.namespace);
  if (meta.labels.size > 0) fields.set("labels", sortedObject(meta.labels));
  if (meta.annotations.size > 0) fields.set("annotations", sortedObject(meta.annotations));
  const rank = (key: string) => (metaFields.includes(key) ? metaFields.indexOf(key) : metaFields.length);
  return Object.fromEntries([...fields].toSorted(([a], [b]) => rank(a) - rank(b)));
}

/** Entries as an object, sorted by key as Go sorts: by bytes of UTF-8. */
export function sortedObject<T>(entries: ReadonlyMap<string, T>): Readonly<Record<string, T>> {
  // Not an assignment: that would lose a key named `__proto__`.
  return Object.fromEntries([...entries].toSorted(([a], [b]) => compareText(a, b)));
}

/** The order of Go's strings, which is that of code points. */
export function compareText(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let at = 0; at < Math.min(left.length, right.length); at += 1) {
    const difference = (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
