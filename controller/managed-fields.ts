import type { JsonObject } from "../src/kube/api.ts";

/**
 * One entry of `metadata.managedFields`: which fields of an object somebody wrote last. The API server keeps the list,
 * and hands it out with the metadata alone, so that a change of a value shows without the value.
 */
export interface FieldsOfManager {
  readonly manager: string;
  readonly operation: string;
  readonly subresource: string;
  /** `fieldsV1`: `{"f:data": {"f:password": {}}}`. */
  readonly fields: FieldSet;
  /** The entry as it was read. */
  readonly raw: JsonObject;
}

/** Fields as the API server notes them: a tree of `f:name`, `k:{"key":"of a list item"}` and `v:"item of a set"`. */
export interface FieldSet {
  readonly [step: string]: FieldSet;
}

/** The way to one field: `["f:data", "f:password"]`. */
export type FieldPath = readonly string[];

/** Reads `metadata.managedFields`. What is malformed counts as no entry. */
export function readManagedFields(value: unknown): readonly FieldsOfManager[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isObject).map((raw) => ({
    manager: text(raw["manager"]),
    operation: text(raw["operation"]),
    subresource: text(raw["subresource"]),
    fields: isObject(raw["fieldsV1"]) ? (raw["fieldsV1"] as FieldSet) : {},
    raw,
  }));
}

/**
 * All fields of some entries. What a manager wrote by apply and what it wrote plainly belong together: a Secret is
 * created by the one, which refuses to touch what is there already, and changed by the other.
 */
export function mergeFields(entries: readonly FieldsOfManager[]): FieldSet {
  return merge(entries.filter(({ subresource }) => subresource === "").map(({ fields }) => fields));
}

/** The paths that are not in a set, in their order. */
export function missingFields(fields: FieldSet, paths: readonly FieldPath[]): readonly FieldPath[] {
  return paths.filter((path) => {
    let at: FieldSet | undefined = fields;
    for (const step of path) at = at !== undefined && Object.hasOwn(at, step) ? at[step] : undefined;
    return at === undefined;
  });
}

/**
 * The list with fields of others handed to one manager's apply, so that its next apply removes what it no longer names.
 * Without this a field that somebody else also wrote stays for ever. What the manager itself wrote without apply is
 * handed over in any case.
 *
 * @returns `undefined` when there is nothing to hand over.
 */
export function handOver(
  entries: readonly FieldsOfManager[],
  { to, from }: { readonly to: string; readonly from: (entry: FieldsOfManager) => boolean },
): readonly JsonObject[] | undefined {
  const plain = entries.filter(({ subresource }) => subresource === "");
  const own = plain.filter(({ manager, operation }) => manager === to && operation === "Apply");
  const taken = plain.filter((entry) => !own.includes(entry) && (entry.manager === to || from(entry)));
  if (taken.length === 0) return undefined;
  const fieldsV1 = merge([...own, ...taken].map(({ fields }) => fields));
  const rest = entries.filter((entry) => !taken.includes(entry) && !own.includes(entry));
  const entry = { manager: to, operation: "Apply", apiVersion: "v1", fieldsType: "FieldsV1", fieldsV1 };
  return [entry, ...rest.map(({ raw }) => raw)];
}

function merge(sets: readonly FieldSet[]): FieldSet {
  const merged = new Map<string, FieldSet>();
  for (const set of sets) {
    for (const [step, below] of Object.entries(set)) {
      const known = merged.get(step);
      merged.set(step, known === undefined ? below : merge([known, below]));
    }
  }
  return Object.fromEntries(merged);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
