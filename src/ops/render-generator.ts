import { encodeBase64 } from "../core/base64.ts";
import { KsealError } from "../errors.ts";
import { storeFor } from "../formats/detect.ts";
import { readManifest } from "../formats/manifest.ts";
import { expandList, readSecret, secretObject } from "../sealed/secret.ts";
import { baseName } from "./file-path.ts";
import type { FileText } from "./load-file.ts";
import type { GeneratedSecret, GeneratorDocument, NamedSource } from "./render-generator-document.ts";
import { type Piece, pieceOf } from "./render-ksops.ts";
import { placeholderAnnotation } from "./render-placeholder.ts";
import { RenderError } from "./render-problems.ts";
import type { Source, Sources } from "./render-sources.ts";

type JsonObject = Readonly<Record<string, unknown>>;

/** Every file that a document names. */
export function generatorFiles({ files, secretFrom }: GeneratorDocument): readonly string[] {
  return [
    ...files,
    ...secretFrom.flatMap((secret) => [...secret.files, ...secret.envs].map(({ file }) => file)),
  ];
}

/** The encrypted texts that stand in a document, with their places as names. */
export function generatorTexts({ name, inline, secretFrom }: GeneratorDocument): readonly FileText[] {
  return [
    ...inline.map((text, at) => inlineText(name, `inline[${at}]`, text, "manifest")),
    ...secretFrom.flatMap(({ path, inline: texts }) =>
      [...texts].map(([key, text]) => inlineText(name, `${path}.inline.${key}`, text, "value")),
    ),
  ];
}

/** A text in a document has no file name that says what it is: JSON or YAML, and as a value also any bytes. */
function inlineText(name: string, place: string, text: string, use: "manifest" | "value"): FileText {
  const isJson = text.trimStart().startsWith("{");
  const ending = !isJson ? ".yaml" : use === "value" && /^\s*\{\s*"data":\s*"ENC\[/.test(text) ? "" : ".json";
  return { file: `${name} ${place}`, name: `inline${ending}`, bytes: new TextEncoder().encode(text) };
}

/**
 * The Secrets of a document, each with `data` and `type`: a Secret with `stringData` loses it when it is merged, and
 * server-side apply keeps what was taken out of it.
 *
 * @param sources - Has opened {@link generatorFiles} and {@link generatorTexts}.
 * @throws RenderError with everything that is no manifest, or cannot be put together.
 */
export async function renderGenerator(
  document: GeneratorDocument,
  sources: Sources,
): Promise<readonly Piece[]> {
  const problems: KsealError[] = [];
  const attempt = async <T>(file: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof KsealError)) throw error;
      problems.push(error.at({ file }));
      return undefined;
    }
  };
  const objects: JsonObject[] = [];
  const manifests = [...document.files, ...document.inline.map((_, at) => `${document.name} inline[${at}]`)];
  for (const file of manifests) {
    objects.push(...((await attempt(file, () => manifestObjects(sources.get(file)))) ?? []));
  }
  for (const secret of document.secretFrom) {
    const place = `the generator ${document.name}`;
    const object = await attempt(place, () => putTogether(secret, document.name, sources));
    if (object !== undefined) objects.push(object);
  }
  const [first, ...rest] = problems;
  if (first !== undefined) throw new RenderError([first, ...rest]);
  return objects.map(pieceOf);
}

/** The objects of a decrypted manifest: Secrets in the form that is safe to merge, everything else as it is. */
export async function manifestObjects({ file, content, isHidden }: Source): Promise<readonly JsonObject[]> {
  if (isHidden) {
    throw new KsealError(
      "FORMAT_CANNOT_HOLD",
      "encrypted as a whole: without a key nobody sees what is in it",
    );
  }
  const { documents } = await readManifest(content(), { file });
  const objects = documents.flatMap(({ object }) => (object === undefined ? [] : expandList(object)));
  if (objects.length === 0) throw new KsealError("FORMAT_INVALID", "there is no object in it");
  return objects.map(safeObject);
}

function safeObject(object: JsonObject): JsonObject {
  if (object["kind"] !== "Secret" || object["apiVersion"] !== "v1") {
    if (typeof object["kind"] === "string" && typeof object["apiVersion"] === "string") return object;
    throw new KsealError("FORMAT_INVALID", "this is no Kubernetes object: it has no apiVersion or no kind", {
      hint: "name a file that is to become a value under secretFrom",
    });
  }
  const secret = readSecret(object);
  if (secret.metadata.name === "") throw new KsealError("FORMAT_INVALID", "a Secret has no metadata.name");
  return { data: {}, ...secretObject(secret), type: secret.type ?? "Opaque" };
}

async function putTogether(secret: GeneratedSecret, document: string, sources: Sources): Promise<JsonObject> {
  const data = new Map<string, Uint8Array>();
  const add = (key: string, bytes: Uint8Array): void => {
    if (data.has(key)) {
      throw new KsealError("CONFIG_INVALID", `${secret.path}: two sources give the key ${key}`, {
        hint: "give one of them another key: KEY=PATH",
      });
    }
    data.set(key, bytes);
  };
  const encoder = new TextEncoder();
  for (const { key, file } of secret.files) {
    add(key ?? baseName(file, "linux"), sources.get(file).content());
  }
  for (const source of secret.envs) {
    for (const [name, value] of await variablesOf(source, sources)) add(name, encoder.encode(value));
  }
  for (const [key, text] of secret.literals) add(key, encoder.encode(text));
  for (const key of secret.inline.keys()) {
    add(key, sources.get(`${document} ${secret.path}.inline.${key}`).content());
  }
  const annotations = new Map(secret.annotations);
  if (sources.areHidden) annotations.set(placeholderAnnotation, "true");
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name: secret.name,
      ...(secret.namespace === undefined ? {} : { namespace: secret.namespace }),
      ...(secret.labels.size === 0 ? {} : { labels: Object.fromEntries(secret.labels) }),
      ...(annotations.size === 0 ? {} : { annotations: Object.fromEntries(annotations) }),
    },
    type: secret.type,
    ...(secret.immutable === undefined ? {} : { immutable: secret.immutable }),
    data: Object.fromEntries([...data].map(([key, bytes]) => [key, encodeBase64(bytes)])),
  };
}

/** The variables of an env file, byte for byte as they stand there: no quotes are taken off, nothing is expanded. */
async function variablesOf(
  { key, file }: NamedSource,
  sources: Sources,
): Promise<readonly (readonly [string, string])[]> {
  const { content, format, isHidden } = sources.get(file);
  if (isHidden) return key === undefined ? [] : [[key, new TextDecoder().decode(content())]];
  const store = await storeFor(format === "binary" ? "dotenv" : format);
  const [branch] = store.parse(content()).document.branches;
  const variables = (branch?.items ?? []).flatMap((item) => {
    if (item.kind !== "entry") return [];
    const { value } = item;
    if (value.kind === "str") return [[item.key, value.value] as const];
    if (value.kind === "int" || value.kind === "float" || value.kind === "bool") {
      return [[item.key, String(value.value)] as const];
    }
    throw new KsealError("FORMAT_INVALID", `the variable ${item.key} of ${file} is no text`);
  });
  if (key === undefined) return variables;
  const found = variables.filter(([name]) => name === key);
  if (found.length > 0) return found.slice(-1);
  throw new KsealError("NOT_FOUND", `there is no variable ${key} in ${file}`);
}
