import type { JsonObject } from "../kube/api.ts";
import { lastApplied, metadataOf } from "./apply-object.ts";
import { isObject, textAt, valueAt } from "./verify-fields.ts";

/*
 * What `kubectl apply` leaves behind when it is not told `--server-side`: the whole object once more in an annotation,
 * values of Secrets in clear, and fields that are its own. Its notes of which fields are whose (`fieldsV1`) are sets
 * written as objects: {"f:data": {"f:password": {}}}.
 */

/** The name under which kubectl notes its fields. */
const clientSideManager = "kubectl-client-side-apply";

const annotationPath = ["f:metadata", "f:annotations", `f:${lastApplied}`];

/** Whether an object carries the traces of a client-side apply. */
export function hasClientSide(live: JsonObject): boolean {
  return hasLastApplied(live) || entriesOf(live).some(isClientSide);
}

/** Whether the annotation with the whole object is there. */
export function hasLastApplied(live: JsonObject): boolean {
  return textAt(live, ["metadata", "annotations", lastApplied]) !== "";
}

/** The managers whose fields {@link migrationPatch} makes those of another. */
export function clientSideManagers(live: JsonObject): ReadonlySet<string> {
  return new Set([clientSideManager, ...entriesOf(live).filter(isClientSide).map(managerOf)]);
}

/**
 * The operations that make the fields of client-side apply those of a server-side one, and remove the annotation: what the
 * next apply does not bring is then removed, as `kubectl apply` would have done.
 */
export function migrationPatch(live: JsonObject, manager: string): readonly JsonObject[] {
  const entries = entriesOf(live);
  const [taken, rest] = [entries.filter(isClientSide), entries.filter((entry) => !isClientSide(entry))];
  const own = rest.find((entry) => isApplyOf(entry, manager));
  const all = [...taken, ...(own === undefined ? [] : [own])].map(fieldsOf).reduce(union, {});
  const fieldsV1 = withoutPath(all, annotationPath);
  const apiVersion = textAt(own ?? taken[0], ["apiVersion"]);
  const merged = { manager, operation: "Apply", apiVersion, fieldsType: "FieldsV1", fieldsV1 };
  const others = rest.filter((entry) => entry !== own);
  const managedFields = taken.length === 0 ? entries : [...others, merged];
  return [
    { op: "replace", path: "/metadata/managedFields", value: managedFields },
    ...(hasLastApplied(live)
      ? [{ op: "remove", path: `/metadata/annotations/${lastApplied.replaceAll("/", "~1")}` }]
      : []),
    // Refused when somebody changed the object meanwhile.
    {
      op: "replace",
      path: "/metadata/resourceVersion",
      value: textAt(live, ["metadata", "resourceVersion"]),
    },
  ];
}

/**
 * What an object will be after {@link migrationPatch} and an apply.
 *
 * @param applied - What a dry run of the apply alone made of it.
 * @param content - What is applied. Fields in lists are shown as they are, although some of them may go.
 */
export function afterMigration(live: JsonObject, applied: JsonObject, content: JsonObject): JsonObject {
  const entries = entriesOf(live);
  const others = entries.filter((entry) => !isClientSide(entry)).map(fieldsOf);
  const taken = entries.filter(isClientSide).map(fieldsOf).reduce(union, {});
  const keep = { content, others: others.reduce(union, {}) };
  return withoutFields(withoutPath(applied, annotationPath), taken, keep);
}

/** The fields that a manager has by server-side apply, for a comparison. */
export function appliedFields(live: JsonObject | undefined, manager: string): string {
  const own = entriesOf(live).find((entry) => isApplyOf(entry, manager));
  return own === undefined ? "" : JSON.stringify(fieldsOf(own));
}

function entriesOf(live: JsonObject | undefined): readonly unknown[] {
  const entries = metadataOf(live)["managedFields"];
  return Array.isArray(entries) ? entries : [];
}

function isClientSide(entry: unknown): boolean {
  if (textAt(entry, ["operation"]) !== "Update" || textAt(entry, ["subresource"]) !== "") return false;
  return managerOf(entry) === clientSideManager || valueAt(fieldsOf(entry), annotationPath) !== undefined;
}

function isApplyOf(entry: unknown, manager: string): boolean {
  return managerOf(entry) === manager && textAt(entry, ["operation"]) === "Apply";
}

function managerOf(entry: unknown): string {
  return textAt(entry, ["manager"]);
}

function fieldsOf(entry: unknown): JsonObject {
  const fields = valueAt(entry, ["fieldsV1"]);
  return isObject(fields) ? fields : {};
}

function union(one: JsonObject, other: JsonObject): JsonObject {
  const merged = new Map(Object.entries(one));
  for (const [key, value] of Object.entries(other)) {
    const known = merged.get(key);
    merged.set(key, isObject(known) && isObject(value) ? union(known, value) : value);
  }
  return Object.fromEntries(merged);
}

type Keep = { readonly content: unknown; readonly others: unknown };

/** Removes what a path leads to; its steps are spelt as in the notes, `f:data`, or as in the object. */
function withoutPath(object: JsonObject, [step = "", ...rest]: readonly string[]): JsonObject {
  const key = Object.hasOwn(object, step) ? step : step.replace(/^f:/, "");
  if (!Object.hasOwn(object, key)) return object;
  const value = object[key];
  const entries = Object.entries(object).filter(([name]) => name !== key);
  if (rest.length === 0) return Object.fromEntries(entries);
  if (!isObject(value)) return object;
  return { ...object, [key]: withoutPath(value, rest) };
}

/** Removes the fields of a set that are neither applied nor another manager's. */
function withoutFields(object: JsonObject, fields: JsonObject, keep: Keep): JsonObject {
  const entries = Object.entries(object).flatMap(([key, value]) => {
    const inside = fields[`f:${key}`];
    const content = valueAt(keep.content, [key]);
    const others = valueAt(keep.others, [`f:${key}`]);
    if (!isObject(inside) || (content !== undefined && !isObject(content))) return [[key, value] as const];
    if (Object.keys(inside).length > 0 && isObject(value)) {
      return [[key, withoutFields(value, inside, { content, others })] as const];
    }
    return content === undefined && others === undefined ? [] : [[key, value] as const];
  });
  return Object.fromEntries(entries);
}
