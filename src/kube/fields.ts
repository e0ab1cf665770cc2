import type { JsonObject } from "./api.ts";

/** An own field of what may be an object; `undefined` when it is missing or null. */
export function fieldOf(from: unknown, key: string): unknown {
  if (typeof from !== "object" || from === null || !Object.hasOwn(from, key)) return undefined;
  return (from as JsonObject)[key] ?? undefined;
}

/** A field that holds text; `undefined` when it does not. */
export function textOf(from: unknown, key: string): string | undefined {
  const value = fieldOf(from, key);
  return typeof value === "string" ? value : undefined;
}

/** A field that holds a number; `undefined` when it does not. */
export function numberOf(from: unknown, key: string): number | undefined {
  const value = fieldOf(from, key);
  return typeof value === "number" ? value : undefined;
}

/** The members of a field that holds a list; none when it does not. */
export function listOf(from: unknown, key: string): readonly unknown[] {
  const value = fieldOf(from, key);
  return Array.isArray(value) ? value : [];
}

/** Whether a value is an object, not a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
