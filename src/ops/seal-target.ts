import type { TreePath } from "../core/tree-path.ts";
import { KsealError, type Where } from "../errors.ts";
import type { Manifest } from "../formats/manifest.ts";
import { field, type JsonObject, listField, objectField } from "../sealed/object-fields.ts";
import type { ObjectMeta } from "../sealed/object-meta.ts";
import { readSealedSecret, type SealedSecret } from "../sealed/sealed-secret.ts";
import { placeOf, typedItem } from "../sealed/secret.ts";
import { shellWord } from "./file-path.ts";

/** A SealedSecret of a file, and where it stands there. */
export interface TargetObject {
  readonly sealed: SealedSecret;
  /** The position of its document in the file, from 0. */
  readonly document: number;
  /** Where it is in the document; empty but for an item of a list. */
  readonly path: TreePath;
  readonly line: number | undefined;
}

/**
 * The SealedSecrets of a file that values go into. Other objects in it are nobody's business here.
 *
 * @throws KsealError `SEALED_INVALID` when there is none, one is broken, or one holds values in clear.
 */
export function sealedSecretsOf({ documents }: Manifest, file: string): readonly TargetObject[] {
  const found = documents.flatMap(({ index, line, object }) =>
    objectsBelow(object, []).map(({ path, object: item }) => ({ document: index, line, path, item })),
  );
  const targets = found.flatMap(({ item, ...place }) => {
    if (field(item, "kind") !== "SealedSecret") return [];
    const where = { file, ...(place.line === undefined ? {} : { line: place.line }) };
    refuseClear(item, where);
    return [{ ...place, sealed: read(item, where) }];
  });
  if (targets.length > 0) return targets;
  throw new KsealError("SEALED_INVALID", "there is no SealedSecret in it", {
    hint: `make one of a Secret: kseal seal secret.yaml --out ${shellWord(file)}`,
    where: { file },
  });
}

/**
 * The one of several SealedSecrets that a name and a namespace mean. One without a namespace may be meant by any: tools
 * such as Kustomize add it later.
 *
 * @param wanted - Empty texts mean any.
 */
export function chooseTarget(
  targets: readonly TargetObject[],
  wanted: Pick<ObjectMeta, "name" | "namespace">,
  file: string,
): TargetObject {
  const isMeant = (own: string, other: string): boolean => own === "" || other === "" || own === other;
  const fitting = targets.filter(
    ({ sealed: { metadata } }) =>
      isMeant(metadata.name, wanted.name) && isMeant(metadata.namespace, wanted.namespace),
  );
  const [target, another] = fitting;
  const names = (some: readonly TargetObject[]): string =>
    some
      .slice(0, 10)
      .map(({ sealed }) => placeOf(sealed.metadata))
      .join(", ");
  if (target === undefined) {
    const { name, namespace } = wanted;
    const meant = name === "" ? `in the namespace ${namespace}` : placeOf(wanted);
    throw new KsealError("SEALED_INVALID", `there is no SealedSecret ${meant} in it`, {
      hint: `it holds ${names(targets)}`,
      where: { file },
    });
  }
  if (another !== undefined) {
    throw new KsealError("USAGE", `several SealedSecrets may be meant: ${names(fitting)}`, {
      hint: "say which one: --name NAME, and --namespace NAMESPACE where that is not enough",
      where: { file },
    });
  }
  return target;
}

interface LocatedObject {
  readonly path: TreePath;
  readonly object: JsonObject;
}

function objectsBelow(object: unknown, path: TreePath): readonly LocatedObject[] {
  if (typeof object !== "object" || object === null || Array.isArray(object) || path.length > 6) return [];
  const own = object as JsonObject;
  const kind = field(own, "kind");
  if (typeof kind !== "string" || !/^(|Secret|SealedSecret)List$/.test(kind)) return [{ path, object: own }];
  return listField(own, "items", "").flatMap((item, at) =>
    objectsBelow(typedItem(kind, item), [...path, "items", at]),
  );
}

function read(item: JsonObject, where: Where): SealedSecret {
  try {
    return readSealedSecret(item);
  } catch (error) {
    throw error instanceof KsealError ? error.at(where) : error;
  }
}

/** The controller takes no notice of these fields, so whoever wrote them waits for values that never come. */
function refuseClear(item: JsonObject, where: Where): void {
  const spec = objectOf(item, "spec");
  const template = objectOf(spec, "template");
  const [clear] = [
    ...["data", "stringData"].filter((key) => field(item, key) !== undefined),
    ...(typeof field(spec, "data") === "object" ? ["spec.data"] : []),
    ...(field(spec, "stringData") === undefined ? [] : ["spec.stringData"]),
    ...(field(template, "stringData") === undefined ? [] : ["spec.template.stringData"]),
  ];
  if (clear === undefined) return;
  throw new KsealError("SEALED_INVALID", `values stand in clear in ${clear} of the SealedSecret`, {
    hint: `move them into a Secret, seal that with --into ${shellWord(where.file ?? "FILE")}, remove ${clear}, and change what was committed`,
    where,
  });
}

function objectOf(from: JsonObject, key: string): JsonObject {
  const value = field(from, key);
  return typeof value === "object" && !Array.isArray(value) ? objectField(from, key, "") : {};
}
