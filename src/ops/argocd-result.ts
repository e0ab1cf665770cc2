import { decodeBase64 } from "../core/base64.ts";
import { KsealError } from "../errors.ts";
import { readManifest } from "../formats/manifest.ts";
import { expandList } from "../sealed/secret.ts";

/** An object of a manifest. */
export type ManifestObject = Readonly<Record<string, unknown>>;

/**
 * The objects of a manifest, those of lists one by one.
 *
 * @param file - What it is called in messages.
 * @throws KsealError `FORMAT_INVALID` for text that is no manifest; it is not quoted.
 */
export async function objectsOf(
  content: Uint8Array,
  options: { readonly file: string; readonly format?: "yaml" },
): Promise<readonly ManifestObject[]> {
  if (isBlank(content)) return [];
  const { documents } = await readManifest(content, options);
  return documents.flatMap(({ object, line }) => {
    if (object === undefined || object === null) return [];
    if (typeof object === "object" && !Array.isArray(object)) return expandList(object);
    throw new KsealError("FORMAT_INVALID", "a document is no object", {
      where: { file: options.file, ...(line === undefined ? {} : { line }) },
    });
  });
}

/**
 * Refuses a result that would do harm in a cluster: nothing at all, which lets Argo CD delete what it has made, or an
 * object that is still encrypted, whose ciphertext would become the value.
 *
 * @throws KsealError `EMPTY_INPUT`, `FINDINGS`.
 */
export function checkResult(
  objects: readonly ManifestObject[],
  options: { readonly allowEmpty: boolean; readonly hintForEncrypted: string },
): void {
  if (objects.length === 0 && !options.allowEmpty) {
    throw new KsealError("EMPTY_INPUT", "the result is empty, and Argo CD would delete what there is", {
      hint: 'if that is meant, set the parameter allow-empty to "true"',
    });
  }
  const encrypted = objects.filter(isEncrypted).map(nameOf);
  if (encrypted.length > 0) {
    throw new KsealError("FINDINGS", `still encrypted: ${listed(encrypted)}`, {
      hint: options.hintForEncrypted,
    });
  }
}

/** `Secret shop/db`, for messages. */
export function nameOf({ kind, metadata }: ManifestObject): string {
  const { name, namespace } = (metadata ?? {}) as { readonly name?: unknown; readonly namespace?: unknown };
  const place = typeof namespace === "string" ? `${namespace}/` : "";
  return `${String(kind)} ${place}${typeof name === "string" ? name : "without a name"}`;
}

/** At most ten of them, and how many more there are. */
export function listed(names: readonly string[]): string {
  const more = names.length > 10 ? ` and ${names.length - 10} more` : "";
  return `${names.slice(0, 10).join(", ")}${more}`;
}

function isEncrypted(object: ManifestObject): boolean {
  const { sops, kind } = object;
  if (typeof sops === "object" && sops !== null && "lastmodified" in sops) return true;
  if (kind !== "Secret") return false;
  const [data, stringData] = [textsOf(object["data"]), textsOf(object["stringData"])];
  return [...data, ...data.map(decoded), ...stringData].some((text) => text.startsWith("ENC[AES256_GCM,"));
}

function textsOf(values: unknown): readonly string[] {
  if (typeof values !== "object" || values === null) return [];
  return Object.values(values).filter((value) => typeof value === "string");
}

/** The beginning is enough to know it. */
function decoded(base64: string): string {
  const bytes = decodeBase64(base64.slice(0, 24));
  return bytes === undefined ? "" : new TextDecoder("latin1").decode(bytes);
}

function isBlank(content: Uint8Array): boolean {
  return content.every((byte) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09);
}
