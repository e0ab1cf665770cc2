import type { TreePath } from "../core/tree-path.ts";
import type { JsonObject } from "../sealed/object-fields.ts";
import type { Scope } from "../sealed/scope.ts";
import { sealedSecretVersion } from "../sealed/sealed-secret.ts";
import { checkFields, checkType, entriesAt, textAt, valueAt } from "./verify-fields.ts";
import { type Defect, defect } from "./verify-finding.ts";
import { checkMetadata } from "./verify-metadata.ts";
import { checkTemplate } from "./verify-template.ts";
import { checkValues } from "./verify-values.ts";

/** What is known from elsewhere about an object. */
export interface Expected {
  /** The scope that the rule of `.sops.yaml` wants. */
  readonly scope?: Scope | undefined;
  /** Bytes of the modulus of the certificate. */
  readonly modulusLength?: number | undefined;
}

// What etcd takes for one request unless it is told otherwise.
const largestObject = 1.5 * 1024 * 1024;

/** Everything that is wrong with a SealedSecret and shows without a key. */
export function checkSealedSecret(object: JsonObject, expected: Expected): readonly Defect[] {
  return [
    ...checkKind(object),
    ...checkFields(object, [], [...topFields, ...clearFields]),
    ...checkType(object, ["spec"], "a mapping"),
    ...checkFields(object, ["spec"], ["encryptedData", "template", "data", "stringData"]),
    ...checkFields(object, ["spec", "template"], ["metadata", "type", "immutable", "data", "stringData"]),
    ...checkMetadata(object, expected.scope),
    ...checkValues(object, expected.modulusLength),
    ...checkTemplate(object),
    ...checkClear(object),
    ...checkSize(object),
  ];
}

/** A Secret with values, where a SealedSecret belongs. */
export function checkSecret(object: JsonObject): readonly Defect[] {
  const filled = (["data", "stringData"] as const).find((field) => entriesAt(object, [field]).length > 0);
  if (filled === undefined) return [];
  return [
    defect(
      "secret-in-clear",
      [filled],
      "it is a Secret with its values in clear",
      "seal it: kseal seal -i FILE",
    ),
  ];
}

const topFields = ["apiVersion", "kind", "metadata", "spec", "status"];
const clearFields = ["data", "stringData", "type", "immutable"];

function checkKind(object: JsonObject): readonly Defect[] {
  const [kind, version] = [textAt(object, ["kind"]), textAt(object, ["apiVersion"])];
  const defects: Defect[] = [];
  if (version !== sealedSecretVersion) {
    defects.push(
      defect(
        "api-version",
        ["apiVersion"],
        "this is not the apiVersion of SealedSecrets",
        `write apiVersion: ${sealedSecretVersion}`,
      ),
    );
  }
  if (kind !== "SealedSecret") {
    defects.push(
      defect("kind", ["kind"], "this is not the kind of SealedSecrets", "write kind: SealedSecret"),
    );
  }
  return defects;
}

/** Values in places where those of a Secret stand: the cluster drops them, and Git keeps them. */
function checkClear(object: JsonObject): readonly Defect[] {
  const places: readonly TreePath[] = [
    ["data"],
    ["stringData"],
    ["spec", "stringData"],
    ["spec", "template", "stringData"],
  ];
  const clear = places
    .filter((path) => valueAt(object, path) !== undefined)
    .map((path) =>
      defect(
        "clear-data",
        path,
        "values stand here in clear, and the cluster drops them",
        "seal them: kseal seal --into FILE",
      ),
    );
  const misplaced = ["type", "immutable"]
    .filter((field) => valueAt(object, [field]) !== undefined)
    .map((field) =>
      defect(
        "unknown-field",
        [field],
        "the cluster does not know this field and drops it",
        `write it in spec.template.${field}`,
      ),
    );
  return [...clear, ...misplaced];
}

function checkSize(object: JsonObject): readonly Defect[] {
  if (new TextEncoder().encode(JSON.stringify(object)).length <= largestObject) return [];
  const message = "it is larger than the 1.5 MiB that a cluster takes for one object";
  return [defect("object-size", [], message, "split it into several")];
}
