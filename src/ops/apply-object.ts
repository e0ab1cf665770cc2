import { KsealError } from "../errors.ts";
import type { JsonObject, ObjectPath } from "../kube/api.ts";
import { readSecret, secretObject } from "../sealed/secret.ts";
import { alsoHidden, type Hidden, secretFields } from "./apply-hidden.ts";
import { entriesAt, isObject, textAt } from "./verify-fields.ts";

/** An object that a file wants in the cluster. */
export interface ApplyObject {
  /** As the user named the file, or as found below a folder; `-` for standard input. */
  readonly file: string;
  /** Where its document begins in what was read; `undefined` for encrypted files, whose lines are others. */
  readonly line: number | undefined;
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly name: string;
  /** As the file says it; empty when it does not. */
  readonly namespace: string;
  /** What is sent: of a Secret `data` only, and nothing that only a cluster sets. */
  readonly content: JsonObject;
  /** Which of its values no one may see. */
  readonly hidden: Hidden;
}

/** An object whose place in the cluster is known. */
export interface PlacedObject extends ApplyObject {
  /** With name, and with the namespace where the kind has one. */
  readonly path: ObjectPath;
  /** `Secret prod/db`. */
  readonly title: string;
}

/** The annotation in which `kubectl apply` keeps the whole object, Secrets in clear included. */
export const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

// What the API server writes into `metadata`, and would refuse, or compare with what it has.
const serverFields = [
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "generation",
  "managedFields",
  "resourceVersion",
  "selfLink",
  "uid",
];

/**
 * Makes an object of a file ready to be applied.
 *
 * @param found.hidden - Which of its values were encrypted in the file; none for a file in clear.
 * @throws KsealError `SEALED_INVALID` for what is no object of Kubernetes, and for a Secret with a wrong value.
 */
export function toApplyObject(found: {
  readonly object: JsonObject;
  readonly file: string;
  readonly line: number | undefined;
  readonly hidden: Hidden | undefined;
}): ApplyObject {
  const { object, file, line } = found;
  const [apiVersion, kind] = [textAt(object, ["apiVersion"]), textAt(object, ["kind"])];
  const name = textAt(object, ["metadata", "name"]);
  if (apiVersion === "" || kind === "") {
    throw new KsealError(
      "SEALED_INVALID",
      "this is no object of Kubernetes: it has no apiVersion or no kind",
    );
  }
  if (name === "") {
    throw new KsealError("SEALED_INVALID", `the ${kind} has no name`, {
      hint: "an object that is to be found again needs metadata.name; generateName makes a new one each time",
    });
  }
  const slash = apiVersion.indexOf("/");
  const isSecret = apiVersion === "v1" && kind === "Secret";
  const hidden = alsoHidden(found.hidden ?? new Map());
  return {
    file,
    line,
    group: slash < 0 ? "" : apiVersion.slice(0, slash),
    version: apiVersion.slice(slash + 1),
    kind,
    name,
    namespace: textAt(object, ["metadata", "namespace"]),
    // Values of `stringData` that are taken out later would stay in the cluster.
    content: withoutServerFields(isSecret ? secretObject(readSecret(object)) : object),
    hidden: isSecret ? alsoHidden(hidden, secretFields) : hidden,
  };
}

/** How an object is called in messages: `Secret prod/db`. */
export function titleOf(kind: string, { namespace, name }: Pick<ObjectPath, "namespace" | "name">): string {
  return `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name ?? ""}`;
}

/** The same object with a label more. */
export function withLabel<T extends ApplyObject>(object: T, key: string, value: string): T {
  const metadata = metadataOf(object.content);
  const labels = Object.fromEntries([...entriesAt(metadata, ["labels"]), [key, value]]);
  return { ...object, content: { ...object.content, metadata: { ...metadata, labels } } };
}

/** The same object in the namespace of its path. */
export function inNamespace<T extends PlacedObject>(object: T): T {
  const { namespace } = object.path;
  if (namespace === undefined || object.namespace === namespace) return object;
  const metadata = { ...metadataOf(object.content), namespace };
  return { ...object, content: { ...object.content, metadata } };
}

/** The metadata of an object; empty when it has none. */
export function metadataOf(object: JsonObject | undefined): JsonObject {
  const metadata = object?.["metadata"];
  return isObject(metadata) ? metadata : {};
}

function withoutServerFields(object: JsonObject): JsonObject {
  const metadata = Object.entries(metadataOf(object)).flatMap(([key, value]) => {
    if (serverFields.includes(key)) return [];
    if (key !== "annotations" || !isObject(value)) return [[key, value] as const];
    const annotations = Object.entries(value).filter(([annotation]) => annotation !== lastApplied);
    return annotations.length === 0 ? [] : [[key, Object.fromEntries(annotations)] as const];
  });
  const rest = Object.entries(object).filter(([key]) => key !== "metadata" && key !== "status");
  return { ...Object.fromEntries(rest), metadata: Object.fromEntries(metadata) };
}
