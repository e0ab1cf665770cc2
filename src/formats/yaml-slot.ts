import type { TreeNode } from "../core/tree.ts";
import type { YamlEdits } from "./yaml-edits.ts";
import type { FileLayout } from "./yaml-layout.ts";
import type { ElementSyntax, EntrySyntax, Syntax } from "./yaml-syntax.ts";

/** Where a value stands: in an entry or an element, in brackets or not. */
export interface Slot {
  readonly holder: EntrySyntax | ElementSyntax;
  readonly flow: boolean;
  /** The column of the key or dash. Only blocks have one. */
  readonly indent: number;
}

/** What the items of blocks and brackets need of the whole that they are part of. */
export interface Splicing {
  readonly text: string;
  readonly layout: FileLayout;
  readonly edits: YamlEdits;
  /** Makes a value into another one. */
  value(syntax: Syntax, next: TreeNode, slot: Slot): void;
  /** The slot of an item. */
  slotOf(holder: EntrySyntax | ElementSyntax, options: { flow: boolean }): Slot;
}

/** Thrown when the text around a change has no room for it; the value around that is written anew then. */
export class NoPlace extends Error {}
