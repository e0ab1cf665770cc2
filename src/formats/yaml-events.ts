import { type DocumentEvent, EVENT_ID, type Event, parseEvents, YAMLException } from "js-yaml";
import { KsealError } from "../errors.ts";
import { invalid, placeOf } from "./source-text.ts";
import { joinFlowLines } from "./yaml-flow-lines.ts";
import type { Properties } from "./yaml-syntax.ts";

/** Handles of tags and what they stand for, as the directives of a document say. */
export type Directives = DocumentEvent["directives"];

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that YAML does not allow.
const forbidden = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]/;

/**
 * Parses a YAML text into js-yaml's events.
 *
 * @throws KsealError `FORMAT_INVALID` with line and column, `LIMIT_EXCEEDED` for depth. The messages quote nothing.
 */
export function readEvents(text: string): Event[] {
  const character = forbidden.exec(text);
  if (character) throw forbiddenCharacter(text, character.index);
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    return parseJoined(text) ?? fail(text, error);
  }
}

function parse(text: string): Event[] {
  try {
    return parseEvents(text, { maxDepth });
  } catch (error) {
    if (error instanceof RangeError) throw new KsealError("LIMIT_EXCEEDED", tooDeep);
    throw error;
  }
}

/** Parses the text with its brackets on one line each, for which js-yaml's rules of indentation do not matter. */
function parseJoined(text: string): Event[] | undefined {
  const joined = joinFlowLines(text);
  if (joined === text) return undefined;
  try {
    // A scalar with line breaks in the original is decoded from there.
    return parse(joined).map((event) =>
      event.type === EVENT_ID.SCALAR &&
      event.fast &&
      /[\r\n]/.test(text.slice(event.valueStart, event.valueEnd))
        ? { ...event, fast: false }
        : event,
    );
  } catch (error) {
    if (error instanceof YAMLException) return undefined;
    throw error;
  }
}

function fail(text: string, error: YAMLException): never {
  throw readable(text, error);
}

// Every level costs several frames of the stack, here and in js-yaml, more than in a format without indentation.
const maxDepth = 500;
const tooDeep = `mappings and lists nest deeper than ${maxDepth} levels`;

function forbiddenCharacter(text: string, offset: number): KsealError {
  const code = text.charCodeAt(offset);
  const name = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  // Go's YAML, and so SOPS, ends a line at these; YAML 1.2 does not.
  const isBreak = code === 0x85 || code === 0x2028 || code === 0x2029;
  return invalid(
    text,
    offset,
    isBreak
      ? `the character ${name} is a line break for SOPS`
      : `the character ${name} is not allowed in YAML`,
    isBreak ? 'in double quotes it is written "\\N" (U+0085), "\\L" (U+2028) or "\\P" (U+2029)' : undefined,
  );
}

function readable(text: string, { reason, mark }: YAMLException): KsealError {
  const offset = mark?.position ?? 0;
  if (reason.startsWith("nesting exceeded")) {
    return new KsealError("LIMIT_EXCEEDED", tooDeep, { where: placeOf(text, offset) });
  }
  // Some reasons end with a piece of the text.
  return invalid(
    text,
    Math.min(offset, text.length),
    `not valid YAML: ${reason.replace(/[:"].*$/s, "").trimEnd()}`,
  );
}

/** Anchor and tag of an event. */
export function propertiesOf(event: {
  readonly anchorStart: number;
  readonly anchorEnd: number;
  readonly tagStart: number;
  readonly tagEnd: number;
}): Properties | undefined {
  if (event.anchorStart < 0 && event.tagStart < 0) return undefined;
  const anchor = event.anchorStart < 0 ? undefined : { start: event.anchorStart - 1, end: event.anchorEnd };
  const tag = event.tagStart < 0 ? undefined : { start: event.tagStart, end: event.tagEnd };
  return {
    anchor,
    tag,
    start: Math.min(anchor?.start ?? tag?.start ?? 0, tag?.start ?? Number.POSITIVE_INFINITY),
    end: Math.max(anchor?.end ?? 0, tag?.end ?? 0),
  };
}

/** The full name of a tag, its handle resolved; `undefined` for none and for the empty `!`. */
export function tagOf(
  text: string,
  properties: Properties | undefined,
  directives: Directives,
): string | undefined {
  if (!properties?.tag) return undefined;
  const tag = text.slice(properties.tag.start, properties.tag.end);
  if (tag === "!") return undefined;
  if (tag.startsWith("!<")) return tag.slice(2, -1);
  const handle = /^!(?:[\w-]*!)?/.exec(tag)?.[0] ?? "!";
  const declared = directives.find((directive) => directive.kind === "tag" && directive.handle === handle);
  const prefix = declared?.kind === "tag" ? declared.prefix : handle === "!!" ? "tag:yaml.org,2002:" : handle;
  return prefix + tag.slice(handle.length);
}

/** What other readers of the file may stumble over, by the directives of its documents. */
export function remarksOn(events: readonly Event[]): readonly string[] {
  const versions = events.flatMap((event) =>
    event.type === EVENT_ID.DOCUMENT
      ? event.directives.flatMap((directive) => (directive.kind === "yaml" ? [directive.version] : []))
      : [],
  );
  const foreign = versions.find((version) => version !== "1.1");
  return foreign === undefined ? [] : [`sops does not read files with the directive %YAML ${foreign}`];
}
