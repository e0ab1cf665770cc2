import type { Comment, MapNode, SeqNode } from "../core/tree.ts";

/** The items of a mapping or list with their comments as go-yaml hangs them on nodes. */
export interface Grouped {
  readonly entries: readonly {
    readonly item: MapNode["items"][number] | SeqNode["items"][number];
    readonly head: string;
    readonly line: string;
  }[];
  /** Comments behind the last item. */
  readonly foot: string;
}

/** Hangs every comment on the item that it stands before. Those before the first belong to the whole. */
export function groupComments(items: MapNode["items"] | SeqNode["items"]): Grouped {
  const entries: { item: MapNode["items"][number] | SeqNode["items"][number]; head: string; line: string }[] =
    [];
  let head: Comment[] = [];
  let line: Comment[] = [];
  for (const item of items) {
    if (item.kind === "comment") {
      (item.inline ? line : head).push(item);
      continue;
    }
    entries.push({ item, head: entries.length === 0 ? "" : textOf(head), line: textOf(line) });
    head = [];
    line = [];
  }
  return { entries, foot: entries.length === 0 ? "" : textOf([...head, ...line]) };
}

/** The comments at the start of a mapping or list; when nothing else is in it, all of them. */
export function headOf({ items }: MapNode | SeqNode): string {
  const first = (items as readonly (MapNode["items"][number] | SeqNode["items"][number])[]).findIndex(
    ({ kind }) => kind !== "comment",
  );
  const before = (first < 0 ? items : items.slice(0, first)) as readonly Comment[];
  const heads = before.filter(({ inline }) => !inline);
  return textOf(first < 0 ? [...heads, ...before.filter(({ inline }) => inline)] : heads);
}

/** The comments of a mapping or list in a list, and those inside of it, come above the dash. */
export function joinHeads(own: string, outer: string): string {
  return own === "" || outer === "" ? own + outer : `${outer}\n${own}`;
}

function textOf(comments: readonly Comment[]): string {
  return comments.map(({ text }) => `#${text}`).join("\n");
}
