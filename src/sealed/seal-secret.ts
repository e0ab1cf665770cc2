import type { KeyObject } from "node:crypto";
import { encodeBase64 } from "../core/base64.ts";
import { KsealError } from "../errors.ts";
import { sealItem, sealWith, type WrappedSessionKey } from "./envelope.ts";
import { compareText, noMeta, type ObjectMeta, serverFields } from "./object-meta.ts";
import { oaepLabel, type Scope, scopeOf, withScope } from "./scope.ts";
import type { SealedSecret } from "./sealed-secret.ts";
import { placeOf, type Secret } from "./secret.ts";

export interface SealOptions {
  readonly publicKey: KeyObject;
  /** Cryptographically secure random bytes. */
  readonly random: (length: number) => Uint8Array;
  /** Session keys that were wrapped for this Secret's label before, one for each value; made on the way without them. */
  readonly sessionKeys?: readonly WrappedSessionKey[] | undefined;
  /** In place of the scope that the annotations of the Secret ask for; they are changed to say the same. */
  readonly scope?: Scope | undefined;
  /** Seals a Secret without any value, too. */
  readonly allowEmpty?: boolean;
  /** Which labels and annotations the SealedSecret gets as well (S24); none without it. */
  readonly carry?: ((name: string) => boolean) | undefined;
}

export interface SealedResult {
  readonly sealed: SealedSecret;
  /** Fields of the Secret that were left out because they hold values in clear, or only say where it came from. */
  readonly stripped: readonly string[];
}

/** Annotations in which tools keep the whole Secret, in clear (Sealed Secrets #227). */
const lastApplied = [
  "kubectl.kubernetes.io/last-applied-configuration",
  "kubecfg.ksonnet.io/last-applied-configuration",
];
/** Of the object in the cluster that the manifest was taken from. */
const strippedFields = serverFields.toSpliced(1, 0, "ownerReferences");

/**
 * Seals a Secret, each value by itself. Its metadata becomes the template's, without what would leak or only holds in
 * the cluster it came from.
 *
 * @throws KsealError `SEALED_INVALID` when it has no name, no namespace (needless for cluster-wide scope) or no value.
 */
export function sealSecret(secret: Secret, options: SealOptions): SealedResult {
  const scope = options.scope ?? scopeOf(secret.metadata.annotations);
  const { name, namespace } = secret.metadata;
  checkPlace(secret, scope);
  if (secret.data.size === 0 && options.allowEmpty !== true) {
    throw new KsealError("SEALED_INVALID", `the Secret ${placeOf(secret.metadata)} has no values`, {
      hint: "put values under data or stringData",
    });
  }
  const { metadata, stripped } = templateMeta(secret.metadata, options.scope);
  const carried = carryOver(metadata, options.carry);
  const sealed: SealedSecret = {
    metadata: { ...carried, name, namespace, annotations: withScope(carried.annotations, scope) },
    encryptedData: new Map(
      [...secret.data]
        .toSorted(([a], [b]) => compareText(a, b))
        .map(([item, value], at) => {
          const key = options.sessionKeys?.[at];
          const to = { ...options, scope, name, namespace };
          return [item, key === undefined ? sealValue(value, to) : encodeBase64(sealWith(value, key))];
        }),
    ),
    template: {
      metadata,
      ...(secret.type === undefined ? {} : { type: secret.type }),
      ...(secret.immutable === undefined ? {} : { immutable: secret.immutable }),
      data: new Map(),
    },
  };
  return { sealed, stripped };
}

/** Seals one value for an item of a SealedSecret. @returns Base64. */
export function sealValue(
  plaintext: Uint8Array,
  to: Pick<SealOptions, "publicKey" | "random"> & {
    readonly scope: Scope;
    readonly name: string;
    readonly namespace: string;
  },
): string {
  const label = oaepLabel(to.scope, to);
  return encodeBase64(sealItem(plaintext, { publicKey: to.publicKey, label, sessionKey: to.random(32) }));
}

/**
 * Whether a label or an annotation steers Argo CD or Flux, which look at the SealedSecret in Git and never at the
 * Secret it becomes. Argo CD's marks of what it tracks are not among them: they are its own to write.
 */
export function isSyncName(name: string): boolean {
  if (name === "argocd.argoproj.io/instance" || name === "argocd.argoproj.io/tracking-id") return false;
  return /^(argocd\.argoproj\.io|([a-z]+\.)?toolkit\.fluxcd\.io|fluxcd\.io)\//.test(name);
}

function checkPlace({ metadata }: Secret, scope: Scope): void {
  if (metadata.name === "") {
    throw new KsealError("SEALED_INVALID", "metadata.name is missing in the Secret", {
      hint: "a value is sealed for a name; write metadata.name",
    });
  }
  if (metadata.namespace === "" && scope !== "cluster-wide") {
    throw new KsealError("SEALED_INVALID", `the Secret ${placeOf(metadata)} has no namespace`, {
      hint: "a value is sealed for a namespace; write metadata.namespace",
    });
  }
}

function templateMeta(
  from: ObjectMeta,
  scope: Scope | undefined,
): { readonly metadata: ObjectMeta; readonly stripped: readonly string[] } {
  const annotations = new Map([...from.annotations].filter(([name]) => !lastApplied.includes(name)));
  return {
    metadata: {
      ...from,
      annotations: scope === undefined ? annotations : withScope(annotations, scope),
      other: new Map([...from.other].filter(([key]) => !strippedFields.includes(key))),
    },
    stripped: [
      ...lastApplied
        .filter((name) => from.annotations.has(name))
        .map((name) => `metadata.annotations[${JSON.stringify(name)}]`),
      ...strippedFields.filter((key) => from.other.has(key)).map((key) => `metadata.${key}`),
    ],
  };
}

function carryOver(from: ObjectMeta, carry: SealOptions["carry"]): ObjectMeta {
  if (carry === undefined) return noMeta;
  const chosen = (texts: ReadonlyMap<string, string>) => new Map([...texts].filter(([name]) => carry(name)));
  return { ...noMeta, labels: chosen(from.labels), annotations: chosen(from.annotations) };
}
