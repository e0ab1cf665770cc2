import type { JsonObject } from "../src/kube/api.ts";
import { objectField } from "../src/sealed/object-fields.ts";
import { ownerPath } from "./desired-secret.ts";
import {
  type FieldSet,
  type FieldsOfManager,
  handOver,
  mergeFields,
  missingFields,
} from "./managed-fields.ts";
import { fieldManager } from "./names.ts";
import type { Ownership } from "./ownership.ts";
import type { SecretMetadata } from "./secret-metadata.ts";

/** A Secret to write. */
export interface SecretWrite {
  /** `create` fails when there is one by now; `apply` when it is not the one that was looked at. */
  readonly mode: "create" | "apply";
  readonly secret: JsonObject;
  /** `metadata.managedFields` to set before, so that the apply removes what is no longer wanted. */
  readonly handOver?: readonly JsonObject[] | undefined;
}

/** How to write a Secret, so that nothing but the very Secret that was looked at is touched. */
export function writeOf(
  existing: SecretMetadata | undefined,
  ownership: Ownership,
  secret: JsonObject,
): SecretWrite {
  if (existing === undefined) return { mode: "create", secret };
  const from = ownership === "managed" ? () => true : isMakerOf(existing);
  const { uid, resourceVersion } = existing;
  const metadata = { ...objectField(secret, "metadata", ""), uid, resourceVersion };
  return {
    mode: "apply",
    secret: { ...secret, metadata },
    handOver: handOver(existing.managers, { to: fieldManager, from }),
  };
}

/**
 * Whoever wrote the owner reference of a Secret wrote the Secret: this controller, the Bitnami controller before it, or
 * a tool that restored a backup.
 */
export function isMakerOf({ controller, name }: SecretMetadata): (entry: FieldsOfManager) => boolean {
  const path =
    controller?.kind === "SealedSecret" && controller.name === name ? ownerPath(controller.uid) : undefined;
  return ({ manager, fields }) =>
    manager === fieldManager || (path !== undefined && missingFields(fields, [path]).length === 0);
}

/** What this controller wrote of a Secret, and nobody changed since. */
export function ownFields(secret: SecretMetadata | undefined): FieldSet {
  return mergeFields((secret?.managers ?? []).filter(({ manager }) => manager === fieldManager));
}
