import { nearest } from "../config/did-you-mean.ts";
import type { TreePath } from "../core/tree-path.ts";
import type { JsonObject } from "../sealed/object-fields.ts";
import { type Scope, scopeOf } from "../sealed/scope.ts";
import { checkType, isObject, textAt, textsAt, valueAt } from "./verify-fields.ts";
import { type Defect, defect } from "./verify-finding.ts";

const prefix = "sealedsecrets.bitnami.com/";
const scopeNames = [`${prefix}namespace-wide`, `${prefix}cluster-wide`];
/** Annotations that Sealed Secrets reads from the Secret, so that they belong into the template. */
const secretNames = [`${prefix}managed`, `${prefix}patch`, `${prefix}skip-set-owner-references`];
const knownNames = [...scopeNames, ...secretNames];
const lastApplied = [
  "kubectl.kubernetes.io/last-applied-configuration",
  "kubecfg.ksonnet.io/last-applied-configuration",
];

const own: TreePath = ["metadata"];
const ofTemplate: TreePath = ["spec", "template", "metadata"];

/** The scope that the values of an object open with. */
export function scopeOfObject(object: JsonObject): Scope {
  return scopeOf(textsAt(object, [...own, "annotations"]));
}

/**
 * What is wrong with name, namespace, scope and annotations.
 *
 * @param ruled - The scope that the rule of `.sops.yaml` wants.
 */
export function checkMetadata(object: JsonObject, ruled: Scope | undefined): readonly Defect[] {
  const types = [own, ofTemplate].flatMap((path) => [
    ...checkType(object, path, "a mapping"),
    ...checkType(object, [...path, "name"], "text"),
    ...checkType(object, [...path, "namespace"], "text"),
    ...checkType(object, [...path, "labels"], "texts by name"),
    ...checkType(object, [...path, "annotations"], "texts by name"),
  ]);
  return [
    ...types,
    ...checkPlace(object, scopeOfObject(object)),
    ...checkScope(object, ruled),
    ...checkTemplatePlace(object),
    ...checkAnnotationNames(object),
    ...checkLastApplied(object),
  ];
}

function checkPlace(object: JsonObject, scope: Scope): readonly Defect[] {
  const [name, namespace] = [textAt(object, [...own, "name"]), textAt(object, [...own, "namespace"])];
  const generates = textAt(object, [...own, "generateName"]) !== "";
  const defects: Defect[] = [];
  if (name === "" && generates && scope === "strict") {
    const hint = "write metadata.name, or seal it namespace-wide or cluster-wide";
    defects.push(
      defect(
        "missing-name",
        [...own, "generateName"],
        "strict values open under one name only, and this one is made up by the cluster",
        hint,
      ),
    );
  } else if (name === "" && !generates && isAbsent(object, [...own, "name"])) {
    defects.push(
      defect("missing-name", own, "there is no metadata.name", "write the name it was sealed for"),
    );
  }
  if (namespace === "" && scope !== "cluster-wide" && isAbsent(object, [...own, "namespace"])) {
    const message = `there is no metadata.namespace, and ${scope} values open in one namespace only`;
    defects.push(defect("missing-namespace", own, message, "write the namespace it was sealed for"));
  }
  if (
    name !== "" &&
    !/^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name)
  ) {
    defects.push(defect("invalid-name", [...own, "name"], "Kubernetes refuses this name", nameRule));
  }
  if (namespace !== "" && !/^(?=.{1,63}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(namespace)) {
    defects.push(
      defect("invalid-name", [...own, "namespace"], "Kubernetes refuses this namespace", nameRule),
    );
  }
  return defects;
}

const nameRule = "small letters, digits and - (in names also dots), with a letter or digit at both ends";

// What has a wrong type was told already.
function isAbsent(object: JsonObject, path: TreePath): boolean {
  const value = valueAt(object, path);
  return value === undefined || value === "";
}

