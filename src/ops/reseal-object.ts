import type { TreeNode } from "../core/tree.ts";
import type { TreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import type { ManifestEdit } from "../formats/manifest.ts";
import type { Certificate } from "../sealed/certificate.ts";
import type { OpenedItems } from "../sealed/open-items.ts";
import { type Scope, scopeOf, withScope } from "../sealed/scope.ts";
import { sealSecret, sealValue } from "../sealed/seal-secret.ts";
import { sealedSecretObject } from "../sealed/sealed-secret.ts";
import { refuseFailures, unsealOpened } from "../sealed/unseal-secret.ts";
import type { FoundSealed } from "./unseal-objects.ts";

/** What a SealedSecret is sealed anew for. */
export interface ResealTarget {
  readonly certificate: Pick<Certificate, "publicKey" | "keyFingerprint">;
  readonly random: (length: number) => Uint8Array;
  /** A narrower scope than it has. */
  readonly scope: Scope | undefined;
  /** Also what is sealed for this certificate already. */
  readonly force: boolean;
}

/** What becomes of one value. */
export interface ResealedItem {
  readonly item: string;
  /** Whose key it was sealed for; `undefined` when only the cluster knows. */
  readonly fingerprint: string | undefined;
  /** Whether that is another key than the one to seal for. */
  readonly old: boolean;
  readonly resealed: boolean;
}

export interface ResealedObject {
  readonly edits: readonly ManifestEdit[];
  readonly items: readonly ResealedItem[];
  /** It was from before version 0.7: one value became several. */
  readonly upgraded: boolean;
}

/**
 * The changes that seal the values of a SealedSecret for another certificate. Its template is not rendered, let alone
 * written into the values, and all other text stays (S2). The scope is the one that opened the values.
 *
 * @throws UnsealError when a value did not open; KsealError `USAGE` for a wider scope than it has.
 */
export function resealObject(found: FoundSealed, opened: OpenedItems, target: ResealTarget): ResealedObject {
  const { metadata } = found.sealed;
  const before = scopeOf(metadata.annotations);
  const scope = target.scope ?? before;
  checkNarrower(found, before, scope);
  if (found.sealed.v1Data !== undefined) return upgrade(found, opened, target, scope);
  refuseFailures(found.sealed, opened.failures, opened);
  const items = [...opened.openers].map(([item, { fingerprint }]): ResealedItem => {
    const old = fingerprint !== target.certificate.keyFingerprint;
    return { item, fingerprint, old, resealed: old || target.force || scope !== before };
  });
  const edits = items.flatMap(({ item, resealed }) => {
    const value = opened.values.get(item);
    if (!resealed || value === undefined) return [];
    const { name, namespace } = metadata;
    const text = sealValue(value, { ...sealTo(target), scope, name, namespace });
    return [editOf(found, ["spec", "encryptedData", item], { kind: "str", value: text })];
  });
  return { edits: [...edits, ...scopeEdits(found, scope)], items, upgraded: false };
}

/** One change of an object, wherever it stands in its document. */
export function editOf(
  { document, path: above }: Pick<FoundSealed, "document" | "path">,
  path: TreePath,
  value: TreeNode | undefined,
): ManifestEdit {
  return { document, path: [...above, ...path], value };
}

function sealTo({ certificate, random }: ResealTarget) {
  return { publicKey: certificate.publicKey, random };
}

const widths: Readonly<Record<Scope, number>> = { strict: 0, "namespace-wide": 1, "cluster-wide": 2 };

function checkNarrower({ sealed: { metadata } }: FoundSealed, before: Scope, after: Scope): void {
  if (widths[after] > widths[before]) {
    throw new KsealError("USAGE", `it is sealed with the scope ${before}, which ${after} would widen`, {
      hint: "a wider scope is for who has the Secret: kseal seal --scope",
    });
  }
  if (after !== "cluster-wide" && metadata.namespace === "") {
    throw new KsealError("SEALED_INVALID", "metadata.namespace is missing", {
      hint: `the scope ${after} needs it; write the namespace that it is for`,
    });
  }
}

/** The annotations that name the scope, in the object and, where it has them, in the template. */
function scopeEdits(found: FoundSealed, scope: Scope): readonly ManifestEdit[] {
  const { metadata, template } = found.sealed;
  if (scopeOf(metadata.annotations) === scope) return [];
  const own = annotationEdits(found, ["metadata"], metadata.annotations, scope);
  const below = template.metadata.annotations;
  if (withScope(below, "strict").size === below.size) return own;
  return [...own, ...annotationEdits(found, ["spec", "template", "metadata"], below, scope)];
}

function annotationEdits(
  found: FoundSealed,
  above: TreePath,
  before: ReadonlyMap<string, string>,
  scope: Scope,
): readonly ManifestEdit[] {
  const path = [...above, "annotations"];
  const after = withScope(before, scope);
  if (after.size === 0) return [editOf(found, path, undefined)];
  const removed = [...before.keys()].filter((name) => !after.has(name));
  const added = [...after].filter(([name, value]) => before.get(name) !== value);
  return [
    ...added.map(([name, value]) => editOf(found, [...path, name], { kind: "str", value })),
    ...removed.map((name) => editOf(found, [...path, name], undefined)),
  ];
}

/** The one value of before version 0.7 becomes one for each item; what was in it besides becomes the template. */
function upgrade(
  found: FoundSealed,
  opened: OpenedItems,
  target: ResealTarget,
  scope: Scope,
): ResealedObject {
  // Such an object has no templates.
  const { secret, openers } = unsealOpened(found.sealed, opened, { render: () => "", acceptV1: true });
  const { sealed } = sealSecret(secret, { ...sealTo(target), scope, allowEmpty: true });
  const { spec } = sealedSecretObject(sealed) as { readonly spec: Readonly<Record<string, unknown>> };
  const edits = [
    editOf(found, ["spec", "encryptedData"], nodeOf(spec["encryptedData"])),
    editOf(found, ["spec", "template"], nodeOf(spec["template"])),
    editOf(found, ["spec", "data"], undefined),
    ...scopeEdits(found, scope),
  ];
  const fingerprint = openers.get("")?.fingerprint;
  const old = fingerprint !== target.certificate.keyFingerprint;
  const items = [...sealed.encryptedData.keys()].map((item) => ({ item, fingerprint, old, resealed: true }));
  return { edits, items, upgraded: true };
}

function nodeOf(value: unknown): TreeNode {
  if (typeof value === "string") return { kind: "str", value };
  if (typeof value === "boolean") return { kind: "bool", value };
  if (typeof value === "number") {
    return Number.isInteger(value) ? { kind: "int", value: BigInt(value) } : { kind: "float", value };
  }
  if (Array.isArray(value)) return { kind: "seq", items: value.map(nodeOf) };
  if (typeof value !== "object" || value === null) return { kind: "null" };
  const items = Object.entries(value).map(
    ([key, child]) => ({ kind: "entry", key, value: nodeOf(child) }) as const,
  );
  return { kind: "map", items };
}
