import type { SecretWrite } from "../../controller/secret-write.ts";
import type { KubeObject } from "./controller.ts";

/*
 * What an API server does to a Secret, for tests of plans without one: creation, server-side apply with force, and plain
 * writes of others, each with its mark in managedFields. test/controller/apply-plan.test.ts plays against the real one.
 */

type Fields = Record<string, unknown>;

/** The Secret after this controller's write. */
export function afterWrite(existing: KubeObject | undefined, write: SecretWrite): KubeObject {
  const wanted = write.secret as KubeObject;
  if (write.mode === "create") {
    if (existing !== undefined) throw new Error("AlreadyExists");
    const entry = { ...entryOf("kseal-controller", "Update"), fieldsV1: fieldsOf(wanted) };
    const metadata = { ...wanted["metadata"], uid: "s-1", resourceVersion: "1", managedFields: [entry] };
    return { data: {}, ...structuredClone(wanted), metadata: structuredClone(metadata) };
  }
  const result = structuredClone(existing!);
  const entries: KubeObject[] = structuredClone(
    (write.handOver ?? result["metadata"].managedFields) as KubeObject[],
  );
  const own = entries.find(isOwnApply) ?? { ...entryOf("kseal-controller", "Apply"), fieldsV1: {} };
  const others = entries.filter((entry) => !isOwnApply(entry));
  const next = fieldsOf(wanted);
  for (const path of leaves(own["fieldsV1"])) {
    const kept = [next, ...others.map(({ fieldsV1 }) => fieldsV1)].some((fields) => has(fields, path));
    if (!kept) remove(result, path);
  }
  overlay(result, wanted);
  for (const other of others) {
    for (const path of leaves(next)) dropField(other["fieldsV1"], path);
  }
  const kept = others.filter(({ fieldsV1 }) => leaves(fieldsV1).length > 0);
  result["metadata"].managedFields = [{ ...own, fieldsV1: next }, ...kept];
  result["metadata"].resourceVersion = String(Number(result["metadata"].resourceVersion) + 1);
  return result;
}

/** The Secret after somebody else's `kubectl edit`: what changes becomes theirs. */
export function afterEdit(
  existing: KubeObject,
  change: {
    data?: Record<string, string | null>;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  },
): KubeObject {
  const result = structuredClone(existing);
  const entries: KubeObject[] = result["metadata"].managedFields;
  const theirs: KubeObject = { ...entryOf("kubectl-edit", "Update"), fieldsV1: {} };
  const touch = (path: string[], theyHold: boolean) => {
    for (const { fieldsV1 } of entries) dropField(fieldsV1, path);
    if (theyHold) addField(theirs["fieldsV1"], path);
  };
  for (const [item, value] of Object.entries(change.data ?? {})) {
    if (value === null) delete result["data"][item];
    else result["data"][item] = Buffer.from(value).toString("base64");
    touch(["f:data", `f:${item}`], value !== null);
  }
  for (const kind of ["labels", "annotations"] as const) {
    for (const [name, value] of Object.entries(change[kind] ?? {})) {
      result["metadata"][kind] = { ...result["metadata"][kind], [name]: value };
      touch(["f:metadata", `f:${kind}`, `f:${name}`], true);
    }
  }
  entries.push(theirs);
  return result;
}

/** What of a Secret does not come from the server. */
export function essence({ metadata, type, immutable, data }: KubeObject): KubeObject {
  const { labels, annotations, ownerReferences, finalizers } = metadata;
  const filled = Object.entries({
    labels,
    annotations,
    ownerReferences,
    finalizers,
    type,
    immutable,
    data,
  }).filter(
    ([, value]) => (value !== undefined && Object.keys(value).length !== 0) || typeof value === "boolean",
  );
  return Object.fromEntries(filled);
}

function entryOf(manager: string, operation: string) {
  return { manager, operation, apiVersion: "v1", fieldsType: "FieldsV1" };
}

function isOwnApply({ manager, operation }: KubeObject): boolean {
  return manager === "kseal-controller" && operation === "Apply";
}

function fieldsOf({ metadata, type, immutable, data }: KubeObject): Fields {
  const fields: Fields = {};
  for (const item of Object.keys(data ?? {})) addField(fields, ["f:data", `f:${item}`]);
  for (const kind of ["labels", "annotations"]) {
    for (const name of Object.keys(metadata[kind] ?? {}))
      addField(fields, ["f:metadata", `f:${kind}`, `f:${name}`]);
  }
  for (const { uid } of metadata.ownerReferences ?? []) {
    addField(fields, ["f:metadata", "f:ownerReferences", `k:${JSON.stringify({ uid })}`]);
  }
  for (const name of metadata.finalizers ?? []) {
    addField(fields, ["f:metadata", "f:finalizers", `v:${JSON.stringify(name)}`]);
  }
  if (type !== undefined) addField(fields, ["f:type"]);
  if (immutable !== undefined) addField(fields, ["f:immutable"]);
  return fields;
}

function overlay(result: KubeObject, wanted: KubeObject): void {
  const { metadata } = wanted;
  for (const kind of ["labels", "annotations"]) {
    if (metadata[kind]) result["metadata"][kind] = { ...result["metadata"][kind], ...metadata[kind] };
  }
  if (metadata.ownerReferences) {
    const others = (result["metadata"].ownerReferences ?? []).filter(
      ({ uid }: KubeObject) => uid !== metadata.ownerReferences[0].uid,
    );
    result["metadata"].ownerReferences = [...others, ...metadata.ownerReferences];
  }
  if (wanted["data"]) result["data"] = { ...result["data"], ...wanted["data"] };
  for (const key of ["type", "immutable"]) if (key in wanted) result[key] = wanted[key];
}

function remove(result: KubeObject, [first = "", second = "", third = ""]: readonly string[]): void {
  const name = (step: string) => step.slice(2);
  if (first === "f:data") delete result["data"]?.[name(second)];
  else if (second === "f:ownerReferences") {
    result["metadata"].ownerReferences = result["metadata"].ownerReferences.filter(
      ({ uid }: KubeObject) => `k:${JSON.stringify({ uid })}` !== third,
    );
  } else if (first === "f:metadata") delete result["metadata"][name(second)]?.[name(third)];
}

function leaves(fields: Fields, path: readonly string[] = []): readonly (readonly string[])[] {
  return Object.entries(fields).flatMap(([step, below]) => {
    if (step === ".") return [];
    const inner = leaves(below as Fields, [...path, step]);
    const whole = Object.keys(below as Fields).length === 0 || step.startsWith("k:");
    return whole ? [[...path, step]] : inner;
  });
}

function has(fields: Fields, path: readonly string[]): boolean {
  let at: Fields | undefined = fields;
  for (const step of path) at = at?.[step] as Fields | undefined;
  return at !== undefined;
}

function addField(fields: Fields, path: readonly string[]): void {
  let at = fields;
  for (const step of path) {
    at[step] ??= {};
    at = at[step] as Fields;
  }
}

function dropField(fields: Fields, path: readonly string[]): void {
  const [first = "", ...rest] = path;
  if (rest.length === 0) delete fields[first];
  else if (fields[first] !== undefined) dropField(fields[first] as Fields, rest);
}
