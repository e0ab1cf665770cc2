import { isObject } from "./verify-fields.ts";

/** Which values of an object are secret: `true` for everything below, else by key or position. */
export type Hidden = true | ReadonlyMap<string, Hidden>;

/** The values of a Secret, whoever wrote them. */
export const secretFields: Hidden = new Map([
  ["data", true],
  ["stringData", true],
]);

const lastApplied: Hidden = new Map([
  [
    "metadata",
    new Map([["annotations", new Map([["kubectl.kubernetes.io/last-applied-configuration", true]])]]),
  ],
]);
// They are part of the name of the object, which stands in every message.
const identity = new Set(["apiVersion", "kind"]);
const identityOfMeta = new Set(["name", "namespace"]);

/**
 * The values of an object that were encrypted in its file.
 *
 * @param sealed - The same object as it stands in the file; everything is secret where it has no counterpart there.
 */
export function hiddenIn(plain: unknown, sealed: unknown): Hidden {
  return below(plain, sealed, []) ?? new Map();
}

/** Both at once, and the annotation in which `kubectl apply` keeps the whole object once more. */
export function alsoHidden(one: Hidden, other: Hidden = lastApplied): Hidden {
  if (one === true || other === true) return true;
  const merged = new Map(one);
  for (const [key, inside] of other) {
    const known = merged.get(key);
    merged.set(key, known === undefined ? inside : alsoHidden(known, inside));
  }
  return merged;
}

/** What is hidden below a key. */
export function hiddenBelow(hidden: Hidden | undefined, key: string): Hidden | undefined {
  return hidden === true ? true : hidden?.get(key);
}

/** Every text among the hidden values of an object; numbers and booleans as they are written. */
export function hiddenTexts(value: unknown, hidden: Hidden | undefined): readonly string[] {
  if (hidden === undefined || value === null || value === undefined) return [];
  if (typeof value === "object") {
    return Object.entries(value).flatMap(([key, child]) => hiddenTexts(child, hiddenBelow(hidden, key)));
  }
  return hidden === true ? [String(value)] : [];
}

function below(plain: unknown, sealed: unknown, path: readonly string[]): Hidden | undefined {
  if (isIdentity(path)) return undefined;
  if (typeof plain === "object" && plain !== null) {
    const entries = Object.entries(plain).flatMap(([key, child]) => {
      const inside = below(child, childOf(sealed, key), [...path, key]);
      return inside === undefined ? [] : [[key, inside] as const];
    });
    return entries.length === 0 ? undefined : new Map(entries);
  }
  const isEncrypted =
    typeof sealed !== "string" ? sealed === undefined : sealed.startsWith("ENC[AES256_GCM,");
  return isEncrypted ? true : undefined;
}

function isIdentity([first = "", second = "", ...rest]: readonly string[]): boolean {
  if (second === "") return identity.has(first);
  return first === "metadata" && identityOfMeta.has(second) && rest.length === 0;
}

function childOf(value: unknown, key: string): unknown {
  if (!isObject(value) && !Array.isArray(value)) return undefined;
  return Object.hasOwn(value, key) ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}
