import fc from "fast-check";
import { expect, test } from "vitest";
import { sameNode } from "../../src/core/tree-diff.ts";
import { flatten, unflatten } from "../../src/formats/flatten.ts";
import { outcome, treeOf } from "./file-text.ts";

const text = (value: string) => ({ kind: "str", value }) as const;
const fields = (...keys: string[]) => keys.map((key) => ({ key, value: text("x") }));

function mapOf(value: Readonly<Record<string, unknown>>) {
  const node = treeOf(value);
  if (node.kind !== "map") throw new Error("a mapping");
  return node;
}

test("a step into a mapping is __map_, into a list __list_", () => {
  const map = mapOf({ mac: "m", pgp: [{ enc: "e" }], key_groups: [{}, { age: [{ enc: "f" }] }], kms: [] });

  expect(flatten(map).map(({ key }) => key)).toEqual([
    "mac",
    "pgp__list_0__map_enc",
    "key_groups__list_1__map_age__list_0__map_enc",
  ]);
});

test("every block comes back from its flat form", () => {
  const key = fc.stringMatching(/^[a-z_]{1,6}$/).filter((name) => !/__(map|list)_/.test(name));
  const { node } = fc.letrec((tie) => ({
    node: fc.oneof({ maxDepth: 4 }, fc.string(), tie("list"), tie("map")),
    list: fc.array(tie("node"), { minLength: 1, maxLength: 3 }),
    map: fc.dictionary(key, tie("node"), { minKeys: 1, maxKeys: 3 }),
  }));
  fc.assert(
    fc.property(fc.dictionary(key, node, { minKeys: 1 }), (value) => {
      const sorted = (of: unknown): unknown =>
        Array.isArray(of)
          ? of.map(sorted)
          : of !== null && typeof of === "object"
            ? Object.fromEntries(
                Object.entries(of)
                  .sort(([a], [b]) => (a < b ? -1 : 1))
                  .map(([k, v]) => [k, sorted(v)]),
              )
            : of;
      const map = mapOf(sorted(value) as Record<string, unknown>);
      expect(sameNode(unflatten(flatten(map)), map)).toBe(true);
    }),
  );
});

test.for([
  ["a gap in a list", fields("a__list_0", "a__list_2")],
  ["a list that does not begin at 0", fields("a__list_1")],
  ["a value and a list", fields("a", "a__list_0")],
  ["a list and a value", fields("a__list_0", "a")],
  ["a value and a mapping", fields("a", "a__map_b")],
  ["a list and a mapping", fields("a__list_0", "a__map_b")],
  ["two values for one field", fields("a__map_b", "a__map_b")],
  ["two spellings of one index", fields("a__list_0", "a__list_00")],
  ["an index that is none", fields("a__list_x")],
  ["a negative index", fields("a__list_-1")],
  ["10,000 levels", fields(`a${"__map_a".repeat(10_000)}`)],
  ["a huge index", fields("a__list_99999999999999999999")],
] as const)("%s is refused", ([, flat]) => {
  expect(outcome(() => unflatten(flat))).toBe("METADATA_INVALID");
});

test("two fields with one flat name are refused when writing", () => {
  const map = mapOf({ a: { b: "x" }, a__map_b: "y" });

  expect(outcome(() => flatten(map))).toBe("METADATA_INVALID");
});
