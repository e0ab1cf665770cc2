import { createHash } from "node:crypto";
import { encodeBase64 } from "../src/core/base64.ts";
import type { JsonObject } from "../src/kube/api.ts";
import { field, objectField } from "../src/sealed/object-fields.ts";
import { sortedObject } from "../src/sealed/object-meta.ts";
import { scopeOf } from "../src/sealed/scope.ts";
import { readSealedSecret, type SealedSecret } from "../src/sealed/sealed-secret.ts";
import { forceSyncAnnotation, orphanAnnotation, skipOwnerAnnotation, suspendAnnotation } from "./names.ts";
import { readStatus, type SealedSecretStatus } from "./status.ts";

/** A SealedSecret of the cluster, as the controller looks at it. */
export interface WatchedSealedSecret {
  readonly sealed: SealedSecret;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly deleting: boolean;
  readonly suspended: boolean;
  /** Its Secret gets no owner reference: the template asks for that, or the SealedSecret to be outlived. */
  readonly unowned: boolean;
  readonly status: SealedSecretStatus;
}

/**
 * Reads a SealedSecret as the API server sent it.
 *
 * @throws KsealError `SEALED_INVALID` that names the field with a wrong type. Only objects that were stored under an
 *   older definition have such; the Bitnami controller drops the item without a word.
 */
export function readWatched(object: JsonObject): WatchedSealedSecret {
  const sealed = readSealedSecret(object);
  const { annotations } = sealed.metadata;
  return {
    sealed,
    namespace: sealed.metadata.namespace,
    name: sealed.metadata.name,
    ...readIdentity(object),
    suspended: annotations.get(suspendAnnotation) === "true",
    unowned:
      annotations.get(orphanAnnotation) === "true" ||
      sealed.template.metadata.annotations.get(skipOwnerAnnotation) === "true",
    status: readStatus(field(object, "status")),
  };
}

/** What can be said of a SealedSecret whose contents cannot be read. */
export function readIdentity(
  object: JsonObject,
): Pick<WatchedSealedSecret, "uid" | "resourceVersion" | "generation" | "deleting"> {
  const metadata = objectField(object, "metadata", "");
  const text = (key: string) => {
    const value = field(metadata, key);
    return typeof value === "string" ? value : "";
  };
  const generation = field(metadata, "generation");
  return {
    uid: text("uid"),
    resourceVersion: text("resourceVersion"),
    generation: typeof generation === "number" ? generation : 0,
    deleting: field(metadata, "deletionTimestamp") !== undefined,
  };
}

/**
 * A hash of everything that the Secret is made from. All of it is public: it stands in Git, and anybody who may read
 * the SealedSecret may read it.
 *
 * Changing this text makes every controller open and write every object once more.
 *
 * @returns `sha256:` and hexadecimal digits.
 */
export function hashInputs({ sealed, unowned }: Pick<WatchedSealedSecret, "sealed" | "unowned">): string {
  const { metadata, template } = sealed;
  const inputs = [
    "kseal.dev/inputs v1",
    metadata.namespace,
    metadata.name,
    scopeOf(metadata.annotations),
    unowned,
    metadata.annotations.get(forceSyncAnnotation) ?? "",
    sealed.v1Data === undefined ? "" : encodeBase64(sealed.v1Data),
    sortedObject(sealed.encryptedData),
    template.type ?? "",
    template.immutable ?? false,
    sortedObject(template.data),
    sortedObject(template.metadata.labels),
    sortedObject(template.metadata.annotations),
    finalizersOf(sealed),
  ];
  return `sha256:${createHash("sha256").update(JSON.stringify(inputs)).digest("hex")}`;
}

/**
 * What has to change in a SealedSecret before the controller looks at it again (S4): its contents, its scope, or one
 * of the annotations that steer the controller. The controller's own writes of the status are no such change.
 */
export function triggerOf(object: JsonObject): string {
  const { uid, generation, deleting } = readIdentity(object);
  const annotations = objectField(objectField(object, "metadata", ""), "annotations", "metadata");
  const steering = [suspendAnnotation, orphanAnnotation, forceSyncAnnotation].map((name) =>
    String(field(annotations, name) ?? ""),
  );
  const texts = Object.entries(annotations).map(([name, value]): [string, string] => [name, String(value)]);
  return JSON.stringify([uid, generation, deleting, scopeOf(new Map(texts)), ...steering]);
}

/** The finalizers that the template asks for. */
export function finalizersOf({ template }: Pick<SealedSecret, "template">): readonly string[] {
  const finalizers = template.metadata.other.get("finalizers");
  if (!Array.isArray(finalizers)) return [];
  return finalizers.filter((finalizer) => typeof finalizer === "string");
}
