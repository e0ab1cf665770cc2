import { encodeBase64 } from "../src/core/base64.ts";
import type { JsonObject } from "../src/kube/api.ts";
import { sortedObject } from "../src/sealed/object-meta.ts";
import { sealedSecretVersion } from "../src/sealed/sealed-secret.ts";
import type { Secret } from "../src/sealed/secret.ts";
import type { FieldPath } from "./managed-fields.ts";
import { belongsToAnnotation, inputsAnnotation, openedByAnnotation } from "./names.ts";
import type { Ownership } from "./ownership.ts";
import { finalizersOf, type WatchedSealedSecret } from "./watched-sealed-secret.ts";

/** What the controller notes about a Secret: on the Secret itself, or in memory. */
export interface Recorded {
  /** Of everything the Secret is made from. */
  readonly inputs: string;
  /** Fingerprints of the keys that opened the values, separated by commas. */
  readonly openedBy: string;
}

/** How a Secret is to look, apart from its values. */
export interface SecretShape {
  readonly watched: WatchedSealedSecret;
  readonly ownership: Exclude<Ownership, "foreign">;
  /** Whether the controller has written the type of this Secret before. */
  readonly ownsType: boolean;
  /** What is noted on the Secret; nothing when the controller is told to leave no annotations. */
  readonly recorded: Recorded | undefined;
}

/** Annotations that templates have no say in. */
const reserved = [inputsAnnotation, openedByAnnotation, belongsToAnnotation];

/**
 * The object to write: what this controller wants to be so, and nothing else. Holds the values in clear.
 *
 * @param secret - As it was unsealed, metadata of the template included.
 */
export function desiredSecret(shape: SecretShape, secret: Secret): JsonObject {
  const { watched } = shape;
  const type = typeOf(shape, secret.type);
  const owner = ownerOf(shape);
  const finalizers = finalizersOf(watched.sealed);
  const labels = secret.metadata.labels;
  const annotations = annotationsOf(shape, secret.metadata.annotations);
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name: watched.name,
      namespace: watched.namespace,
      ...(labels.size === 0 ? {} : { labels: sortedObject(labels) }),
      ...(annotations.size === 0 ? {} : { annotations: sortedObject(annotations) }),
      ...(owner === undefined ? {} : { ownerReferences: [owner] }),
      ...(finalizers.length === 0 ? {} : { finalizers }),
    },
    ...(type === undefined ? {} : { type }),
    ...(secret.immutable === true ? { immutable: true } : {}),
    ...(secret.data.size === 0 ? {} : { data: sortedObject(encoded(secret.data)) }),
  };
}

/**
 * The fields that {@link desiredSecret} writes, as far as they can be told without opening anything. Of an object from
 * before 0.7, whose items are sealed with their names, that is the frame alone.
 */
export function desiredFields(shape: SecretShape): readonly FieldPath[] {
  const { sealed } = shape.watched;
  const { template } = sealed;
  const known = sealed.v1Data === undefined;
  const items = known ? new Set([...sealed.encryptedData.keys(), ...template.data.keys()]) : [];
  const owner = ownerOf(shape);
  const paths: FieldPath[] = [...items].map((item) => ["f:data", `f:${item}`]);
  const annotations = annotationsOf(shape, known ? template.metadata.annotations : new Map());
  for (const name of annotations.keys()) paths.push(["f:metadata", "f:annotations", `f:${name}`]);
  for (const name of known ? template.metadata.labels.keys() : []) {
    paths.push(["f:metadata", "f:labels", `f:${name}`]);
  }
  for (const name of finalizersOf(sealed))
    paths.push(["f:metadata", "f:finalizers", `v:${JSON.stringify(name)}`]);
  if (owner !== undefined) paths.push(ownerPath(owner.uid));
  if (typeOf(shape, template.type) !== undefined) paths.push(["f:type"]);
  if (template.immutable === true) paths.push(["f:immutable"]);
  return paths;
}

/** The field of an owner reference. */
export function ownerPath(uid: string): FieldPath {
  return ["f:metadata", "f:ownerReferences", `k:${JSON.stringify({ uid })}`];
}

/** A field in words, for messages: `data password`. Values have no part in it. */
export function fieldText(path: FieldPath): string {
  return path
    .map((step) => step.replace(/^[fkv]:/, ""))
    .filter((step) => step !== "metadata")
    .join(" ");
}

function ownerOf({ watched, ownership }: SecretShape) {
  if (watched.unowned || ownership === "patched") return undefined;
  return {
    apiVersion: sealedSecretVersion,
    kind: "SealedSecret",
    name: watched.name,
    uid: watched.uid,
    controller: true,
  };
}

/** S9: a Secret without a type is one of the type `Opaque`, which is what the API server makes of it. */
function typeOf({ ownership, ownsType }: SecretShape, type: string | undefined): string | undefined {
  // In somebody else's Secret the type is theirs, unless the template insists.
  const theirs = ownership === "patched" || ownership === "patched-and-owned";
  return theirs && !ownsType ? type : (type ?? "Opaque");
}

function annotationsOf(
  { watched, ownership, recorded }: SecretShape,
  template: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const annotations = new Map([...template].filter(([name]) => !reserved.includes(name)));
  if (recorded !== undefined) {
    annotations.set(inputsAnnotation, recorded.inputs);
    annotations.set(openedByAnnotation, recorded.openedBy);
  }
  // Without an owner nothing else tells whose Secret it is.
  if (watched.unowned && ownership !== "patched") annotations.set(belongsToAnnotation, watched.uid);
  return annotations;
}

function encoded(data: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, string> {
  return new Map([...data].map(([item, value]) => [item, encodeBase64(value)]));
}