function checkScope(object: JsonObject, ruled: Scope | undefined): readonly Defect[] {
  const defects = [own, ofTemplate].flatMap((path) => scopeSpellings(object, [...path, "annotations"]));
  const scope = scopeOfObject(object);
  const annotations = textsAt(object, [...own, "annotations"]);
  if (scopeNames.every((name) => annotations.get(name) === "true")) {
    const message = "both scopes are asked for, and cluster-wide wins";
    defects.push(
      defect("scope-conflict", [...own, "annotations"], message, "keep the one it was sealed with"),
    );
  }
  const inTemplate = scopeOf(textsAt(object, [...ofTemplate, "annotations"]));
  if (inTemplate !== scope && !(inTemplate === "strict" && scope !== "strict")) {
    const message = `the template says ${inTemplate}, the SealedSecret itself ${scope}, which is what counts`;
    const hint = `values sealed ${inTemplate} open only with the annotation under metadata.annotations`;
    defects.push(defect("scope-template", [...ofTemplate, "annotations"], message, hint));
  }
  if (ruled !== undefined && ruled !== scope) {
    const hint = "seal it again, or change the rule of .sops.yaml";
    const message = `it is ${scope}, and the rule for this path says ${ruled}`;
    defects.push(defect("scope-rule", own, message, hint));
  }
  return defects;
}

function scopeSpellings(object: JsonObject, path: TreePath): Defect[] {
  return scopeNames.flatMap((name) => {
    const value = valueAt(object, [...path, name]);
    // `false` is how people switch it off; anything but text was told already.
    if (typeof value !== "string" || value === "true" || value === "false") return [];
    const message = 'only the text "true" counts, so this asks for nothing';
    return [
      defect("scope-annotation", [...path, name], message, 'write "true", in quotes and small letters'),
    ];
  });
}

function checkTemplatePlace(object: JsonObject): readonly Defect[] {
  return ["name", "namespace"].flatMap((field) => {
    const [mine, other] = [textAt(object, [...own, field]), textAt(object, [...ofTemplate, field])];
    if (other === "" || other === mine || mine === "") return [];
    const message = `the template names another ${field}, and that of the SealedSecret counts`;
    return [
      defect("template-name", [...ofTemplate, field], message, `make both the same, or remove this ${field}`),
    ];
  });
}

function checkAnnotationNames(object: JsonObject): readonly Defect[] {
  const misplaced = [...textsAt(object, [...own, "annotations"]).keys()]
    .filter((name) => secretNames.includes(name))
    .map((name) =>
      defect(
        "annotation-place",
        [...own, "annotations", name],
        "it has no effect here: it is read from the Secret",
        "move it to spec.template.metadata.annotations",
      ),
    );
  const unknown = [own, ofTemplate].flatMap((path) =>
    [...textsAt(object, [...path, "annotations"]).keys()].flatMap((name) => {
      if (!name.startsWith(prefix) || knownNames.includes(name)) return [];
      const meant = nearest(name, knownNames);
      const hint = meant === undefined ? undefined : `did you mean ${meant}?`;
      return [
        defect(
          "unknown-annotation",
          [...path, "annotations", name],
          "Sealed Secrets does not know this annotation",
          hint,
        ),
      ];
    }),
  );
  return [...misplaced, ...unknown];
}

/** `kubectl apply` writes the whole object into an annotation: of a Secret that is all of its values. */
function checkLastApplied(object: JsonObject): readonly Defect[] {
  return [own, ofTemplate].flatMap((path) =>
    lastApplied.flatMap((name) => {
      const value = valueAt(object, [...path, "annotations", name]);
      if (typeof value !== "string" || (path === own && !holdsSecret(value))) return [];
      const message = "it holds a Secret with its values in clear";
      const hint = "remove the annotation, and change the values: whoever read the file knows them";
      return [defect("last-applied", [...path, "annotations", name], message, hint)];
    }),
  );
}

function holdsSecret(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) && value["kind"] === "Secret";
  } catch {
    return /"kind"\s*:\s*"Secret"/.test(text);
  }
}
