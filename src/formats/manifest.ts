import type { TreeNode } from "../core/tree.ts";
import type { TreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import { withEdit } from "./manifest-edit.ts";
import { readJsonManifest, writeJsonManifest } from "./manifest-json.ts";
import type { ParsedFile } from "./store.ts";

/** One document of a file of Kubernetes objects. */
interface ManifestDocument {
  /** The position among the documents of the file, empty ones counted, from 0. */
  readonly index: number;
  /** Where its first key stands, from 1; `undefined` for an empty document. */
  readonly line: number | undefined;
  /** Plain JSON values in objects without a prototype; `undefined` for an empty document. */
  readonly object: unknown;
}

/** A file of Kubernetes objects: what Kubernetes reads in it, and its text. */
export interface Manifest {
  readonly format: ManifestFormat;
  readonly documents: readonly ManifestDocument[];
  /** What Kubernetes reads otherwise than most people do, with its line. No values in it. */
  readonly warnings: readonly ManifestWarning[];
  /** The store's, for {@link editManifest}. The metadata of SOPS stands here and in no document. */
  readonly parsed: ParsedFile;
}

export type ManifestFormat = "yaml" | "json";

/** Something to tell about a line. */
export interface ManifestWarning {
  readonly kind: "duplicate-key" | "boolean-key";
  readonly message: string;
  readonly line: number;
}

/** One change of {@link editManifest}. */
export interface ManifestEdit {
  /** {@link ManifestDocument.index}. */
  readonly document: number;
  /** Into the document. An item of a list is below `items` and its position. */
  readonly path: TreePath;
  /** `undefined` removes what is there. */
  readonly value: TreeNode | undefined;
}

/**
 * Reads a file of Kubernetes objects: YAML with any number of documents, or JSON with any number of objects one behind
 * the other, as kubeseal prints them. Values have the types that Kubernetes gives them, which reads YAML 1.1: the plain
 * text `yes` is true, and a plain key `y` is named `true`.
 *
 * @param options.file - What it is called in messages; its ending decides the format, and without a known one its
 *   first character, as in kubectl.
 * @throws KsealError `FORMAT_INVALID` with the line: one broken document makes the whole file one (S10); `EMPTY_INPUT`
 *   for a file without any character.
 */
export async function readManifest(
  bytes: Uint8Array,
  options: { readonly file: string; readonly format?: ManifestFormat | undefined },
): Promise<Manifest> {
  try {
    return await readAs(options.format ?? formatOf(options.file), bytes);
  } catch (error) {
    throw error instanceof KsealError ? error.at({ file: options.file }) : error;
  }
}

/**
 * The same file with other contents at some places: everything else stays byte for byte as it was. A new key goes to its
 * place in the alphabet where the keys around it are sorted, else behind them.
 *
 * @throws KsealError `SET_INVALID` when something else than a mapping or list stands on a path, `NOT_FOUND` when there is
 *   nothing to remove.
 */
export async function editManifest(manifest: Manifest, edits: readonly ManifestEdit[]): Promise<Uint8Array> {
  const { format, parsed } = manifest;
  // Loaded when needed: a JSON file does without.
  const yaml = format === "yaml" ? await import("./manifest-yaml.ts") : undefined;
  const branches = [...parsed.document.branches];
  for (const { document, path, value } of edits) {
    const branch = branches[document];
    if (branch === undefined) throw new RangeError("the file has no such document");
    const treePath = yaml === undefined ? path : yaml.treePathOf(parsed, document, path);
    branches[document] = withEdit(branch, treePath, value);
  }
  return yaml === undefined ? writeJsonManifest(parsed, branches) : yaml.writeYamlManifest(parsed, branches);
}

type Guess = ManifestFormat | "json, or else yaml" | "yaml, or else json";

async function readAs(format: Guess, bytes: Uint8Array): Promise<Manifest> {
  if (format === "json") return readJsonManifest(bytes);
  const { readYamlManifest } = await import("./manifest-yaml.ts");
  if (format === "yaml") return readYamlManifest(bytes);
  if (!startsWithBrace(bytes)) return readYamlManifest(bytes);
  const [first, second] =
    format === "json, or else yaml"
      ? [readJsonManifest, readYamlManifest]
      : [readYamlManifest, readJsonManifest];
  try {
    return first(bytes);
  } catch (error) {
    if (!(error instanceof KsealError) || error.code !== "FORMAT_INVALID") throw error;
    return orElse(() => second(bytes), error);
  }
}

function orElse(read: () => Manifest, failure: KsealError): Manifest {
  try {
    return read();
  } catch (error) {
    throw error instanceof KsealError ? failure : error;
  }
}

function formatOf(file: string): Guess {
  if (file.endsWith(".json")) return "json";
  return /\.ya?ml$/.test(file) ? "yaml, or else json" : "json, or else yaml";
}

function startsWithBrace(bytes: Uint8Array): boolean {
  const blanks = [0x20, 0x09, 0x0a, 0x0d];
  return bytes[bytes.findIndex((byte) => !blanks.includes(byte))] === 0x7b;
}
