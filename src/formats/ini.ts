import type { Metadata } from "../core/metadata.ts";
import type { Comment, Entry, MapNode } from "../core/tree.ts";
import { flatten, unflatten } from "./flatten.ts";
import {
  type ContentSection,
  commentItem,
  contentOf,
  type IniContent,
  nodeOfSection,
} from "./ini-content.ts";
import { printSections } from "./ini-print.ts";
import { type IniSection, type IniText, readIni } from "./ini-read.ts";
import { spliceIni } from "./ini-splice.ts";
import { printJson } from "./json-print.ts";
import { parseMetadata, renderMetadata } from "./metadata-wire.ts";
import { cannotHold, spellScalar } from "./scalar-spelling.ts";
import { decodeSource, invalid, linesOf } from "./source-text.ts";
import type { FileContent, FormatWarning, ParsedFile, Store } from "./store.ts";
import { unreadable } from "./weak-fields.ts";

const metadataSection = "sops";

/** INI: sections of texts, the metadata flat in the section `sops`. */
export const iniStore: Store = {
  format: "ini",
  parse: (bytes) => parseIni(decodeSource(bytes)),
  render: (next, { base } = {}) =>
    new TextEncoder().encode(renderIni(next, base?.format === "ini" ? base : undefined)),
  renderNode(node) {
    if (node.kind === "map") return iniStore.render({ document: { branches: [node] }, metadata: undefined });
    const compact = { newline: "", unit: "", colon: ":" };
    return new TextEncoder().encode(node.kind === "str" ? node.value : printJson(node, compact));
  },
};

interface IniSource {
  readonly text: string;
  readonly ini: IniText;
}

function parseIni(text: string): ParsedFile {
  const ini = readIni(text);
  const blocks = ini.sections.filter(({ name }) => name === metadataSection);
  const [block, second] = blocks;
  if (second !== undefined) throw unreadable("sops", "stands twice");
  const metadata = block && parseMetadata(unflattenSection(block));
  const [loss] = ini.losses;
  // What SOPS has encrypted has lost it already and must stay readable.
  if (loss && metadata === undefined) throw invalid(text, loss.offset, loss.problem, loss.hint);
  return {
    format: "ini",
    document: { branches: [treeOf(ini)] },
    metadata: metadata?.metadata,
    warnings: [...warningsOf(text, ini), ...(metadata?.warnings ?? [])],
    source: { text, ini } satisfies IniSource,
  };
}

function treeOf({ sections, tail }: IniText): MapNode {
  const items = sections.flatMap((section): readonly (Entry | Comment)[] =>
    section.name === metadataSection
      ? commentItem(section.comment?.above && section.comment.text)
      : [{ kind: "entry", key: section.name, value: nodeOfSection(asContent(section)) }],
  );
  return { kind: "map", items: [...items, ...commentItem(tail.comment?.text)] };
}

function asContent({ name, comment, keys }: IniSection): ContentSection {
  return {
    name,
    comment: comment?.text,
    keys: keys.map((key) => ({ name: key.name, value: key.value, comment: key.comment?.text })),
  };
}

function unflattenSection({ keys }: IniSection): MapNode {
  // All versions but 3.13.0 and 3.13.1 write line breaks as the two characters.
  const fields = keys.map(({ name, value }) => ({
    key: name,
    value: { kind: "str", value: value.replaceAll("\\n", "\n") } as const,
  }));
  return unflatten(fields);
}

function warningsOf(text: string, { duplicates, inlineComments, losses }: IniText): FormatWarning[] {
  const lossLines = linesOf(
    text,
    losses.map(({ offset }) => offset),
  );
  return [
    ...duplicates.map(({ key, line }): FormatWarning => {
      return {
        kind: "duplicate-key",
        message: `the key ${JSON.stringify(key)} stands twice in its section`,
        line,
      };
    }),
    ...inlineComments.map((line): FormatWarning => {
      return {
        kind: "other",
        message: "what stands behind # or ; is a comment, not part of the value",
        line,
      };
    }),
    ...losses.map(({ problem }, index): FormatWarning => {
      return { kind: "other", message: problem, line: lossLines[index] ?? 1 };
    }),
  ];
}

function renderIni(next: FileContent, base: ParsedFile | undefined): string {
  const content = contentOf(next.document);
  for (const { name } of content.sections) {
    if (name === metadataSection) {
      throw cannotHold("a section sops: it is taken by the metadata", { format: "ini", path: [name] });
    }
  }
  const metadata = next.metadata && sectionOfMetadata(next.metadata);
  // Written by parseIni; nobody else fills it for this format.
  const source = base?.source as IniSource | undefined;
  const text = source
    ? spliceIni(source.text, source.ini, content, metadata)
    : printSections(metadata ? [...content.sections, metadata] : content.sections);
  verify(text, content);
  return text;
}

/** The metadata with real line breaks between `"""`, the one spelling that every SOPS opens (sops.md 3.3). */
function sectionOfMetadata(metadata: Metadata): ContentSection {
  const keys = flatten(renderMetadata(metadata)).map(({ key, value }) => ({
    name: key,
    value: spellScalar(value, { format: "ini", path: [metadataSection, key] }),
    comment: undefined,
  }));
  return { name: metadataSection, comment: undefined, keys };
}

/** Reads the text back before anybody writes it: every section, key and value must be there as it was meant. */
function verify(text: string, meant: IniContent): void {
  const sections = readIni(text).sections.filter(({ name }) => name !== metadataSection);
  const written = withoutEmptyDefault(sections);
  const wanted = withoutEmptyDefault(meant.sections);
  for (let index = 0; index < Math.max(written.length, wanted.length); index++) {
    const [a, b] = [written[index], wanted[index]];
    if (a === undefined || b === undefined || textsOf(a) !== textsOf(b)) {
      throw cannotHold("this section or a key in it", {
        format: "ini",
        path: [b?.name ?? a?.name ?? "DEFAULT"],
      });
    }
  }
}

/** A file that begins with a header has a default section all the same. */
function withoutEmptyDefault<Section extends { name: string; keys: readonly unknown[] }>(
  sections: readonly Section[],
): readonly Section[] {
  const [first] = sections;
  return first?.name === "DEFAULT" && first.keys.length === 0 ? sections.slice(1) : sections;
}

function textsOf({ name, keys }: { name: string; keys: readonly { name: string; value: string }[] }): string {
  return JSON.stringify([name, keys.map((key) => [key.name, key.value])]);
}
