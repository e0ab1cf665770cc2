import type { Comment, Entry, MapNode, SeqNode, TreeNode } from "./tree.ts";

/** An item of a map or a list with the comments behind it on its line, which stand before it in the tree. */
export interface Unit {
  readonly inline: readonly Comment[];
  readonly item: Entry | Comment | TreeNode;
}

/** Takes the items of a container apart, so that a comment behind a value goes where the value goes. */
export function unitsOf(items: readonly (Entry | Comment | TreeNode)[]): readonly Unit[] {
  const units: Unit[] = [];
  let inline: Comment[] = [];
  for (const item of items) {
    if (item.kind === "comment" && item.inline) {
      inline.push(item);
      continue;
    }
    units.push({ inline, item });
    inline = [];
  }
  return [...units, ...inline.map((item): Unit => ({ inline: [], item }))];
}

/** The reverse of {@link unitsOf}. */
export function withoutUnits(units: readonly Unit[]): MapNode["items"] | SeqNode["items"] {
  return units.flatMap(({ inline, item }) => [...inline, item]) as MapNode["items"] | SeqNode["items"];
}
