import { nearest } from "../config/did-you-mean.ts";
import type { TreePath } from "../core/tree-path.ts";
import type { List, Operand, Pipeline, Statement } from "../gotemplate/node.ts";
import { parseTemplate, type Templates } from "../gotemplate/parser.ts";
import { sprigFunctions } from "../gotemplate/sprig.ts";
import { GoError } from "../gotemplate/value.ts";
import type { JsonObject } from "../sealed/object-fields.ts";
import { actionMark, secretIn } from "./verify-clear-text.ts";
import { checkType, entriesAt, textAt, textsAt } from "./verify-fields.ts";
import { type Defect, defect } from "./verify-finding.ts";
import { checkItemName } from "./verify-values.ts";

const template: TreePath = ["spec", "template"];
const texts: TreePath = [...template, "data"];

/** What is wrong with the template: it stands in clear in Git, and nobody's signature is on it. */
export function checkTemplate(object: JsonObject): readonly Defect[] {
  const sealed = new Set(entriesAt(object, ["spec", "encryptedData"]).map(([name]) => name));
  return [
    ...checkType(object, template, "a mapping"),
    ...checkType(object, [...template, "type"], "text"),
    ...checkType(object, [...template, "immutable"], "true or false"),
    ...checkType(object, texts, "texts by name"),
    ...[...textsAt(object, texts)].flatMap(([item, text]) => checkText(item, text, sealed)),
    ...checkSecretType(object),
  ];
}

function checkText(item: string, text: string, sealed: ReadonlySet<string>): readonly Defect[] {
  const path = [...texts, item];
  const names = checkItemName(path, item);
  const parsed = parse(item, text);
  if (typeof parsed === "string") {
    return [
      ...names,
      defect("template-syntax", path, parsed, "the controller refuses the whole object for it"),
    ];
  }
  const lists = [...parsed.values()];
  const literal = lists.map(literalText).join("\n");
  const uses = usedItems(parsed.get(item));
  return [
    ...names,
    ...checkLiteral(path, { item, literal, hasAction: lists.some(hasAction) }),
    ...checkOverride(path, { isSealed: sealed.has(item), usesItself: uses.all.has(item) || uses.isOpen }),
    ...[...uses.needed].filter((name) => !sealed.has(name)).map((name) => unknownItem(path, name, sealed)),
  ];
}

function parse(item: string, text: string): Templates | string {
  try {
    return parseTemplate(item, text, sprigFunctions);
  } catch (error) {
    if (!(error instanceof GoError)) throw error;
    // The rest of Go's message may quote the text.
    return `the template does not parse${lineOf(error.message)}`;
  }
}

function lineOf(message: string): string {
  const [, line] = /^template: .*?:(\d+):/.exec(message) ?? [];
  const [, name] = /function "(\w+)" not defined/.exec(message) ?? [];
  const where = line === undefined ? "" : `: its line ${line}`;
  return name === undefined ? where : `${where} calls ${name}, which there is not`;
}

function checkLiteral(
  path: TreePath,
  { item, literal, hasAction }: { item: string; literal: string; hasAction: boolean },
): readonly Defect[] {
  const secret = secretIn(literal, hasAction ? "" : item);
  if (secret !== undefined) {
    const hint = "seal it, and put {{ .name }} in its place; it is in Git already, so change it as well";
    return [defect("template-secret", path, `it looks as if ${secret} stood in it in clear`, hint)];
  }
  if (hasAction || literal.trim() === "") return [];
  const message = "nothing in it comes from a sealed value: all of it stands in clear";
  return [
    defect("template-clear", path, message, "seal it if it is secret; a ConfigMap can hold it if it is not"),
  ];
}

function checkOverride(
  path: TreePath,
  { isSealed, usesItself }: { isSealed: boolean; usesItself: boolean },
): readonly Defect[] {
  if (!isSealed || usesItself) return [];
  const message = "it takes the place of the sealed value with this name, without using it";
  return [defect("template-override", path, message, "remove one of the two")];
}

function unknownItem(path: TreePath, name: string, sealed: ReadonlySet<string>): Defect {
  const meant = nearest(name, [...sealed]);
  const hint = meant === undefined ? "seal it: kseal seal --into FILE" : `did you mean .${meant}?`;
  return defect("template-item", path, `it uses .${name.slice(0, 100)}, and no such value is sealed`, hint);
}

function literalText(list: List): string {
  return list.nodes.map(literalOf).join("");
}

function literalOf(node: Statement): string {
  switch (node.kind) {
    case "text":
      return node.text;
    case "if":
    case "range":
    case "with":
      return [literalText(node.body), node.otherwise && literalText(node.otherwise), ""].join(actionMark);
    case "action":
    case "break":
    case "continue":
    case "template":
      return actionMark;
  }
}

