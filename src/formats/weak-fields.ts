import type { Entry, MapNode, Scalar, TreeNode } from "../core/tree.ts";
import { KsealError } from "../errors.ts";

/**
 * The fields of one mapping of the metadata block, read as leniently as SOPS does: names match without regard to
 * case (the exact spelling first), scalars become what is asked for, a single value counts as a list of one
 * (sops.md 3.2).
 */
export interface WeakFields {
  /** Where the mapping stands, for messages: `sops.kms[0]`. */
  readonly place: string;
  /** A text; empty when the field is missing. */
  text(name: string): string;
  /** A text that SOPS knows to be a date; an unquoted YAML date counts too (sops.md D17). */
  date(name: string): string;
  /** Whether the field is there. */
  has(name: string): boolean;
  integer(name: string): number;
  flag(name: string): boolean;
  /** The items of a list of mappings; empty when the field is missing. */
  list(name: string): readonly WeakFields[];
  /** A mapping of texts; `undefined` when the field is missing. */
  texts(name: string): Readonly<Record<string, string>> | undefined;
  /** What nobody has asked for so far. */
  rest(): readonly Entry[];
}

/** @throws KsealError `METADATA_INVALID` unless the node is a mapping. */
export function openFields(node: TreeNode, place: string): WeakFields {
  if (node.kind !== "map") throw unreadable(place, "is not a mapping");
  const fields = new Map<string, Entry>();
  const names = new Map<string, string>();
  for (const item of node.items) {
    if (item.kind !== "entry") continue;
    // Of two fields with one name the last counts, as in SOPS.
    fields.set(item.key, item);
    const name = item.key.toLowerCase();
    if (!names.has(name)) names.set(name, item.key);
  }
  const taken = new Set<string>();

  function take(name: string): TreeNode | undefined {
    const key = fields.has(name) ? name : names.get(name);
    if (key === undefined) return undefined;
    taken.add(key);
    return fields.get(key)?.value;
  }

  return {
    place,
    text: (name) => asText(take(name), `${place}.${name}`),
    date(name) {
      const value = take(name);
      const text = value?.kind === "time" ? value.value : asText(value, `${place}.${name}`);
      if (!isDate(text)) throw unreadable(`${place}.${name}`, "is not a date as RFC 3339 writes it");
      return text;
    },
    has: (name) => take(name) !== undefined,
    integer: (name) => asInteger(take(name), `${place}.${name}`),
    flag: (name) => asFlag(take(name), `${place}.${name}`),
    list: (name) => asList(take(name)).map((item, index) => openFields(item, `${place}.${name}[${index}]`)),
    texts: (name) => asTexts(take(name), `${place}.${name}`),
    rest: () => [...fields.values()].filter((entry) => !taken.has(entry.key)),
  };
}

/** A value as a list, as SOPS takes it: missing and empty ones are no items, anything else is one. */
export function asList(node: TreeNode | undefined): readonly TreeNode[] {
  if (node === undefined || node.kind === "null") return [];
  if (node.kind === "seq") return node.items.filter((item) => item.kind !== "comment");
  if (node.kind === "map" && node.items.length === 0) return [];
  return [node];
}

/** The metadata block cannot be used: what is wrong, and where. */
export function unreadable(place: string, problem: string): KsealError {
  return new KsealError("METADATA_INVALID", `cannot read the metadata: ${place} ${problem}`);
}

function asText(node: TreeNode | undefined, place: string): string {
  switch (node?.kind) {
    case undefined:
    case "null":
      return "";
    case "str":
      return node.value;
    case "int":
      return node.value.toString();
    case "float":
      return String(node.value);
    case "bool":
      return node.value ? "1" : "0";
    default:
      throw unreadable(place, "is not a text");
  }
}

function asInteger(node: TreeNode | undefined, place: string): number {
  const number = node?.kind === "float" ? Math.trunc(node.value) : Number(asText(node, place).trim() || "0");
  if (!Number.isSafeInteger(number)) throw unreadable(place, "is not a number");
  return number;
}

function asFlag(node: TreeNode | undefined, place: string): boolean {
  if (node?.kind === "int" || node?.kind === "float") return Number(node.value) !== 0;
  const text = asText(node, place);
  if (/^(1|t|true|T|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|false|F|FALSE|False|)$/.test(text)) return false;
  throw unreadable(place, "is neither true nor false");
}

function asTexts(node: TreeNode | undefined, place: string): Readonly<Record<string, string>> | undefined {
  if (node === undefined || node.kind === "null") return undefined;
  if (node.kind !== "map") throw unreadable(place, "is not a mapping");
  const entries = (node as MapNode).items.filter((item) => item.kind === "entry");
  return Object.fromEntries(entries.map(({ key, value }) => [key, asText(value, `${place}.${key}`)]));
}

const datePattern = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)([.,]\d+)?(Z|[+-]\d\d:\d\d)$/;

/** Whether a text is a date that Go's RFC 3339 parser takes. */
function isDate(text: string): boolean {
  const match = datePattern.exec(text);
  if (match === null) return false;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const february = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  const days = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
  const [offsetHour = 0, offsetMinute = 0] = (match[8] ?? "").slice(1).split(":").map(Number);
  const isTime = hour < 24 && minute < 60 && second < 60 && offsetHour <= 24 && offsetMinute < 60;
  return day >= 1 && day <= days && isTime;
}

/** A date as SOPS writes it back: whole seconds, and `Z` for a zero offset. */
export function canonicalDate(text: string): string {
  return text.replace(/[.,]\d+/, "").replace(/[+-]00:00$/, "Z");
}

/** The scalar of a text, for building trees by hand. */
export function textNode(value: string): Scalar {
  return { kind: "str", value };
}
