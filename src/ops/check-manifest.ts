import type { TreePath } from "../core/tree-path.ts";
import { isSealed } from "../core/value.ts";
import type { Manifest } from "../formats/manifest.ts";
import { lineAt } from "../formats/manifest-lines.ts";
import type { JsonObject } from "../sealed/object-fields.ts";
import { type CheckFinding, finding } from "./check-rules.ts";
import { pathText } from "./check-text.ts";
import { objectsOf, roleOf } from "./placed-objects.ts";
import { entriesAt, isObject, textAt, valueAt } from "./verify-fields.ts";

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/** Secrets in clear among the objects of a manifest, those in lists and in annotations of `kubectl apply` included. */
export function checkObjects(file: string, manifest: Manifest): readonly CheckFinding[] {
  return manifest.documents.flatMap(({ object, index }) =>
    objectsOf(object).flatMap((placed) => {
      const inside = (path: TreePath) => {
        const whole = [...placed.path, ...path];
        return { file, line: lineAt(manifest, index, whole), path: pathText(whole) };
      };
      const field = roleOf(placed.object) === "secret" ? clearField(placed.object) : undefined;
      return [
        ...(field === undefined
          ? []
          : [finding("secret-manifest", inside([field]), "it is a Secret with its values in clear", sealIt)]),
        ...(appliesClear(placed.object)
          ? [
              finding(
                "last-applied",
                inside(["metadata", "annotations", lastApplied]),
                "the annotation holds the values of the Secret in clear",
                "remove the annotation; kubectl apply --server-side writes none",
              ),
            ]
          : []),
      ];
    }),
  );
}

/** What to do about a Secret in clear. */
export const sealIt =
  "encrypt it: kseal encrypt -i FILE, or seal it: kseal seal -i FILE; and change the values";

/** `data` or `stringData`, where a value of the Secret stands in clear. */
export function clearField(secret: JsonObject): "data" | "stringData" | undefined {
  const isRepository = entriesAt(secret, ["metadata", "labels"]).some(([name]) =>
    /^argocd\.argoproj\.io\/secret-type$/.test(name),
  );
  const fields = ["data", "stringData"] as const;
  const values = fields.flatMap((field) => entriesAt(secret, [field]));
  // Who encrypts some of the values has chosen which.
  if (values.some(([, value]) => typeof value === "string" && isSealed(value))) return undefined;
  return fields.find((field) =>
    entriesAt(secret, [field]).some(
      ([name, value]) =>
        typeof value === "string" && isClear(value) && !(isRepository && repositoryFields.has(name)),
    ),
  );
}

// What Argo CD keeps in Secrets without being secret: where a repository or cluster is.
const repositoryFields: ReadonlySet<string> = new Set([
  ...["type", "url", "name", "project", "server", "namespaces", "clusterResources", "insecure"],
  ...["enableOCI", "enableLfs", "forceHttpBasicAuth", "proxy", "noProxy"],
]);

/**
 * Whether a value is one, and not a place for one: `${PASSWORD}` of Flux and envsubst, `<path:...>` of the Argo CD
 * Vault plugin, `{{ ... }}` of a template, `$(VAR)`, `ref+vault://...` of vals; also in base64.
 */
export function isClear(value: string): boolean {
  const text = value.trim();
  return text !== "" && !isSealed(text) && !isPlace(text) && !isPlace(decoded(text));
}

function isPlace(text: string): boolean {
  if (encloses(text, "${", "}") || encloses(text, "{{", "}}")) return true;
  return /^\$\([^)\n]*\)$|^<[^>\n]*>$|^ref\+\w+:\/\/\S+$/.test(text);
}

function encloses(text: string, open: string, close: string): boolean {
  const start = text.indexOf(open);
  return start >= 0 && text.includes(close, start);
}

function decoded(base64: string): string {
  try {
    return atob(base64).trim();
  } catch {
    return "";
  }
}

function appliesClear(object: JsonObject): boolean {
  const text = textAt(object, ["metadata", "annotations", lastApplied]);
  // Of a SealedSecret `kseal verify` says it.
  if (text === "" || isSealed(text) || roleOf(object) === "sealed") return false;
  try {
    const applied: unknown = JSON.parse(text);
    return isObject(applied) && valueAt(applied, ["kind"]) === "Secret" && clearField(applied) !== undefined;
  } catch {
    return false;
  }
}
