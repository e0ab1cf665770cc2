import { epochOf } from "../../core/calendar.ts";
import type { TreeNode } from "../../core/tree.ts";
import { getNode } from "../../core/tree-path.ts";
import { KsealError } from "../../errors.ts";
import { type Manifest, readManifest } from "../../formats/manifest.ts";
import { formatFloat } from "../../gotemplate/float-text.ts";
import { field, type JsonObject, join } from "../../sealed/object-fields.ts";
import { metaFields, type ObjectMeta } from "../../sealed/object-meta.ts";
import { expandList } from "../../sealed/secret.ts";
import { withFieldNames } from "./kubeseal-field-names.ts";

/** Maps of texts in a Secret or SealedSecret, by their paths. */
const textMaps: readonly (readonly string[])[] = [
  ["stringData"],
  ["metadata", "labels"],
  ["metadata", "annotations"],
  ["spec", "template", "data"],
  ["spec", "template", "metadata", "labels"],
  ["spec", "template", "metadata", "annotations"],
];
const texts: readonly (readonly string[])[] = [["type"], ["metadata", "name"], ["metadata", "namespace"]];

/**
 * Every object of the input, lists expanded (S11), as the original reads them: a number or a boolean counts as text where
 * text belongs (`stringData: { port: 5432 }`), which kseal's own commands refuse.
 *
 * @throws KsealError for a document that does not parse (S10): the original skips it without a word. `ALREADY_ENCRYPTED`
 *   for a file of SOPS.
 */
export async function readObjects(
  bytes: Uint8Array,
  options: { readonly file: string; readonly warn: (text: string) => void },
): Promise<readonly JsonObject[]> {
  // Nothing at all is no mistake of the format; what is missing is said by who needs it.
  if (bytes.length === 0) return [];
  const { file } = options;
  const manifest = await readFilled(bytes, file);
  if (manifest === undefined) return [];
  const { documents, warnings, parsed } = manifest;
  if (parsed.metadata !== undefined) {
    throw new KsealError("ALREADY_ENCRYPTED", "the file is encrypted with SOPS", { where: { file } });
  }
  for (const { kind, message, line } of warnings) {
    // The original takes the last one without a word.
    if (kind === "duplicate-key") options.warn(`line ${line}: ${message}`);
  }
  return documents.flatMap(({ object, index, line }) => {
    if (object === undefined) return [];
    try {
      const read = withTexts(object, parsed.document.branches[index], (place) =>
        options.warn(`${place} is a number of more digits than kubeseal keeps; put it in quotes`),
      );
      return expandList(read);
    } catch (error) {
      const where = { file, ...(line === undefined ? {} : { line }) };
      throw error instanceof KsealError ? error.at(where) : error;
    }
  });
}

/** The file; `undefined` when comments are all there is in it. */
async function readFilled(bytes: Uint8Array, file: string): Promise<Manifest | undefined> {
  try {
    return await readManifest(bytes, { file });
  } catch (error) {
    if (error instanceof KsealError && error.code === "EMPTY_INPUT") return undefined;
    throw error;
  }
}

/** The metadata as the original prints it: fields that Kubernetes does not know, and empty ones, are left out. */
export function knownMeta(meta: ObjectMeta): ObjectMeta {
  const other = new Map(
    [...meta.other]
      .filter(([key, value]) => metaFields.includes(key) && !isZero(key, value))
      .map(([key, value]) => [key, times.includes(key) ? inSeconds(value) : value]),
  );
  return { ...meta, other };
}

const times = ["creationTimestamp", "deletionTimestamp"];

/** A time as Kubernetes prints it: in UTC, in whole seconds. */
function inSeconds(value: unknown): unknown {
  const at = typeof value === "string" ? epochOf(value) : undefined;
  return at === undefined ? value : `${new Date(at).toISOString().slice(0, 19)}Z`;
}

function isZero(key: string, value: unknown): boolean {
  // A number that may be missing, so that 0 says something.
  if (key === "deletionGracePeriodSeconds" && value === 0) return false;
  return value === "" || value === 0 || value === null || (Array.isArray(value) && value.length === 0);
}

/** A value of the input, and what was read of it, which tells 1 from 1.0 and holds every digit. */
interface Read {
  readonly value: unknown;
  readonly node: TreeNode | undefined;
  /** For messages. */
  readonly place: string;
  readonly rounded: (place: string) => void;
}

function withTexts(document: unknown, node: TreeNode | undefined, rounded: (place: string) => void): unknown {
  if (!isObject(document)) return document;
  const object = withFieldNames(document);
  const items = field(object, "items");
  if (Array.isArray(items)) {
    const read = items.map((item, at) => withTexts(item, node && getNode(node, ["items", at]), rounded));
    return copyWith(object, "items", read);
  }
  const changed = textMaps.reduce<unknown>(
    (value, path) => changeAt({ value, node, place: "", rounded }, path, textsOf),
    object,
  );
  return texts.reduce<unknown>(
    (value, path) => changeAt({ value, node, place: "", rounded }, path, textOf),
    changed,
  );
}

/** A copy with the value at a path changed; the same object where there is no such path. */
function changeAt(read: Read, path: readonly string[], change: (read: Read) => unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return change(read);
  const { value } = read;
  if (!isObject(value) || field(value, key) === undefined) return value;
  return copyWith(value, key, changeAt(below(read, key, value[key]), rest, change));
}

function below({ node, place, rounded }: Read, key: string, value: unknown): Read {
  return { value, node: node && getNode(node, [key]), place: join(place, key), rounded };
}

function copyWith(object: JsonObject, key: string, value: unknown): JsonObject {
  return Object.fromEntries([...Object.entries(object).filter(([name]) => name !== key), [key, value]]);
}

function textsOf(read: Read): unknown {
  if (!isObject(read.value)) return read.value;
  return Object.fromEntries(
    Object.entries(read.value).map(([key, one]) => [key, one === null ? "" : textOf(below(read, key, one))]),
  );
}

/** A scalar as the YAML reader of Kubernetes spells it where text belongs. */
function textOf({ value, node, place, rounded }: Read): unknown {
  if (typeof value === "boolean") return String(value);
  if (typeof value !== "number") return value;
  if (node?.kind === "int" && Number(node.value) === value) return String(node.value);
  const isFloat = node?.kind === "float" && Object.is(node.value, value);
  // Merged into its mapping it has no node there; so small, a whole number is spelt the same with and without a point.
  if (!isFloat && (node !== undefined || (Number.isInteger(value) && Math.abs(value) >= 1e6))) {
    // What stands there twice, or is no number that can be kept, is not made up: the reader of the object refuses it.
    return value;
  }
  const kept = singlePrecision(value);
  if (kept !== value && !Number.isNaN(value)) rounded(place);
  return formatFloat(kept, "g", -1);
}

/** The number with the shortest text that is the same in single precision, in which the original spells numbers. */
function singlePrecision(value: number): number {
  const single = Math.fround(value);
  for (let digits = 1; digits < 9; digits += 1) {
    const shorter = Number(single.toPrecision(digits));
    if (Math.fround(shorter) === single) return shorter;
  }
  return Number.isFinite(single) ? Number(single.toPrecision(9)) : single;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
