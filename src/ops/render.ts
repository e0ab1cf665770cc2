import { KsealError } from "../errors.ts";
import { readManifest } from "../formats/manifest.ts";
import {
  type NewItem,
  printResourceList,
  type ReadObject,
  type ResourceList,
  readItems,
  readResourceList,
  simpleItems,
} from "../formats/resource-list.ts";
import { compareText } from "../sealed/object-meta.ts";
import type { OpContext } from "./context.ts";
import { type RenderOptions, renderDocuments } from "./render-documents.ts";
import { joinPieces, type Piece } from "./render-ksops.ts";
import { problemsOf, RenderError } from "./render-problems.ts";
import { refuseClearSecrets, validatorKind } from "./render-validate.ts";

/**
 * Answers as a KRM function: reads a ResourceList and writes one, all of it or nothing.
 *
 * As a generator it gets its document as the only item, and leaves it out; as a transformer it keeps the items of the
 * build and adds what it makes; as a validator it hands back what came in.
 *
 * @throws KsealError Whatever is wrong, with everything that is: see {@link problemsOf}.
 */
export async function renderResourceList(
  bytes: Uint8Array,
  options: RenderOptions,
  context: OpContext,
): Promise<string> {
  const list = readResourceList(bytes);
  if (options.style === "ksops") return await renderKsopsList(list, options, context);
  const { config, others } = configOf(list);
  if (kindOf(config.object) === validatorKind) {
    refuseClearSecrets(
      list.items.map(({ object }) => object),
      config.object,
    );
    return new TextDecoder().decode(bytes);
  }
  const [pieces = []] = await renderDocuments([config.object], options, context);
  const made = itemsOf(pieces).map(({ element }) => element);
  return printResourceList([...others.map(({ node }) => node), ...made], list);
}

/** KSOPS takes every item for a document of its own, looks at nothing else, and answers sorted. */
async function renderKsopsList(
  list: ResourceList,
  options: RenderOptions,
  context: OpContext,
): Promise<string> {
  const documents = await renderDocuments(
    list.items.map(({ object }) => object),
    options,
    context,
  );
  const made = itemsOf(documents.flat());
  const sorted = made.toSorted((a, b) => compareText(a.sortKey, b.sortKey)).map(({ element }) => element);
  if (sorted.length === 0) {
    context.log.warn("the generator made nothing: there is no document with files among the items");
  }
  return printResourceList(sorted, list);
}

/**
 * Answers as a legacy plugin: reads a generator's document and writes a stream of manifests.
 *
 * @param document - The file that Kustomize put it into, of which the first document counts.
 * @param resources - The build so far, which a transformer gets on standard input; empty for a generator.
 * @throws KsealError As {@link renderResourceList}.
 */
export async function renderLegacy(
  document: { readonly file: string; readonly bytes: Uint8Array },
  resources: Uint8Array,
  options: RenderOptions,
  context: OpContext,
): Promise<string> {
  const { documents } = await readManifest(document.bytes, { file: document.file, format: "yaml" });
  const config = documents.find(({ object }) => object !== undefined)?.object;
  const build = new TextDecoder().decode(resources);
  if (kindOf(config) === validatorKind && options.style === "kseal") {
    const { documents: objects } = await readManifest(resources, { file: "the build", format: "yaml" });
    refuseClearSecrets(
      objects.flatMap(({ object }) => (object === undefined ? [] : [object])),
      config,
    );
    return build;
  }
  if (options.style === "ksops" && build.trim() !== "") throw usedAsTransformer();
  const [pieces = []] = await renderDocuments([config], options, context);
  const made = joinPieces(pieces);
  if (pieces.length === 0) context.log.warn("the generator made nothing: it names no file");
  return build.trim() === "" ? made : `${build.replace(/\n*$/, "\n")}---\n${made}`;
}

/** The document that the function is to work on, and the items that are not it. */
function configOf({ items, functionConfig }: ResourceList): {
  readonly config: ReadObject;
  readonly others: readonly ReadObject[];
} {
  const isOwn = ({ object }: ReadObject): boolean => /^(?:kseal\.dev|viaduct\.ai)\//.test(versionOf(object));
  const config = functionConfig ?? items.find(isOwn);
  if (config === undefined) {
    throw new KsealError("CONFIG_INVALID", "the ResourceList has neither a functionConfig nor a generator", {
      hint: "write apiVersion: kseal.dev/v1alpha1, kind: SecretGenerator",
    });
  }
  // Kustomize gives a generator its own document once more, and marks it.
  const others = items.filter((item) => item !== config && !isSame(item.object, config.object));
  return { config, others };
}

function isSame(a: unknown, b: unknown): boolean {
  return (
    versionOf(a) === versionOf(b) &&
    kindOf(a) === kindOf(b) &&
    metadataOf(a)["name"] === metadataOf(b)["name"]
  );
}

function itemsOf(pieces: readonly Piece[]): readonly NewItem[] {
  const problems: KsealError[] = [];
  const items = pieces.flatMap(({ text, documents, file }) => {
    try {
      return (documents && simpleItems(documents)) ?? readItems(text());
    } catch (error) {
      if (!(error instanceof KsealError)) throw error;
      problems.push(file === undefined ? error : error.at({ file }));
      return [];
    }
  });
  const [first, ...rest] = problems.flatMap(problemsOf);
  if (first !== undefined) throw new RenderError([first, ...rest]);
  return items;
}

function usedAsTransformer(): KsealError {
  return new KsealError(
    "CONFIG_INVALID",
    "it is used as a transformer, and the resources of the build would be lost",
    {
      hint: "list it under generators: of the kustomization",
    },
  );
}

function kindOf(object: unknown): string {
  return String(fieldsOf(object)["kind"] ?? "");
}

function versionOf(object: unknown): string {
  return String(fieldsOf(object)["apiVersion"] ?? "");
}

function metadataOf(object: unknown): Readonly<Record<string, unknown>> {
  return fieldsOf(fieldsOf(object)["metadata"]);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
