import type { MapNode, TreeNode } from "../core/tree.ts";
import { KsealError } from "../errors.ts";
import { readYamlManifest } from "./manifest-yaml.ts";
import { placeOf } from "./source-text.ts";
import { keyName } from "./yaml-key.ts";
import { type ListElement, printNodes, type ReadNode } from "./yaml-node-print.ts";
import { chooseStyle } from "./yaml-quote.ts";
import { readYaml, type YamlText } from "./yaml-read.ts";
import { printSimpleElement } from "./yaml-simple-print.ts";
import { readSimpleYaml } from "./yaml-simple-read.ts";
import type { MapSyntax, Syntax } from "./yaml-syntax.ts";

/** An object as it stands in a text: what Kubernetes reads in it, and how it is written. */
export interface ReadObject {
  /** Plain JSON values in objects without a prototype. */
  readonly object: unknown;
  readonly node: ReadNode;
}

/** What a KRM function gets from its orchestrator. */
export interface ResourceList {
  readonly items: readonly ReadObject[];
  readonly functionConfig: ReadObject | undefined;
  readonly results: ReadNode | undefined;
}

const listVersions = [
  "config.kubernetes.io/v1",
  "config.kubernetes.io/v1beta1",
  "config.kubernetes.io/v1alpha1",
];

/**
 * Reads a ResourceList, which may be YAML or JSON.
 *
 * @throws KsealError `FORMAT_INVALID` for a text that is none.
 */
export function readResourceList(bytes: Uint8Array): ResourceList {
  if (bytes.length === 0) throw new KsealError("EMPTY_INPUT", "there is no ResourceList");
  const { documents, parsed } = readYamlManifest(bytes);
  const { text, documents: syntax } = parsed.source as YamlText;
  const object = documents[0]?.object as Readonly<Record<string, unknown>> | undefined;
  const root = syntax[0]?.root;
  if (object?.["kind"] !== "ResourceList" || root === undefined) {
    throw new KsealError("FORMAT_INVALID", "the input is no ResourceList", {
      hint: "a generator's document goes into a file: kseal render FILE",
    });
  }
  if (!listVersions.includes(String(object["apiVersion"]))) {
    throw new KsealError("FORMAT_INVALID", "the version of the ResourceList is unknown", {
      hint: `known are ${listVersions.join(", ")}`,
    });
  }
  const objects = Array.isArray(object["items"]) ? (object["items"] as readonly unknown[]) : [];
  const items = fieldOf(root, "items");
  const elements = items?.kind === "seq" ? items.items.filter((item) => item.kind === "element") : [];
  const config = fieldOf(root, "functionConfig");
  const results = fieldOf(root, "results");
  return {
    items: elements.map(({ value }, at) => ({ object: objects[at], node: { text, syntax: value } })),
    functionConfig: config && { object: object["functionConfig"], node: { text, syntax: config } },
    results: results && { text, syntax: results },
  };
}

/** An object that becomes an item of a ResourceList. */
export interface NewItem {
  readonly element: ListElement;
  /** By what kyaml sorts the items that a function returns. */
  readonly sortKey: string;
}

/** Writes a ResourceList as kyaml does. Without items there is no such field. */
export function printResourceList(
  items: readonly ListElement[],
  { functionConfig, results }: Pick<ResourceList, "functionConfig" | "results">,
): string {
  return printNodes([
    ["apiVersion", "config.kubernetes.io/v1"],
    ["kind", "ResourceList"],
    ...(items.length === 0 ? [] : [["items", items] as const]),
    ...(functionConfig === undefined ? [] : [["functionConfig", functionConfig.node] as const]),
    ...(results === undefined ? [] : [["results", results] as const]),
  ]);
}

/**
 * The documents of a YAML text as items.
 *
 * @throws KsealError `FORMAT_INVALID` with its line for one that is no mapping; kyaml has no place for it.
 */
export function readItems(text: string): readonly NewItem[] {
  const source = readSimpleYaml(text) ?? readYaml(text);
  return source.documents.map(({ root, content, start }, at) => {
    if (content === "map") {
      return { element: { text, syntax: root }, sortKey: sortKeyOf((path) => textAt(text, root, path)) };
    }
    throw new KsealError("FORMAT_INVALID", `document ${at + 1} of the decrypted text is empty`, {
      hint: 'take out the "---" that nothing follows',
      where: placeOf(text, start),
    });
  });
}

/**
 * Documents as items, without the detour over their text.
 *
 * @returns `undefined` when there is something in one of them that only {@link readItems} of the text knows.
 */
export function simpleItems(branches: readonly MapNode[]): readonly NewItem[] | undefined {
  const items: NewItem[] = [];
  for (const branch of branches) {
    const lines = printSimpleElement(branch);
    if (lines === undefined) return undefined;
    items.push({ element: { lines }, sortKey: sortKeyOf((path) => textIn(branch, path)) });
  }
  return items;
}

function sortKeyOf(textOf: (path: readonly string[]) => string): string {
  return [["apiVersion"], ["kind"], ["metadata", "namespace"], ["metadata", "name"]].map(textOf).join(" ");
}

function textAt(text: string, root: Syntax, path: readonly string[]): string {
  return textOf(
    text,
    path.reduce<Syntax | undefined>((syntax, name) => fieldOf(syntax, name), root),
  );
}

function textIn(branch: MapNode, path: readonly string[]): string {
  const node = path.reduce<TreeNode | undefined>(childOf, branch);
  return node === undefined || node.kind === "map" || node.kind === "seq"
    ? ""
    : chooseStyle(node, "sops").text;
}

function childOf(node: TreeNode | undefined, name: string): TreeNode | undefined {
  if (node?.kind !== "map") return undefined;
  const entry = node.items.find((item) => item.kind === "entry" && item.key === name);
  return entry?.kind === "entry" ? entry.value : undefined;
}

function fieldOf(syntax: Syntax | undefined, name: string): Syntax | undefined {
  if (syntax?.kind === "alias") return fieldOf(syntax.target, name);
  if (syntax?.kind !== "map") return undefined;
  return entriesOf(syntax).find(({ key }) => keyName(key) === name)?.value;
}

function entriesOf({ items }: MapSyntax): readonly Extract<MapSyntax["items"][number], { kind: "entry" }>[] {
  return items.filter((item) => item.kind === "entry");
}

function textOf(text: string, syntax: Syntax | undefined): string {
  if (syntax?.kind === "alias") return textOf(text, syntax.target);
  if (syntax?.kind !== "scalar") return "";
  return syntax.node.kind === "str" ? syntax.node.value : text.slice(syntax.start, syntax.end);
}
