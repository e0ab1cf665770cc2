import type { MapNode } from "../core/tree.ts";
import type { TreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import type { Manifest, ManifestWarning } from "./manifest.ts";
import { invalid, linesOf, placeOf } from "./source-text.ts";
import type { ParsedFile } from "./store.ts";
import { yamlStore } from "./yaml.ts";
import { keyName } from "./yaml-key.ts";
import type { YamlText } from "./yaml-read.ts";
import type { AliasSyntax, DocumentSyntax, MapSyntax, ScalarSyntax, Syntax } from "./yaml-syntax.ts";

/**
 * Reads YAML as Kubernetes does, whose reader is go-yaml v2. SOPS has v3: there `yes` is a text, dates are times, and a
 * mapping is never merged into another.
 *
 * @throws KsealError as `readManifest` of `manifest.ts`.
 */
export function readYamlManifest(bytes: Uint8Array): Manifest {
  const parsed = parse(bytes);
  const source = parsed.source as YamlText;
  const reader = new ObjectReader(source, parsed.metadata !== undefined);
  const objects = source.documents.map((document) => reader.read(document));
  const lines = linesOf(source.text, source.documents.map(startOf));
  return {
    format: "yaml",
    documents: objects.map((object, index) => ({
      index,
      line: object === undefined ? undefined : lines[index],
      object,
    })),
    warnings: [...reader.warnings(), ...duplicatesOf(source)],
    parsed,
  };
}

function parse(bytes: Uint8Array): ParsedFile {
  try {
    return yamlStore.parse(bytes);
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    const { code, message, hint, where, cause } = error;
    // Nobody has named SOPS here.
    const own = message.replace(/, and SOPS has text keys only$/, ", not text").replace(/ for SOPS$/, "");
    throw new KsealError(code, own, { hint, where, cause });
  }
}

/**
 * The true or false that a key or value without quotes is for YAML 1.1.
 *
 * @returns `undefined` for every other text.
 */
export function booleanOf({ node, style, properties }: ScalarSyntax): boolean | undefined {
  if (style !== "plain" || properties?.tag !== undefined) return undefined;
  if (node.kind === "bool") return node.value;
  if (node.kind !== "str") return undefined;
  if (/^(?:[yY]|yes|Yes|YES|on|On|ON)$/.test(node.value)) return true;
  return /^(?:[nN]|no|No|NO|off|Off|OFF)$/.test(node.value) ? false : undefined;
}

/** Writes the documents of a file anew, what did not change byte for byte as it was. */
export function writeYamlManifest(base: ParsedFile, branches: readonly MapNode[]): Uint8Array {
  return yamlStore.render({ document: { branches }, metadata: base.metadata }, { base });
}

/**
 * A path with the keys as they are spelt in the file: what Kubernetes calls `true` may be `y`.
 *
 * @throws KsealError `SET_INVALID` when the file has the key, and Kubernetes calls it something else.
 */
export function treePathOf(base: ParsedFile, document: number, path: TreePath): TreePath {
  const { text, documents } = base.source as YamlText;
  let at: Syntax | undefined = documents[document]?.root;
  return path.map((step) => {
    const found: { readonly step: string | number; readonly value: Syntax | undefined } = stepInto(
      text,
      at,
      step,
    );
    at = found.value;
    return found.step;
  });
}

function stepInto(
  text: string,
  from: Syntax | undefined,
  step: string | number,
): { readonly step: string | number; readonly value: Syntax | undefined } {
  const parent = from?.kind === "alias" ? from.target : from;
  if (parent?.kind === "seq") {
    const elements = parent.items.filter((item) => item.kind === "element");
    return { step, value: elements[Number(step)]?.value };
  }
  if (parent?.kind !== "map") return { step, value: undefined };
  const entries = parent.items.filter((item) => item.kind === "entry");
  const entry = entries.find(({ key }) => String(booleanOf(key) ?? keyName(key)) === step);
  const spelt = entries.find(({ key }) => keyName(key) === step);
  if (entry === undefined && spelt !== undefined) {
    throw new KsealError("SET_INVALID", `Kubernetes reads the key ${step} as ${booleanOf(spelt.key)}`, {
      hint: "put it in quotes",
      where: placeOf(text, spelt.start),
    });
  }
  return { step: entry === undefined ? step : keyName(entry.key), value: entry?.value };
}

function startOf({ root, start }: DocumentSyntax): number {
  return root.items.find((item) => item.kind === "entry")?.start ?? start;
}

function duplicatesOf({ text, duplicates }: YamlText): readonly ManifestWarning[] {
  const offsets = duplicates.map(({ start }) => start).toSorted((a, b) => a - b);
  return linesOf(text, offsets).map((line) => ({
    kind: "duplicate-key",
    message: "a key stands twice in its mapping",
    line,
  }));
}

type PlainObject = Record<string, unknown>;

class ObjectReader {
  /** Keys that are no texts for Kubernetes. */
  readonly #booleans = new Set<ScalarSyntax>();
  readonly #text: string;
  readonly #isEncrypted: boolean;
  /** Where the document begins. */
  #start = 0;

  constructor({ text }: YamlText, isEncrypted: boolean) {
    this.#text = text;
    this.#isEncrypted = isEncrypted;
  }

  read({ root, content, start }: DocumentSyntax): unknown {
    if (content !== "map") return undefined;
    this.#start = start;
    const object = this.#map(root);
    if (this.#isEncrypted) delete object["sops"];
    return object;
  }

  warnings(): readonly ManifestWarning[] {
    const keys = [...this.#booleans].sort((a, b) => a.start - b.start);
    const lines = linesOf(
      this.#text,
      keys.map(({ start }) => start),
    );
    return keys.map((key, at) => ({
      kind: "boolean-key",
      message: `Kubernetes reads the key ${keyName(key)} as ${booleanOf(key)}; put it in quotes`,
      line: lines[at] ?? 1,
    }));
  }

  #value(syntax: Syntax): unknown {
    switch (syntax.kind) {
      case "alias":
        return this.#value(this.#targetOf(syntax));
      case "scalar":
        return this.#scalar(syntax);
      case "seq":
        return syntax.items.flatMap((item) => (item.kind === "element" ? [this.#value(item.value)] : []));
      case "map":
        return this.#map(syntax);
    }
  }

  #map({ items }: MapSyntax): PlainObject {
    // A key may be called `__proto__`.
    const object: PlainObject = Object.create(null);
    for (const item of items) {
      if (item.kind !== "entry") continue;
      if (isMerge(item.key)) Object.assign(object, this.#merged(item.value));
      else object[this.#key(item.key)] = this.#value(item.value);
    }
    return object;
  }

  #key(key: ScalarSyntax): string {
    const boolean = booleanOf(key);
    if (boolean === undefined) return keyName(key);
    this.#booleans.add(key);
    return String(boolean);
  }

  /** For SOPS anchors hold in all documents that follow; for Kubernetes, which reads one by one, only in their own. */
  #targetOf({ start, target }: AliasSyntax): Syntax {
    if (target.start >= this.#start) return target;
    throw invalid(this.#text, start, "the anchor of this alias stands in another document");
  }

  /** What `<<` brings in: a mapping, or several of which the first counts. */
  #merged(value: Syntax): PlainObject {
    const source = value.kind === "alias" ? this.#targetOf(value) : value;
    if (source.kind === "map") return this.#map(source);
    const object: PlainObject = Object.create(null);
    if (source.kind !== "seq") return object;
    for (const item of source.items.toReversed()) {
      if (item.kind === "element") Object.assign(object, this.#merged(item.value));
    }
    return object;
  }

  #scalar(syntax: ScalarSyntax): unknown {
    const { node, start, end } = syntax;
    switch (node.kind) {
      case "null":
        return null;
      case "int":
        return Number(node.value);
      case "time":
        return this.#text.slice(start, end);
      case "bytes":
        return new TextDecoder().decode(node.value);
      case "str":
      case "bool":
      case "float":
        return booleanOf(syntax) ?? node.value;
    }
  }
}

function isMerge({ node, style, properties }: ScalarSyntax): boolean {
  return node.kind === "str" && node.value === "<<" && style === "plain" && properties?.tag === undefined;
}
