import { mergeFields, missingFields } from "./managed-fields.ts";
import { belongsToAnnotation, fieldManager, managedAnnotation, patchAnnotation } from "./names.ts";
import type { SecretMetadata } from "./secret-metadata.ts";
import type { WatchedSealedSecret } from "./watched-sealed-secret.ts";

/** What a Secret with the right name is to a SealedSecret. */
export type Ownership =
  /** There is none. */
  | "absent"
  /** It was made from this SealedSecret. */
  | "owned"
  /** It was made from a SealedSecret of this name that is gone: deleted and created anew, or restored from a backup. */
  | "stale"
  /** It may be overwritten and owned: its `managed` annotation says so. */
  | "managed"
  /** Own keys may be written into it, and nothing else: its `patch` annotation says so. */
  | "patched"
  /** The same, and it is owned. */
  | "patched-and-owned"
  /** It is somebody else's. */
  | "foreign";

type Owner = Pick<WatchedSealedSecret, "uid" | "name" | "unowned">;

/** The annotations that count are those of the existing Secret, never those of the template. */
export function ownershipOf(owner: Owner, secret: SecretMetadata | undefined): Ownership {
  if (secret === undefined) return "absent";
  const managed = secret.annotations.get(managedAnnotation) === "true";
  const own = secret.controller?.uid === owner.uid || belongsToUs(secret);
  if (secret.annotations.get(patchAnnotation) === "true")
    return managed || own ? "patched-and-owned" : "patched";
  if (own) return "owned";
  if (isControlledBySealedSecret(secret, owner.name)) return "stale";
  return managed ? "managed" : "foreign";
}

/**
 * Whether a Secret that is gone, or changed, is the business of the SealedSecret of its name. A foreign one is not: it
 * is not made anew when somebody deletes it.
 */
export function concernsSealedSecret(secret: SecretMetadata): boolean {
  return (
    isControlledBySealedSecret(secret, secret.name) ||
    secret.annotations.get(managedAnnotation) === "true" ||
    belongsToUs(secret)
  );
}

/** Whether its owner is a SealedSecret of that name, of whatever uid. */
export function isControlledBySealedSecret({ controller }: SecretMetadata, name: string): boolean {
  return (
    controller?.kind === "SealedSecret" &&
    controller.apiVersion.startsWith("bitnami.com/") &&
    controller.name === name
  );
}

/**
 * Whether this controller made a Secret that has no owner (S25). The annotation alone proves nothing, as anybody copies
 * annotations: it has to be written by this controller.
 */
function belongsToUs({ controller, annotations, managers }: SecretMetadata): boolean {
  if (controller !== undefined || !annotations.has(belongsToAnnotation)) return false;
  const path = ["f:metadata", "f:annotations", `f:${belongsToAnnotation}`];
  const own = managers.filter(({ manager }) => manager === fieldManager);
  return missingFields(mergeFields(own), [path]).length === 0;
}
