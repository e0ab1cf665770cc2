import type { JsonObject } from "../src/kube/api.ts";
import {
  field,
  listField,
  objectAt,
  objectField,
  textField,
  textsField,
} from "../src/sealed/object-fields.ts";
import { type FieldsOfManager, readManagedFields } from "./managed-fields.ts";

/** What the controller knows of a Secret without having read a value of it. */
export interface SecretMetadata {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Somebody deleted it, and a finalizer keeps it for now. */
  readonly deleting: boolean;
  readonly annotations: ReadonlyMap<string, string>;
  /** The owner with `controller: true`; there can be one only. */
  readonly controller: OwnerReference | undefined;
  readonly managers: readonly FieldsOfManager[];
}

/** An entry of `metadata.ownerReferences`. */
interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/**
 * Reads a Secret, or its `PartialObjectMetadata`.
 *
 * @throws KsealError `SEALED_INVALID` when the metadata has fields of wrong types, which no API server sends.
 */
export function readSecretMetadata(object: JsonObject): SecretMetadata {
  const metadata = objectField(object, "metadata", "");
  const text = (key: string) => textField(metadata, key, "metadata") ?? "";
  // As text it takes a quarter of the memory, and there may be thousands of which none is looked at for hours.
  const managedFields = JSON.stringify(field(metadata, "managedFields") ?? []);
  return {
    namespace: text("namespace"),
    name: text("name"),
    uid: text("uid"),
    resourceVersion: text("resourceVersion"),
    deleting: field(metadata, "deletionTimestamp") !== undefined,
    annotations: textsField(metadata, "annotations", "metadata"),
    controller: listField(metadata, "ownerReferences", "metadata")
      .map((owner) => objectAt(owner, "metadata.ownerReferences"))
      .filter((owner) => field(owner, "controller") === true)
      .map(readOwner)[0],
    get managers() {
      return readManagedFields(JSON.parse(managedFields));
    },
  };
}

function readOwner(owner: JsonObject): OwnerReference {
  const text = (key: string) => textField(owner, key, "metadata.ownerReferences") ?? "";
  return { apiVersion: text("apiVersion"), kind: text("kind"), name: text("name"), uid: text("uid") };
}
