import { decodeBase64 } from "../core/base64.ts";
import { decodeGoBase64 } from "../core/go-base64.ts";
import type { TreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import { parseEnvelope } from "../sealed/envelope.ts";
import type { JsonObject } from "../sealed/object-fields.ts";
import { checkType, entriesAt, isObject, textAt, valueAt } from "./verify-fields.ts";
import { type Defect, defect } from "./verify-finding.ts";

const items: TreePath = ["spec", "encryptedData"];
const blob: TreePath = ["spec", "data"];
// What the API server takes for all values of a Secret together.
const largestSecret = 1024 * 1024;
// Of length, session key's nonce and tag: what a sealed value has besides the wrapped key and the plaintext.
const overhead = 2 + 16;

/**
 * What is wrong with the sealed values, as far as that shows without a key.
 *
 * @param modulusLength - Bytes of the modulus that they should be sealed for, when a certificate is at hand.
 */
export function checkValues(object: JsonObject, modulusLength: number | undefined): readonly Defect[] {
  const values = entriesAt(object, items);
  const sealed = values.flatMap(([name, value]) =>
    typeof value === "string" ? [checkValue([...items, name], value, modulusLength)] : [],
  );
  return [
    ...checkType(object, items, "texts by name"),
    ...checkPresence(object),
    ...values.flatMap(([name]) => checkItemName([...items, name], name)),
    ...sealed.flatMap(({ defects }) => defects),
    ...checkSize(sealed.reduce((sum, { plaintextLength }) => sum + plaintextLength, 0)),
    ...checkBlob(object, modulusLength),
  ];
}

/** The name of an item of a Secret. @returns What Kubernetes does not like about it. */
export function checkItemName(path: TreePath, name: string): readonly Defect[] {
  const isFine = /^[-._a-zA-Z0-9]{1,253}$/.test(name) && name !== "." && !name.startsWith("..");
  if (isFine) return [];
  const message = "Kubernetes refuses this name for an item of a Secret";
  return [
    defect(
      "key-name",
      path,
      message,
      "letters, digits, -, _ and dots, 253 at most, not beginning with two dots",
    ),
  ];
}

function checkPresence(object: JsonObject): readonly Defect[] {
  const value = valueAt(object, items);
  if (value !== undefined && !isObject(value)) return [];
  if (entriesAt(object, items).length > 0 || valueAt(object, blob) !== undefined) return [];
  const spec = valueAt(object, ["spec"]);
  if (spec !== undefined && !isObject(spec)) return [];
  const message =
    spec === undefined
      ? "there is no spec"
      : value === undefined
        ? "there is no spec.encryptedData"
        : "no value is sealed in it";
  return [
    defect("no-values", value === undefined ? ["spec"] : items, message, "seal a Secret: kseal seal -i FILE"),
  ];
}

function checkValue(
  path: TreePath,
  text: string,
  modulusLength: number | undefined,
): { readonly defects: readonly Defect[]; readonly plaintextLength: number } {
  const decoded = decodeGoBase64(text);
  if ("error" in decoded) {
    const hint = "it was cut off or changed by hand, or is in clear; seal it again";
    return { defects: [defect("base64", path, decoded.error, hint)], plaintextLength: 0 };
  }
  const form = decodeBase64(text) === undefined ? [looseForm(path, text)] : [];
  const { defects, plaintextLength } = checkEnvelope(path, decoded.bytes, modulusLength);
  return { defects: [...form, ...defects], plaintextLength };
}

function looseForm(path: TreePath, text: string): Defect {
  const message = /[\r\n]/.test(text)
    ? "the base64 has line breaks in it"
    : "the base64 is not the one that its bytes are written with: a character was changed";
  return defect("base64-form", path, message, "Sealed Secrets takes it; other tools may not");
}

function checkEnvelope(
  path: TreePath,
  bytes: Uint8Array,
  modulusLength: number | undefined,
): { readonly defects: readonly Defect[]; readonly plaintextLength: number } {
  const length = wrappedLength(bytes);
  if (length === undefined) {
    const hint = "the end of it is missing, or it is not sealed; seal it again";
    return {
      defects: [defect("too-short", path, "it is too short for a sealed value", hint)],
      plaintextLength: 0,
    };
  }
  const plaintextLength = bytes.length - length - overhead;
  if (!isPlausible(length)) {
    const message = `it says it is sealed for an RSA key of ${length * 8} bits, which nobody has`;
    const hint = "its beginning was changed, or it is not sealed; seal it again";
    return { defects: [defect("envelope-size", path, message, hint)], plaintextLength: 0 };
  }
  if (modulusLength === undefined || length === modulusLength) return { defects: [], plaintextLength };
  const message = `it is sealed for a key of ${length * 8} bits, and the certificate has one of ${modulusLength * 8}`;
  return {
    defects: [
      defect("key-size", path, message, "it is for another cluster, or for an old key; seal it again"),
    ],
    plaintextLength,
  };
}

function wrappedLength(bytes: Uint8Array): number | undefined {
  try {
    return parseEnvelope(bytes).wrappedKey.length;
  } catch (error) {
    if (error instanceof KsealError) return undefined;
    throw error;
  }
}

/** From 1024 to 16384 bits, in the steps in which keys are made. */
function isPlausible(length: number): boolean {
  return length >= 128 && length <= 2048 && length % 32 === 0;
}

function checkSize(plaintextLength: number): readonly Defect[] {
  if (plaintextLength <= largestSecret) return [];
  const message = "the values together are larger than the 1 MiB that Kubernetes takes for a Secret";
  return [defect("secret-size", items, message, "split it into several")];
}

function checkBlob(object: JsonObject, modulusLength: number | undefined): readonly Defect[] {
  const types = checkType(object, blob, "text");
  if (valueAt(object, blob) === undefined || types.length > 0) return types;
  const text = textAt(object, blob);
  const beside =
    entriesAt(object, items).length > 0
      ? defect(
          "v1-and-items",
          blob,
          "the controller refuses spec.data beside spec.encryptedData",
          "remove spec.data",
        )
      : defect(
          "v1-data",
          blob,
          "it is sealed as a whole, as versions before 0.7 did",
          "write it anew, item by item: kseal reseal FILE",
        );
  return [beside, ...checkValue(blob, text, modulusLength).defects];
}
