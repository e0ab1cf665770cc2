import { encodeBase64 } from "../core/base64.ts";
import { decodeGoBase64 } from "../core/go-base64.ts";
import { KsealError } from "../errors.ts";
import {
  booleanField,
  field,
  type JsonObject,
  join,
  listField,
  objectAt,
  objectField,
  textField,
  textsField,
} from "./object-fields.ts";
import { metaObject, type ObjectMeta, readMeta, sortedObject } from "./object-meta.ts";

/** A Secret of Kubernetes. Its values are never printed. */
export interface Secret {
  readonly metadata: ObjectMeta;
  readonly type?: string;
  readonly immutable?: boolean;
  /** Values by item, those of `stringData` included. */
  readonly data: ReadonlyMap<string, Uint8Array>;
}

/**
 * The objects of a document: itself, or the items of a `kind: List`, also of lists in lists.
 *
 * @throws KsealError `SEALED_INVALID` when the document is no object.
 */
export function expandList(document: unknown, path = ""): readonly JsonObject[] {
  const object = objectAt(document, path);
  const kind = field(object, "kind");
  if (typeof kind !== "string" || !/^(|Secret|SealedSecret)List$/.test(kind)) return [object];
  // A list in a list in a list is nobody's work.
  if (path.split("items").length > 3) {
    throw new KsealError("LIMIT_EXCEEDED", "lists are nested more than 3 deep");
  }
  const items = listField(object, "items", path);
  return items.flatMap((item, at) => expandList(typedItem(kind, item), `${join(path, "items")}[${at}]`));
}

/**
 * An item of a list, with the kind that the list says for it. The API server and everything written in Go leave it out:
 * the items of the SecretList that `kubectl get --raw` prints have no kind.
 */
export function typedItem(listKind: string, item: unknown): unknown {
  const apiVersion = itemVersions[listKind];
  if (apiVersion === undefined || typeof item !== "object" || item === null || Array.isArray(item))
    return item;
  if (Object.hasOwn(item, "kind") || Object.hasOwn(item, "apiVersion")) return item;
  return { ...item, apiVersion, kind: listKind.slice(0, -"List".length) };
}

const itemVersions: Readonly<Record<string, string>> = {
  SecretList: "v1",
  SealedSecretList: "bitnami.com/v1alpha1",
};

/**
 * Reads a Secret from a parsed manifest. What is not one is refused (S11), where kubeseal reads a ConfigMap as if it were.
 *
 * @throws KsealError `SEALED_INVALID` that names the field; never a value.
 */
export function readSecret(document: unknown): Secret {
  const object = objectAt(document, "");
  checkKind(object);
  checkSpelling(object);
  const data = new Map<string, Uint8Array>();
  for (const [item, value] of textsField(nullsAsEmpty(object), "data", ""))
    data.set(item, decodeItem(value, item));
  for (const [item, text] of textsField(object, "stringData", ""))
    data.set(item, new TextEncoder().encode(text));
  const type = textField(object, "type", "");
  const immutable = booleanField(object, "immutable", "");
  return {
    metadata: readMeta(objectField(object, "metadata", ""), "metadata"),
    ...(type === undefined || type === "" ? {} : { type }),
    ...(immutable === undefined ? {} : { immutable }),
    data,
  };
}

/** The Secret as an object to print, in the order in which Kubernetes prints it as JSON. Holds the values in clear. */
export function secretObject(secret: Secret): JsonObject {
  const data = [...secret.data].map(([item, bytes]) => [item, encodeBase64(bytes)] as const);
  return {
    kind: "Secret",
    apiVersion: "v1",
    metadata: metaObject(secret.metadata),
    ...(secret.immutable === undefined ? {} : { immutable: secret.immutable }),
    ...(data.length === 0 ? {} : { data: sortedObject(new Map(data)) }),
    ...(secret.type === undefined ? {} : { type: secret.type }),
  };
}

/** How an object is called in messages: `prod/db`. */
export function placeOf({ namespace, name }: Pick<ObjectMeta, "namespace" | "name">): string {
  const place = namespace === "" ? name : `${namespace}/${name}`;
  return place.slice(0, 520).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{fffd}");
}

function checkKind(object: JsonObject): void {
  const kind = textField(object, "kind", "") ?? "";
  const apiVersion = textField(object, "apiVersion", "") ?? "";
  if (kind === "Secret" && apiVersion === "v1") return;
  const found = kind === "" ? "an object without kind" : `${kind.slice(0, 60)} (${apiVersion.slice(0, 60)})`;
  throw new KsealError(
    "SEALED_INVALID",
    `the manifest is ${found.replaceAll(/\p{C}/gu, "\u{fffd}")}, not a Secret`,
    {
      hint:
        kind === "SealedSecret"
          ? "it is sealed already: kseal reseal FILE seals it for the newest key"
          : "a Secret begins with: apiVersion: v1, kind: Secret",
    },
  );
}

const fieldNames = ["metadata", "type", "immutable", "data", "stringData"];

/** Kubernetes would leave out what stands in `StringData`, and so would every value in it be left out here. */
function checkSpelling(object: JsonObject): void {
  for (const key of Object.keys(object)) {
    const name = fieldNames.find((one) => one.toLowerCase() === key.toLowerCase());
    if (name === undefined || name === key) continue;
    throw new KsealError("SEALED_INVALID", `${key} is no field of a Secret`, { hint: `write ${name}` });
  }
}

/** As Kubernetes reads it: an item of `data` without a value is an empty one. */
function nullsAsEmpty(object: JsonObject): JsonObject {
  const entries = Object.entries(objectField(object, "data", ""));
  return { data: Object.fromEntries(entries.map(([item, value]) => [item, value ?? ""])) };
}

function decodeItem(text: string, item: string): Uint8Array {
  const decoded = decodeGoBase64(text);
  if ("bytes" in decoded) return decoded.bytes;
  throw new KsealError("SEALED_INVALID", `${join("data", item)}: ${decoded.error}`, {
    hint: "values in data are base64; write plain text in stringData",
  });
}
