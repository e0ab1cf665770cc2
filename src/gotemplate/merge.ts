import { isEmpty } from "./emptiness.ts";
import type { GoValue, World } from "./value.ts";

type Entries = Map<string, GoValue>;

/**
 * Takes over what the first map lacks or has empty (mergo's `Merge`); with `overwrites` everything that the second
 * map has. Maps in maps are merged, lists are not. Changes the first map.
 */
export function mergeInto(target: Entries, source: Entries, overwrites: boolean, world: World): void {
  if (target === source) return;
  world.spend(source.size);
  for (const [key, value] of source) {
    const present = target.get(key);
    if (value.kind === "nil") {
      if (overwrites) target.set(key, value);
      continue;
    }
    if (value.kind === "map" && present?.kind === "map" && value.element === present.element) {
      mergeInto(present.entries, value.entries, overwrites, world);
      if (isEmpty(present)) target.set(key, value);
      continue;
    }
    if (overwrites || present === undefined || isEmpty(present)) target.set(key, value);
  }
}
