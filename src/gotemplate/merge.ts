import { isEmpty } from "./emptiness.ts";
import { nilEntries } from "./nil-items.ts";
import { GoError, type GoValue, type World } from "./value.ts";

type GoMap = Extract<GoValue, { kind: "map" }>;

/**
 * Takes over what the first map lacks or has empty (mergo's `Merge`); with `overwrites` everything that the second
 * map has. Maps in maps are merged, lists are not. Changes the first map.
 *
 * @throws {GoError} when a value has no place in the first map because of its type.
 */
export function mergeInto(target: GoMap, source: GoMap, overwrites: boolean, world: World): void {
  if (target.entries === source.entries || target.entries === nilEntries) return;
  world.spend(source.entries.size);
  // A map may be part of the other: what comes to it on the way does not count.
  for (const key of [...source.entries.keys()]) {
    const value = source.entries.get(key);
    if (value === undefined) continue;
    const present = target.entries.get(key);
    if (value.kind === "nil") {
      if (overwrites) put(target, key, { value, element: source.element });
      continue;
    }
    if (value.kind === "map" && present?.kind === "map") {
      mergeInto(present, value, overwrites, world);
      if (isEmpty(present)) put(target, key, { value, element: source.element });
      continue;
    }
    if (overwrites || present === undefined || isEmpty(present)) {
      put(target, key, { value, element: source.element });
    }
  }
}

/** Sets one entry, whose value comes out of a map with this element type. */
function put(
  { entries, element: wanted }: GoMap,
  key: string,
  { value, element }: { readonly value: GoValue; readonly element: string },
): void {
  if (wanted === "string" && element !== "string") {
    const type = value.kind === "list" ? `[]${value.element}` : element;
    throw new GoError(`reflect.Value.SetMapIndex: value of type ${type} is not assignable to type string`);
  }
  entries.set(key, value);
}
