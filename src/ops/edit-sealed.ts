import { encodeBase64 } from "../core/base64.ts";
import { KsealError } from "../errors.ts";
import { editManifest, type ManifestEdit, type ManifestFormat } from "../formats/manifest.ts";
import { printObjects } from "../formats/manifest-print.ts";
import type { Certificate } from "../sealed/certificate.ts";
import { field, type JsonObject, objectField } from "../sealed/object-fields.ts";
import { sortedObject } from "../sealed/object-meta.ts";
import { scopeOf } from "../sealed/scope.ts";
import { sealValue } from "../sealed/seal-secret.ts";
import { readSecret } from "../sealed/secret.ts";
import { refuseFailures } from "../sealed/unseal-secret.ts";
import { type CertificateFlags, findCertificate } from "./certificate.ts";
import type { OpContext } from "./context.ts";
import type { Draft } from "./draft.ts";
import { shellWord } from "./file-path.ts";
import { editOf } from "./reseal-object.ts";
import { readObjects } from "./seal-manifest.ts";
import { selectOne } from "./select-files.ts";
import { type FoundSealed, readSealedFiles, type SealedFile } from "./unseal-objects.ts";
import { type KeysAtHand, openObjects, sealingKeysAtHand } from "./unseal-values.ts";
import { withLocks, writeResults } from "./write-result.ts";

export interface SealedDraftOptions extends CertificateFlags {
  readonly path: string;
  /** Files and folders with sealing keys; those of the environment when empty. */
  readonly keys: readonly string[];
}

/** A SealedSecret whose values are open. */
interface OpenSealed {
  readonly found: FoundSealed;
  readonly values: ReadonlyMap<string, Uint8Array>;
}

/**
 * Opens the SealedSecrets of a file for editing: each as a Secret with its values and nothing else. What is saved is
 * sealed; a value that was left alone keeps its ciphertext, and every other byte of the file stays.
 *
 * @throws KsealError `USAGE` without keys, and what opening and finding the certificate throws.
 */
export async function openSealedDraft(options: SealedDraftOptions, context: OpContext): Promise<Draft> {
  const { path } = options;
  const source = await selectOne(path, context);
  const atHand = await sealingKeysAtHand(options.keys, context);
  if (atHand === undefined) throw noKeys(path);
  const [file] = await readSealedFiles([source], undefined, context);
  if (file === undefined) throw new TypeError("a file that was named is read or refused");
  // Before anybody types a secret.
  const certificate = await certificateFor(options, atHand, context);
  const { format } = file.manifest;
  const objects = await openObjects(file.objects, atHand.keys, openForEditing, context);
  const text = render(objects, format, path);
  return {
    file: path,
    text,
    async seal(edited) {
      const edits = await editsOf(edited, { objects, certificate, file }, context);
      return edits.length === 0 ? file.text.bytes : editManifest(file.manifest, edits);
    },
    async save(content) {
      const results = [{ source, content, expect: file.text.bytes }];
      await withLocks([source], true, context, () =>
        writeResults(results, { to: "in-place" }, { plaintext: false }, context),
      );
    },
  };
}

function noKeys(path: string): KsealError {
  return new KsealError("USAGE", "no sealing key is named, and the values of a SealedSecret open with one", {
    hint: `name a backup of the cluster's keys: --key FILE, or in KSEAL_SEALING_KEYS;\nwithout one a value can be replaced: kseal set ${shellWord(path)} ITEM`,
    where: { file: path },
  });
}

async function certificateFor(
  options: SealedDraftOptions,
  { newest }: KeysAtHand,
  context: OpContext,
): Promise<Certificate> {
  try {
    const { certificate, warnings } = await findCertificate({ ...options, file: options.path }, context);
    for (const warning of warnings) context.log.warn(warning);
    return certificate;
  } catch (error) {
    const isUnknown = error instanceof KsealError && error.code === "CONFIG_NOT_FOUND";
    if (!isUnknown || newest.certificate === undefined) throw error;
    return newest.certificate;
  }
}

function openForEditing(
  found: FoundSealed,
  opened: Parameters<typeof refuseFailures>[2] & OpenedValues,
): OpenSealed {
  if (found.sealed.v1Data !== undefined) {
    throw new KsealError("SEALED_INVALID", "it was sealed before version 0.7", {
      hint: `write it as encryptedData first: kseal reseal ${shellWord(found.file)}`,
    });
  }
  refuseFailures(found.sealed, opened.failures, opened);
  return { found, values: opened.values };
}

