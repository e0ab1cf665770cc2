/**
 * What a sealed value is bound to: the name and namespace of its object, the namespace alone, or nothing.
 *
 * The scope is not stored in the ciphertext. It selects the label that the value opens with, so a value that is read
 * with another scope does not open.
 */
export type Scope = "strict" | "namespace-wide" | "cluster-wide";

/** Annotations by name. */
type Annotations = ReadonlyMap<string, string>;

/** The prefix of every annotation and label of Sealed Secrets. */
const prefix = "sealedsecrets.bitnami.com/";

/** The annotations that name a scope. Strict scope has none. */
const scopeAnnotations: Readonly<Record<Exclude<Scope, "strict">, string>> = {
  "namespace-wide": `${prefix}namespace-wide`,
  "cluster-wide": `${prefix}cluster-wide`,
};

/**
 * The scope that annotations ask for: those of the Secret when sealing, those of the SealedSecret when unsealing.
 * Only the exact text `true` counts, and cluster-wide wins over namespace-wide.
 */
export function scopeOf(annotations: Annotations): Scope {
  if (annotations.get(scopeAnnotations["cluster-wide"]) === "true") return "cluster-wide";
  if (annotations.get(scopeAnnotations["namespace-wide"]) === "true") return "namespace-wide";
  return "strict";
}

/** The annotations with those of other scopes removed and that of this scope set. */
export function withScope(annotations: Annotations, scope: Scope): Annotations {
  const scopes = Object.values(scopeAnnotations);
  const kept = [...annotations].filter(([name]) => !scopes.includes(name));
  return new Map(scope === "strict" ? kept : [...kept, [scopeAnnotations[scope], "true"]]);
}

/**
 * The OAEP label that binds a sealed value to its place.
 *
 * Changing this text makes every existing SealedSecret unreadable. See Sealed Secrets, docs/developer/crypto.md, whose
 * text leaves out the slash that the program writes.
 *
 * @returns `namespace/name` for strict scope, `namespace` for namespace-wide, and nothing for cluster-wide.
 */
export function oaepLabel(
  scope: Scope,
  place: { readonly namespace: string; readonly name: string },
): string {
  switch (scope) {
    case "strict":
      return `${place.namespace}/${place.name}`;
    case "namespace-wide":
      return place.namespace;
    case "cluster-wide":
      return "";
  }
}
