import { decodeGoBase64 } from "../core/go-base64.ts";
import type { TreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import type { ManifestEdit } from "../formats/manifest.ts";
import type { Certificate } from "../sealed/certificate.ts";
import { parseEnvelope } from "../sealed/envelope.ts";
import { scopeOf, withScope } from "../sealed/scope.ts";
import { isSyncName, sealSecret } from "../sealed/seal-secret.ts";
import type { SealedSecret } from "../sealed/sealed-secret.ts";
import { placeOf, type Secret } from "../sealed/secret.ts";
import type { UnchangedItems } from "./seal-reuse.ts";
import type { TargetObject } from "./seal-target.ts";

/** What becomes of a SealedSecret that values go into. */
export interface IntoEdits {
  readonly edits: readonly ManifestEdit[];
  /** Items by what happened to them. */
  readonly added: readonly string[];
  readonly replaced: readonly string[];
  /** Items that hold the value already, as far as keys at hand could tell. */
  readonly unchanged: readonly string[];
  /** Fields of the Secret that were left out because they hold values in clear, or only say where it came from. */
  readonly stripped: readonly string[];
  /** What to tell the user, without the name of the file. */
  readonly warnings: readonly string[];
}

/** How values are sealed for a SealedSecret that exists. */
export interface IntoOptions {
  readonly certificate: Certificate;
  readonly random: (length: number) => Uint8Array;
  /** For a SealedSecret that names none. */
  readonly namespace: string;
  /** Missing when no keys are at hand. */
  readonly unchanged: UnchangedItems | undefined;
  readonly allowEmpty: boolean;
  readonly keepSync: boolean;
}

/**
 * The changes that put the values of a Secret into a SealedSecret, each sealed for the name, namespace and scope of the
 * latter (S12). Of everything else in the Secret only what it says is taken over: labels, annotations, type.
 *
 * @throws KsealError `SEALED_INVALID` when the SealedSecret has no namespace and none is given, when it is one from before
 *   version 0.7, or when the Secret asks for another scope.
 */
export async function editsInto(
  target: TargetObject,
  secret: Secret,
  options: IntoOptions,
): Promise<IntoEdits> {
  const old = inNamespace(target.sealed, options.namespace);
  const scope = scopeOf(old.metadata.annotations);
  checkTarget(old, secret);
  const { name, namespace } = old.metadata;
  const { sealed, stripped } = sealSecret(
    { ...secret, metadata: { ...secret.metadata, name, namespace } },
    {
      publicKey: options.certificate.publicKey,
      random: options.random,
      scope,
      allowEmpty: options.allowEmpty,
      carry: options.keepSync ? isSyncName : undefined,
    },
  );
  const unchanged = (await options.unchanged?.(old, secret.data, options.certificate)) ?? new Map();
  const written = [...sealed.encryptedData].filter(([item]) => !unchanged.has(item));
  const at = (path: TreePath, value: string | boolean): ManifestEdit => ({
    document: target.document,
    path: [...target.path, ...path],
    value: typeof value === "string" ? { kind: "str", value } : { kind: "bool", value },
  });
  const [before, after] = [old.template, sealed.template];
  return {
    edits: [
      ...written.map(([item, text]) => at(["spec", "encryptedData", item], text)),
      ...textEdits(["spec", "template", "metadata"], before.metadata, after.metadata, at),
      ...textEdits(["metadata"], old.metadata, sealed.metadata, at),
      ...(after.type === undefined || after.type === before.type
        ? []
        : [at(["spec", "template", "type"], after.type)]),
      ...(after.immutable === undefined || after.immutable === before.immutable
        ? []
        : [at(["spec", "template", "immutable"], after.immutable)]),
    ],
    added: written.map(([item]) => item).filter((item) => !old.encryptedData.has(item)),
    replaced: written.map(([item]) => item).filter((item) => old.encryptedData.has(item)),
    unchanged: [...unchanged.keys()],
    stripped,
    warnings: warningsOf(old, secret, options.certificate),
  };
}

type Texts = Readonly<Record<"labels" | "annotations", ReadonlyMap<string, string>>>;

/** Labels and annotations that are new or different. Those of the scope stay the target's. */
function textEdits(
  path: TreePath,
  before: Texts,
  after: Texts,
  at: (path: TreePath, value: string) => ManifestEdit,
): readonly ManifestEdit[] {
  return (["labels", "annotations"] as const).flatMap((kind) =>
    [...withScope(after[kind], "strict")]
      .filter(([name, text]) => before[kind].get(name) !== text)
      .map(([name, text]) => at([...path, kind, name], text)),
  );
}

function inNamespace(sealed: SealedSecret, namespace: string): SealedSecret {
  const { metadata } = sealed;
  return metadata.namespace === "" ? { ...sealed, metadata: { ...metadata, namespace } } : sealed;
}

function checkTarget({ metadata, v1Data }: SealedSecret, secret: Secret): void {
  const scope = scopeOf(metadata.annotations);
  const asked = scopeOf(secret.metadata.annotations);
  if (v1Data !== undefined) {
    throw new KsealError("SEALED_INVALID", `${placeOf(metadata)} was sealed before version 0.7`, {
      hint: "kseal reseal FILE writes it as encryptedData, which single values can go into",
    });
  }
  if (metadata.namespace === "" && scope !== "cluster-wide") {
    throw new KsealError("SEALED_INVALID", `the SealedSecret ${placeOf(metadata)} has no namespace`, {
      hint: "a value is sealed for a namespace; write metadata.namespace, or name it: --namespace NAMESPACE",
    });
  }
  if (asked !== "strict" && asked !== scope) throw otherScope(metadata, scope, asked);
}

/** A scope is that of the whole object: a value that was sealed for another would never open in it. */
export function otherScope(metadata: SealedSecret["metadata"], scope: string, asked: string): KsealError {
  return new KsealError(
    "SEALED_INVALID",
    `the scope of ${placeOf(metadata)} is ${scope}, and a value that is sealed ${asked} does not open in it`,
    { hint: "values get the scope of the SealedSecret; leave out what asks for another" },
  );
}

function warningsOf(old: SealedSecret, secret: Secret, { modulusLength }: Certificate): readonly string[] {
  const hidden = [...secret.data.keys()].filter((item) => old.template.data.has(item));
  const other = [...old.encryptedData]
    .filter(([item]) => !secret.data.has(item))
    .map(([, text]) => keySizeOf(text))
    .find((size) => size !== undefined && size !== modulusLength);
  return [
    ...hidden.map((item) => `the template for ${item} takes the place of the sealed value`),
    ...(other === undefined
      ? []
      : [
          `its other values are sealed for a key of ${other * 8} bits, and this certificate has ${modulusLength * 8}: is it the right cluster's?`,
        ]),
  ];
}

/** Bytes of the modulus that a value is sealed for; `undefined` when it is broken, which is not asked here. */
function keySizeOf(text: string): number | undefined {
  const decoded = decodeGoBase64(text);
  if (!("bytes" in decoded)) return undefined;
  try {
    return parseEnvelope(decoded.bytes).wrappedKey.length;
  } catch (error) {
    if (error instanceof KsealError) return undefined;
    throw error;
  }
}
