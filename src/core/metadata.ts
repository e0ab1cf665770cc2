import type { WrappedKey } from "./master-key.ts";
import type { Selection } from "./selection.ts";
import type { TreeNode } from "./tree.ts";

/** What the `sops` block of a file says, whatever the file's format. Nothing in it is authenticated (sops.md 12). */
export interface Metadata {
  readonly groups: readonly (readonly WrappedKey[])[];
  /** How many groups must open; 0 means all of them. Meaningless with one group, but kept. */
  readonly shamirThreshold: number;
  /** `undefined` when the block names none of the six rules; readers then take {@link defaultSelection}. */
  readonly selection: Selection | undefined;
  readonly macOnlyEncrypted: boolean;
  /** The encrypted MAC, or an empty string when the file has none. */
  readonly mac: string;
  /** RFC 3339 as it stands in the file. */
  readonly lastModified: string;
  /** The version of SOPS whose format the writer followed. */
  readonly version: string;
  /** Fields that kseal does not know, kept as they were through every rewrite (sops.md D16). */
  readonly unknownFields?: Readonly<Record<string, TreeNode>>;
}

/** The threshold as a file says it whose data key was split among its groups: SOPS spells "all of them" out. */
export function spelledThreshold(groups: readonly unknown[], threshold: number): number {
  return groups.length > 1 && threshold === 0 ? groups.length : threshold;
}

/** The version of SOPS whose format kseal writes; readers of other versions compare it with their own. */
export const formatVersion = "3.13.3";