type OpenedValues = Pick<import("../sealed/open-items.ts").OpenedItems, "values" | "failures">;

function render(objects: readonly OpenSealed[], format: ManifestFormat, file: string): Uint8Array {
  const printed = printObjects(objects.map(viewOf), format);
  if (format === "json") return printed;
  const head = `# The values of ${file}. Those that you leave alone keep their ciphertext;\n# labels, type and templates stand in the file itself.\n`;
  return new TextEncoder().encode(head + new TextDecoder().decode(printed));
}

function viewOf({ found, values }: OpenSealed): JsonObject {
  const { name, namespace } = found.sealed.metadata;
  const texts = new Map<string, string>();
  const bytes = new Map<string, string>();
  for (const [item, value] of values) {
    const text = textOf(value);
    if (text === undefined) bytes.set(item, encodeBase64(value));
    else texts.set(item, text);
  }
  return {
    kind: "Secret",
    apiVersion: "v1",
    metadata: { name, ...(namespace === "" ? {} : { namespace }) },
    ...(bytes.size === 0 ? {} : { data: sortedObject(bytes) }),
    ...(texts.size === 0 && bytes.size > 0 ? {} : { stringData: sortedObject(texts) }),
  };
}

/** What an editor can show; `undefined` for anything else. */
function textOf(value: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
    return /[^\P{C}\n\t]/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

async function editsOf(
  edited: Uint8Array,
  draft: {
    readonly objects: readonly OpenSealed[];
    readonly certificate: Certificate;
    readonly file: SealedFile;
  },
  context: OpContext,
): Promise<readonly ManifestEdit[]> {
  const { text, manifest } = draft.file;
  const { documents } = await readObjects({ ...text, bytes: edited }, manifest.format, context);
  const secrets = documents.flatMap(({ object }) => (object === undefined ? [] : [object]));
  if (secrets.length !== draft.objects.length) {
    throw onlyValues(text.file, `there are ${secrets.length} documents instead of ${draft.objects.length}`);
  }
  return draft.objects.flatMap((object, at) => changesOf(object, secrets[at], draft.certificate, context));
}

function changesOf(
  object: OpenSealed,
  edited: unknown,
  { publicKey }: Certificate,
  { host }: OpContext,
): readonly ManifestEdit[] {
  const { found, values } = object;
  const { data } = readSecret(edited);
  checkOnlyValues(found, edited as JsonObject);
  const { name, namespace, annotations } = found.sealed.metadata;
  const to = { publicKey, random: host.random, scope: scopeOf(annotations), name, namespace };
  const at = (item: string) => ["spec", "encryptedData", item] as const;
  const changed = [...data].filter(([item, value]) => !same(values.get(item), value));
  const removed = [...values.keys()].filter((item) => !data.has(item));
  return [
    ...changed.map(([item, value]) => editOf(found, at(item), { kind: "str", value: sealValue(value, to) })),
    ...removed.map((item) => editOf(found, at(item), undefined)),
  ];
}

function checkOnlyValues({ file, sealed }: FoundSealed, edited: JsonObject): void {
  const meta = objectField(edited, "metadata", "");
  const { name, namespace } = sealed.metadata;
  if (field(meta, "name") !== name || (field(meta, "namespace") ?? "") !== namespace) {
    throw onlyValues(file, "a name or namespace was changed, or the documents have another order");
  }
  const [more] = [
    ...Object.keys(edited).filter(
      (key) => !["apiVersion", "kind", "metadata", "data", "stringData"].includes(key),
    ),
    ...Object.keys(meta).filter((key) => key !== "name" && key !== "namespace"),
  ];
  if (more !== undefined) throw onlyValues(file, `${JSON.stringify(more)} was added`);
}

function onlyValues(file: string, what: string): KsealError {
  return new KsealError("CHANGES_REFUSED", `only values can be changed here, and ${what}`, {
    hint: "labels, annotations and type are in clear: change them in the file itself, under spec.template",
    where: { file },
  });
}

function same(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a?.length === b.length && a.every((byte, index) => byte === b[index]);
}
