import { KsealError } from "../errors.ts";

/**
 * A JSON object from a file, which may hold anything. It is read field by field, own fields only: a key named
 * `__proto__` or `constructor` is a key like any other.
 */
export type JsonObject = Readonly<Record<string, unknown>>;

// Kubernetes takes objects of 3 MiB at most, in which no honest one has more items, or is deeper.
const mostEntries = 20_000;
const longestText = 16 * 1024 * 1024;
const deepest = 64;

/**
 * An object at a place of a manifest.
 *
 * @param path - The place, for messages: `spec.template`. Empty for the manifest itself.
 * @throws KsealError `SEALED_INVALID` when something else stands there.
 */
export function objectAt(value: unknown, path: string): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw wrongType(value, path, "an object");
}

/** A field that may be missing or null, as an object; empty when it is. */
export function objectField(from: JsonObject, key: string, path: string): JsonObject {
  const value = field(from, key);
  return value === undefined ? {} : objectAt(value, join(path, key));
}

/** A field that may be missing or null, as text. */
export function textField(from: JsonObject, key: string, path: string): string | undefined {
  const value = field(from, key);
  return value === undefined ? undefined : textAt(value, join(path, key));
}

/** A field that may be missing or null, as true or false. */
export function booleanField(from: JsonObject, key: string, path: string): boolean | undefined {
  const value = field(from, key);
  if (value === undefined || typeof value === "boolean") return value;
  throw wrongType(value, join(path, key), "true or false");
}

/** A field that may be missing or null, as a list. */
export function listField(from: JsonObject, key: string, path: string): readonly unknown[] {
  const value = field(from, key);
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  throw wrongType(value, join(path, key), "a list");
}

/** A field that may be missing or null, as texts by name, in the order of the file. */
export function textsField(from: JsonObject, key: string, path: string): ReadonlyMap<string, string> {
  const place = join(path, key);
  const entries = Object.entries(objectField(from, key, path));
  if (entries.length > mostEntries) {
    throw new KsealError("LIMIT_EXCEEDED", `${place} has more than ${mostEntries} entries`);
  }
  return new Map(entries.map(([name, value]) => [name, textAt(value, join(place, name))]));
}

/** The value of an own field; `undefined` when it is missing or null, which Kubernetes takes as missing. */
export function field(from: JsonObject, key: string): unknown {
  return Object.hasOwn(from, key) ? (from[key] ?? undefined) : undefined;
}

/** Refuses what is nested so deeply that printing it would fail. @throws KsealError `LIMIT_EXCEEDED`. */
export function checkDepth(value: unknown, path: string, depth = 0): void {
  if (typeof value !== "object" || value === null) return;
  if (depth === deepest)
    throw new KsealError("LIMIT_EXCEEDED", `${path} is nested more than ${deepest} deep`);
  for (const child of Object.values(value)) checkDepth(child, path, depth + 1);
}

/** A place below another, for messages. A name that is no plain word stands in brackets. */
export function join(path: string, key: string): string {
  const shown = key.length <= 300 ? key : `${key.slice(0, 300)}...`;
  if (!/^[A-Za-z_][\w-]*$/.test(shown)) {
    const quoted = JSON.stringify(shown).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{fffd}");
    return `${path}[${quoted}]`;
  }
  return path === "" ? shown : `${path}.${shown}`;
}

function textAt(value: unknown, path: string): string {
  if (typeof value !== "string") throw wrongType(value, path, "text");
  if (value.length > longestText) {
    throw new KsealError("LIMIT_EXCEEDED", `${path} is longer than ${longestText} characters`);
  }
  return value;
}

function wrongType(value: unknown, path: string, expected: string): KsealError {
  const place = path === "" ? "the document" : path;
  return new KsealError("SEALED_INVALID", `${place} is ${describe(value)}, not ${expected}`, {
    hint: expected === "text" && typeof value !== "object" ? "put the value in quotes" : undefined,
  });
}

// Never the value itself, which may be a secret in clear.
function describe(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "empty";
  if (Array.isArray(value)) return "a list";
  switch (typeof value) {
    case "object":
      return "an object";
    case "string":
      return "text";
    case "boolean":
      return "true or false";
    default:
      return "a number";
  }
}
