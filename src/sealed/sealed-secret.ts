import { encodeBase64 } from "../core/base64.ts";
import { decodeGoBase64 } from "../core/go-base64.ts";
import { KsealError } from "../errors.ts";
import {
  booleanField,
  type JsonObject,
  objectAt,
  objectField,
  textField,
  textsField,
} from "./object-fields.ts";
import { metaObject, type ObjectMeta, readMeta, sortedObject } from "./object-meta.ts";

/** A SealedSecret: what may stand in Git. */
export interface SealedSecret {
  readonly metadata: ObjectMeta;
  /** Sealed values by item, as base64 in the text of the file. */
  readonly encryptedData: ReadonlyMap<string, string>;
  readonly template: SecretTemplate;
  /** A whole Secret in one sealed value, as versions before 0.7 wrote it. */
  readonly v1Data?: Uint8Array;
}

/** What the Secret gets besides the sealed values. Nobody's signature is on it. */
interface SecretTemplate {
  readonly metadata: ObjectMeta;
  readonly type?: string;
  readonly immutable?: boolean;
  /** Templates by item, in clear. */
  readonly data: ReadonlyMap<string, string>;
}

/** `apiVersion` of every SealedSecret. */
export const sealedSecretVersion = "bitnami.com/v1alpha1";

/**
 * Reads a SealedSecret from a parsed manifest. Whether the values open, and whether they are base64, is not asked.
 *
 * @throws KsealError `SEALED_INVALID` that names the field with a wrong type: `spec.encryptedData.password is a number,
 *   not text`. The controller drops such an item without a word.
 */
export function readSealedSecret(document: unknown): SealedSecret {
  const object = objectAt(document, "");
  checkKind(object);
  const spec = objectField(object, "spec", "");
  const metadata = readMeta(objectField(object, "metadata", ""), "metadata");
  if (metadata.name === "") {
    throw new KsealError("SEALED_INVALID", "metadata.name is missing", {
      hint: "values are sealed for a name; write the one they were sealed for",
    });
  }
  const v1Data = textField(spec, "data", "spec");
  return {
    metadata,
    encryptedData: textsField(spec, "encryptedData", "spec"),
    template: readTemplate(objectField(spec, "template", "spec")),
    ...(v1Data === undefined ? {} : { v1Data: decodeBlob(v1Data) }),
  };
}

/** The SealedSecret as an object to print, in the order in which kubeseal prints it as JSON. */
export function sealedSecretObject(sealed: SealedSecret): JsonObject {
  const { template } = sealed;
  return {
    kind: "SealedSecret",
    apiVersion: sealedSecretVersion,
    metadata: metaObject(sealed.metadata),
    spec: {
      template: {
        metadata: metaObject(template.metadata),
        ...(template.type === undefined ? {} : { type: template.type }),
        ...(template.immutable === undefined ? {} : { immutable: template.immutable }),
        ...(template.data.size === 0 ? {} : { data: sortedObject(template.data) }),
      },
      ...(sealed.v1Data === undefined ? {} : { data: encodeBase64(sealed.v1Data) }),
      encryptedData: sortedObject(sealed.encryptedData),
    },
  };
}

function readTemplate(template: JsonObject): SecretTemplate {
  const path = "spec.template";
  const type = textField(template, "type", path);
  const immutable = booleanField(template, "immutable", path);
  return {
    metadata: readMeta(objectField(template, "metadata", path), `${path}.metadata`),
    ...(type === undefined || type === "" ? {} : { type }),
    ...(immutable === undefined ? {} : { immutable }),
    data: textsField(template, "data", path),
  };
}

function checkKind(object: JsonObject): void {
  const kind = textField(object, "kind", "") ?? "";
  const apiVersion = textField(object, "apiVersion", "") ?? "";
  if (kind === "SealedSecret" && apiVersion === sealedSecretVersion) return;
  const found = kind === "" ? "an object without kind" : `${kind.slice(0, 60)} (${apiVersion.slice(0, 60)})`;
  throw new KsealError(
    "SEALED_INVALID",
    `the manifest is ${found.replaceAll(/\p{C}/gu, "\u{fffd}")}, not a SealedSecret`,
    {
      hint:
        kind === "Secret"
          ? "it is in clear: kseal seal -i FILE"
          : `a SealedSecret begins with: apiVersion: ${sealedSecretVersion}, kind: SealedSecret`,
    },
  );
}

function decodeBlob(text: string): Uint8Array {
  const decoded = decodeGoBase64(text);
  if ("bytes" in decoded) return decoded.bytes;
  throw new KsealError("SEALED_INVALID", `spec.data: ${decoded.error}`);
}