function hasAction(list: List): boolean {
  return list.nodes.some((node) => node.kind !== "text");
}

interface UsedItems {
  /** Items that are printed or handed on, whatever else is there. */
  readonly needed: ReadonlySet<string>;
  readonly all: ReadonlySet<string>;
  /** Uses all values at once, or names that are computed. */
  readonly isOpen: boolean;
}

/** Which sealed values a template names, as far as that can be read off it. */
function usedItems(list: List | undefined): UsedItems {
  const needed = new Set<string>();
  const asked = new Set<string>();
  const state = { isOpen: false };
  const operand = (node: Operand, into: Set<string>, isRoot: boolean): void => {
    if (node.kind === "field" && isRoot && node.names[0] !== undefined) into.add(node.names[0]);
    else if (node.kind === "variable" && node.names[0] === "$") {
      if (node.names[1] === undefined) state.isOpen = true;
      else into.add(node.names[1]);
    } else if (node.kind === "dot" && isRoot) state.isOpen = true;
    else if (node.kind === "chain") operand(node.operand, into, isRoot);
    else if (node.kind === "pipeline") pipeline(node, into, isRoot);
  };
  const pipeline = ({ commands }: Pipeline, into: Set<string>, isRoot: boolean): void => {
    // A default says that the value may be missing.
    const mayMiss = commands.some(({ operands: [first] }) => isDefault(first));
    for (const { operands } of commands) {
      for (const one of operands) operand(one, mayMiss ? asked : into, isRoot);
    }
  };
  const statements = ({ nodes }: List, isRoot: boolean): void => {
    for (const node of nodes) {
      if (node.kind === "action") pipeline(node.pipeline, needed, isRoot);
      if (node.kind === "template" && node.pipeline !== undefined) pipeline(node.pipeline, needed, isRoot);
      if (node.kind !== "if" && node.kind !== "range" && node.kind !== "with") continue;
      pipeline(node.pipeline, node.kind === "range" ? needed : asked, isRoot);
      // In `range` and `with` the dot is another.
      statements(node.body, isRoot && node.kind === "if");
      if (node.otherwise !== undefined) statements(node.otherwise, isRoot);
    }
  };
  if (list !== undefined) statements(list, true);
  return {
    // What is asked for may be missing, and the template knows it.
    needed: new Set([...needed].filter((name) => !asked.has(name))),
    all: new Set([...needed, ...asked]),
    isOpen: state.isOpen,
  };
}

function isDefault(operand: Operand): boolean {
  return (
    operand.kind === "identifier" &&
    ["default", "coalesce", "hasKey", "empty", "ternary"].includes(operand.name)
  );
}

/** The items that the API server wants in a Secret of a type: all of the first list, or any of the second. */
const typeItems: ReadonlyMap<string, { readonly all?: readonly string[]; readonly any?: readonly string[] }> =
  new Map([
    ["kubernetes.io/tls", { all: ["tls.crt", "tls.key"] }],
    ["kubernetes.io/dockerconfigjson", { all: [".dockerconfigjson"] }],
    ["kubernetes.io/dockercfg", { all: [".dockercfg"] }],
    ["kubernetes.io/basic-auth", { any: ["username", "password"] }],
    ["kubernetes.io/ssh-auth", { all: ["ssh-privatekey"] }],
  ]);
const otherTypes = ["Opaque", "kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"];

function checkSecretType(object: JsonObject): readonly Defect[] {
  const path = [...template, "type"];
  const type = textAt(object, path);
  const wanted = typeItems.get(type);
  if (wanted === undefined) return checkTypeName(path, type);
  // What one sealed value holds is not known.
  if (textAt(object, ["spec", "data"]) !== "") return [];
  const items = [...entriesAt(object, ["spec", "encryptedData"]), ...entriesAt(object, texts)];
  const has = new Set(items.map(([name]) => name));
  const missing = (wanted.all ?? []).filter((name) => !has.has(name));
  const lacksAny = wanted.any?.some((name) => has.has(name)) === false;
  if (missing.length === 0 && !lacksAny) return [];
  const lacking = lacksAny ? (wanted.any ?? []).join(" or ") : missing.join(" and ");
  return [
    defect(
      "secret-type",
      path,
      `Kubernetes refuses a Secret of this type without ${lacking}`,
      "seal it, or correct the type",
    ),
  ];
}

function checkTypeName(path: TreePath, type: string): readonly Defect[] {
  const known = [...typeItems.keys(), ...otherTypes];
  if (type === "" || known.includes(type)) return [];
  const meant = nearest(type, known);
  if (meant === undefined) return [];
  return [defect("secret-type", path, "Kubernetes gives this type no meaning", `did you mean ${meant}?`)];
}
