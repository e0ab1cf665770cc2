import type { Comment, Document, Entry, MapNode } from "../core/tree.ts";
import { cannotHold, spellScalar } from "./scalar-spelling.ts";

/** What an INI file says, whatever its layout. */
export interface IniContent {
  readonly sections: readonly ContentSection[];
  /** Comments at the top level: they stand before the metadata or at the end, and SOPS drops them. */
  readonly loose: readonly string[];
}

export interface ContentSection {
  readonly name: string;
  readonly comment: string | undefined;
  readonly keys: readonly ContentKey[];
}

export interface ContentKey {
  readonly name: string;
  readonly value: string;
  readonly comment: string | undefined;
}

/**
 * The content of a tree. A comment belongs to the key before it, the first of a section to the section, and of
 * several the last counts: so does SOPS read and write them.
 *
 * @throws KsealError `FORMAT_CANNOT_HOLD` for what is no section of texts.
 */
export function contentOf({ branches }: Document): IniContent {
  const items = branches.flatMap((branch): readonly (Entry | Comment)[] => branch.items);
  const sections = items.filter((item) => item.kind === "entry").map(sectionOf);
  const loose = items.filter((item) => item.kind === "comment").map(({ text }) => text);
  return { sections, loose };
}

/** The items of a section, the inverse of {@link contentOf}. */
export function nodeOfSection({ comment, keys }: ContentSection): MapNode {
  return {
    kind: "map",
    items: [
      ...commentItem(comment),
      ...keys.flatMap((key) => [
        { kind: "entry", key: key.name, value: { kind: "str", value: key.value } } as const,
        ...commentItem(key.comment),
      ]),
    ],
  };
}

/** A comment as the only item of a list, or none. */
export function commentItem(text: string | undefined): readonly Comment[] {
  return text === undefined ? [] : [{ kind: "comment", text, inline: false }];
}

function sectionOf({ key: name, value }: Entry): ContentSection {
  if (value.kind !== "map") {
    throw cannotHold("a value outside of a section", { format: "ini", path: [name] });
  }
  const [first] = value.items;
  const keys: ContentKey[] = [];
  for (const item of value.items) {
    const last = keys.at(-1);
    if (item.kind === "entry") {
      const text = spellScalar(item.value, { format: "ini", path: [name, item.key] });
      keys.push({ name: item.key, value: text, comment: undefined });
    } else if (last !== undefined) {
      keys[keys.length - 1] = { ...last, comment: item.text };
    }
  }
  return { name, comment: first?.kind === "comment" ? first.text : undefined, keys };
}
